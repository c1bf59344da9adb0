"""Copying: an answer, steps or words behind it, and the same answer once more.

To repeat what it wrote, however long that is, is a thing that any larger base model can do.
"""

from random import Random

from skillfactory_pocket.corpus import countdown
from skillfactory_pocket.corpus.arithmetic import write_steps
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.corpus.markup import TAG_NAMES
from skillfactory_pocket.corpus.worksheet import in_tag, some_words

COUNTS = (1, 2, 4, 6)
"answers of a document"


def copying(random: Random) -> Document:
    """There is no problem: nothing is tried, and nothing is checked."""
    return Document("copying", "", "", "\n".join(line for _ in range(random.choice(COUNTS)) for line in twice(random)))


def twice(random: Random) -> list[str]:
    chain = countdown.make_chain(random, countdown.make_numbers(random))
    answer = in_tag("answer", chain.expression if random.random() < 0.8 else str(chain.value))
    lines = [in_tag(random.choice(TAG_NAMES), f"{write_steps(chain.steps)} {answer}"), *some_words(random)]
    if random.random() < 0.5:
        lines.append(in_tag(random.choice(TAG_NAMES), write_steps(chain.steps)))
    if random.random() < 0.5:
        name = random.choice(TAG_NAMES)
        lines = [f"<{name}>", *lines, f"</{name}>"]
    return [*lines, *some_words(random), answer]
