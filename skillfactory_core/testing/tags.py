"""Check a tag format: what it writes it reads back, and no text makes it raise."""

from collections.abc import Sequence
from random import Random

import attrs

from skillfactory_core.check.poison import poison
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import TagFormat, Try
from skillfactory_core.testing.demand import demand
from skillfactory_core.testing.skill import tried

WORDS = ("", "so ", "2 < 3 ", "\n", "no, ", "x > y ", "٣ ", "half\n\n", "& ")
LETTERS = "abc xyz 0123 +-*/=()[]{}\\.,é٣"


def check_tag_format(tags: TagFormat, rounds: int = 200, seed: int = 0) -> None:
    """Write traces and read them back; then read tags in any order, and texts that are meant to break readers.

    A format that leaves out its tags is only asked for the answer, which no format may leave out.
    """
    random = Random(f"{seed}-{tags.name}")
    for _ in range(rounds):
        pairs = [draw(tags, number, random) for number in range(random.randint(1, 5))]
        round_trip(tags, pairs, random.randrange(len(pairs)), random)
    pieces = [f"<{slash}{name}>" for name in tags.names for slash in ("", "/")] + [tags.correct, tags.incorrect, *WORDS]
    for _ in range(rounds):
        reads(tags, "".join(random.choice(pieces) for _ in range(random.randint(0, 30))))
    for text in poison(f"<{tags.answer}>"):
        reads(tags, text)


def draw(tags: TagFormat, number: int, random: Random) -> Pair:
    """An attempt with some answer, with or without a reflection."""
    answer = "".join(random.choice(LETTERS) for _ in range(random.randint(1, 12))).strip() or "1"
    pair = tried(tags, random.random() < 0.5, number, answer, random.choice(WORDS))
    return attrs.evolve(pair, reflection=pair.reflection if random.random() < 0.7 else None)


def round_trip(tags: TagFormat, pairs: Sequence[Pair], final: int, random: Random) -> None:
    """One trace, written and read."""
    glue = [Phrase(f"On {number}.", f"generic:{number}") for number in range(1, len(pairs))]
    ending = Phrase("That one.", "kit:1") if random.random() < 0.5 else None
    answer = pairs[final].answer
    segments = tags.write(pairs, glue, Phrase("Done.", "closing:1"), answer, final, ending)
    text = "".join(segment.text for segment in segments)
    sources = {pair.attempt.key: pair.attempt.text.strip() for pair in pairs}
    for segment in segments:
        if segment.kind == "attempt":
            demand(
                sources.get(segment.source) == segment.text,
                f"tag format '{tags.name}': a segment says it is from {segment.source}, and is not: {segment.text!r:.120}",
            )
    parsed = tags.parse(text)
    demand(parsed.answer == answer, f"tag format '{tags.name}' reads the answer {parsed.answer!r:.60} in {text!r:.400}")
    if f"<{tags.think}>" not in text:
        return
    expected = tuple(
        Try(pair.answer, pair.reflection is not None, pair.correct if pair.reflection is not None else None)
        for pair in pairs
    )
    demand(parsed.tries == expected, f"tag format '{tags.name}' reads {parsed.tries!r:.300} in {text!r:.400}")
    demand(parsed.well_formed, f"tag format '{tags.name}' calls its own trace malformed: {text!r:.400}")


def reads(tags: TagFormat, text: str) -> None:
    """Any text is read without an error, and its answer is the same by both ways to it."""
    try:
        parsed, answer = tags.parse(text), tags.extract(text, final=True)
        tags.extract(text, final=False)
        tags.read_verdict(text)
        tags.breaks(text, inner=tags.answer)
    except Exception as error:
        raise AssertionError(
            f"tag format '{tags.name}' raised {type(error).__name__} ({error}) on {text!a:.200}"
        ) from error
    demand(
        parsed.answer == answer,
        f"tag format '{tags.name}': parse finds {parsed.answer!r:.60} and extract {answer!r:.60} in {text!a:.200}",
    )
