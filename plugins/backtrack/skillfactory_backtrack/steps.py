"""Steps: how a text is split into them, and how many two texts begin with alike.

    numbered    lines that begin with 1. or Step 1:, counting up
    equations   what has an = in it, between commas, semicolons, full stops and line ends; numbers behind a colon belong to it
    sentences   up to a full stop, a question or an exclamation mark, or the end of the line
    lines       lines
    auto        numbered where there are two such lines, else equations where there are two, else sentences

What comes before the first numbered line or equation is no step, and neither is the answer in its tag at the end.
"""

import re
from collections.abc import Iterator

import attrs

SPLITS = ("auto", "numbered", "equations", "sentences", "lines")
NUMBER = re.compile(
    r"^ ?(?:[*#]+[ \t]*)?(?:step[ \t]+)?(\d{1,3})(?:[.):](?=\s|[*]|$))[*]*[ \t]*", re.IGNORECASE | re.MULTILINE
)
FIGURE = r"-?\d+(?:[./]\d+)?"
PAUSE = re.compile(rf"(?P<listed>(?<=\d):[ \t]*{FIGURE}(?:,[ \t]*{FIGURE})*(?=\s*(?:[,.;\n]|$)))|[,.]+(?=\s|$)|[;\n]+")
"what ends an equation; the point and the comma within a number do not, nor do those in a list of numbers behind its value"
STOP = re.compile(r"[.!?]+(?=\s|$)|\n+")


@attrs.frozen
class Step:
    """One step of a text."""

    start: int
    "where it begins, with its number"
    end: int
    key: str
    "what it says, without number, spaces and marks around it: equal steps have equal keys"


def split(text: str, how: str = "auto", answer: str = "") -> tuple[Step, ...]:
    """The steps of a text, in order. `answer`: what its last tag holds, where it ends in one; that is no step."""
    end = body_end(text, answer)
    return tuple(SPLITTERS[kind(text, how, answer)](text, end))


def kind(text: str, how: str = "auto", answer: str = "") -> str:
    """The way to split a text: the one asked for, or, for `auto`, the first of which it has two steps."""
    if how != "auto":
        return how
    end = body_end(text, answer)
    return next((name for name in ("numbered", "equations") if many(SPLITTERS[name](text, end))), "sentences")


def many(found: Iterator[Step]) -> bool:
    return next(found, None) is not None and next(found, None) is not None


def body_end(text: str, answer: str) -> int:
    """Where the answer's tag begins, or the end of the text."""
    last = len(text.rstrip())
    if answer:
        for match in re.finditer(rf"<([\w-]+)>\s*{re.escape(answer)}\s*</\1>", text):
            last = match.start()
    return last


def numbered(text: str, end: int) -> Iterator[Step]:
    """From a number to the next one that counts on; other numbers and lists within a step, further in, are part of it."""
    starts: list[re.Match[str]] = []
    for match in NUMBER.finditer(text, 0, end):
        if not starts or int(match[1]) == int(starts[-1][1]) + 1:
            starts.append(match)
    ends = [match.start() for match in starts[1:]] + [end] * bool(starts)
    for match, stop in zip(starts, ends, strict=True):
        yield Step(match.start(), trimmed(text, match.start(), stop), key_of(text[match.end() : stop]))


def equations(text: str, end: int) -> Iterator[Step]:
    """Stretches with an = in them; words before one of them belong to it, words before the first to none."""
    begin, found = None, False
    for start, stop in stretches(PAUSE, text, end):
        if "=" in text[start:stop]:
            yield Step(start if begin is None else begin, stop, key_of(text[start:stop]))
            begin, found = None, True
        elif found and begin is None:
            begin = start


def sentences(text: str, end: int) -> Iterator[Step]:
    for start, stop in stretches(STOP, text, end):
        yield Step(start, stop, key_of(text[start:stop]))


def lines(text: str, end: int) -> Iterator[Step]:
    for start, stop in stretches(re.compile(r"\n+"), text, end):
        yield Step(start, stop, key_of(text[start:stop]))


SPLITTERS = {"numbered": numbered, "equations": equations, "sentences": sentences, "lines": lines}


def stretches(pause: re.Pattern[str], text: str, end: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of what stands between pauses and says anything, without spaces around it."""
    at = 0
    for match in pause.finditer(text, 0, end):
        if match.lastgroup != "listed":
            yield from said(text, at, match.start())
            at = match.end()
    yield from said(text, at, end)


def said(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    stretch = text[start:stop]
    if key_of(stretch):
        start += len(stretch) - len(stretch.lstrip())
        yield start, trimmed(text, start, stop)


def trimmed(text: str, start: int, stop: int) -> int:
    return start + len(text[start:stop].rstrip())


def key_of(text: str) -> str:
    """What a step says, however it is spaced, capitalised and ended."""
    return " ".join(text.casefold().split()).strip(" .,;:!?*")


def shared(one: tuple[Step, ...], other: tuple[Step, ...]) -> int:
    """With how many equal steps two texts begin."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a.key != b.key:
            break
        count += 1
    return count
