"""Generic markup: nested tags around words and numbers, so that tags are known before any trace is."""

from importlib.resources import files
from random import Random

from skillfactory_pocket.corpus.arithmetic import LARGEST_VALUE
from skillfactory_pocket.corpus.document import Document

TAG_NAMES = [
    "think",
    "sample",
    "reflect",
    "note",
    "list",
    "item",
    "title",
    "text",
    "data",
    "part",
    "quote",
    "step",
    "table",
    "row",
    "name",
]
WORDS = files("skillfactory_pocket").joinpath("words.txt").read_text().split()


def words(random: Random, low: int, high: int) -> str:
    chosen = random.choices(WORDS, k=random.randint(low, high))
    return " ".join(chosen).capitalize() + random.choice((".", ".", "?", "!"))


def markup(random: Random, depth: int) -> str:
    name = random.choice(TAG_NAMES)
    if depth == 0 or random.random() < 0.4:
        inner = (
            words(random, 2, 9)
            if random.random() < 0.7
            else ", ".join(str(random.randint(0, LARGEST_VALUE)) for _ in range(random.randint(1, 6)))
        )
        return f"<{name}>{inner}</{name}>"
    return (
        f"<{name}>\n"
        + "\n".join(
            words(random, 2, 9) if random.random() < 0.3 else markup(random, depth - 1)
            for _ in range(random.randint(1, 4))
        )
        + f"\n</{name}>"
    )


def markup_document(random: Random) -> Document:
    """Nested tags around random words and numbers, up to the length of a long trace."""
    return Document("markup", "", "", "\n".join(markup(random, 3) for _ in range(random.randint(1, 5))))
