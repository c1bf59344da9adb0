"""Split: the subgoals, the steps and the rest of what a model wrote. Nothing is put in: every part is a stretch of the text."""

import re
from collections.abc import Callable, Iterator, Mapping

import attrs

ENTRY = re.compile(
    r"^[ \t#*_>-]*((?:(?:check|goal|part|step|subgoal)[ \t]+)?(\d{1,3})[.):](?!\d))", re.MULTILINE | re.I
)
NUMBER = re.compile(r"(?:[a-z]+[ \t]+)?(\d{1,3})[.):](?!\d)\s*", re.I)
SENTENCE_END = re.compile(r"[.!?](?=\s|$|<)")
TAG = re.compile(r"</?[A-Za-z_][^<>\s]*>")
FIGURE = r"-?\d+(?:[./]\d+)?"
LEFT = rf":[ \t]*{FIGURE}(?:,[ \t]*{FIGURE})*"
"the numbers that a step leaves to be used, behind its value"
PAUSE = re.compile(rf"(?P<left>(?<=\d){LEFT}(?=\s*(?:[,;]|$)))|,|;(?=[^,;]*=)")
"what parts equations: a comma, or a semicolon before the next one; and those numbers, whose commas do not"
LEAVES = re.compile(rf"([\d\s.()+*/=-]*=\s*{FIGURE})\s*{LEFT}\s*\.?\s*")
"an equation in numbers alone, and what it leaves"


@attrs.frozen
class Split:
    """A text in its parts, each as it was written but for white space around it."""

    goals: tuple[str, ...]
    "the subgoals that are stated before the steps; empty where none are"
    steps: tuple[str, ...]
    rest: str
    "what stands after the last step, from the first tag at the latest"


Way = Callable[[str], Split | None]


def numbered(text: str) -> Split | None:
    """Lines that begin with 1, 2, 3 …: one list is the steps, two of one length are subgoals and steps.

    The last entry of a list ends at an empty line, or at a line with a colon at its end before another list.
    """
    head = text[: first_tag(text)]
    lists = list(lists_of(head))
    if not lists or len(lists) > 2 or len(lists[0]) != len(lists[-1]):
        return None
    texts = [tuple(head[start:end].strip() for start, end in spans) for spans in lists]
    end = lists[-1][-1][1]
    return Split(texts[0] if len(texts) == 2 else (), texts[-1], text[end:].strip())


def lists_of(text: str) -> Iterator[list[tuple[int, int]]]:
    """The numbered lists of a text, each as the spans of its entries."""
    starts: list[list[int]] = []
    for match in ENTRY.finditer(text):
        number = int(match[2])
        if number == 1:
            starts.append([match.start(1)])
        elif starts and number == len(starts[-1]) + 1:
            starts[-1].append(match.start(1))
    for place, entries in enumerate(starts):
        following = starts[place + 1][0] if place + 1 < len(starts) else len(text)
        yield list(zip(entries, [*entries[1:], end_of_list(text, entries[-1], following)], strict=True))


def end_of_list(text: str, start: int, following: int) -> int:
    """Where the last entry of a list ends, before another list or the end of the text at `following`."""
    blank = re.compile(r"\n[ \t]*\n").search(text, start, following)
    if blank:
        return blank.start()
    before = text[start:following].rstrip(" \t\n#*_>-")
    line = before.rfind("\n")
    return start + line if following < len(text) and line > 0 and before.endswith(":") else following


def equations(text: str) -> Split | None:
    """The first sentences of the kind `a + b = c, c * d = e.` or `a + b = c: d, e; c * d = f: e.`

    Subgoals are a list after a colon before them, of the same length.
    """
    head = text[: first_tag(text)]
    goals: tuple[str, ...] = ()
    steps: list[str] = []
    start = 0
    for end in (*(match.end() for match in SENTENCE_END.finditer(head)), len(head)):
        parts = list(parted(head[start:end].strip().rstrip(".!?")))
        if all(map(is_equation, parts)):
            steps += parts
        elif steps:
            break
        elif ":" in head[start:end]:
            listed = head[start:end].partition(":")[2].strip().rstrip(".!?")
            goals = tuple(part.strip() for part in listed.split(","))
        start = end
    if not steps:
        return None
    return Split(goals if len(goals) == len(steps) and all(goals) else (), tuple(steps), text[start:].strip())


def parted(sentence: str) -> Iterator[str]:
    """What stands between commas and semicolons; a list of numbers behind a value stays with it."""
    at = 0
    for match in PAUSE.finditer(sentence):
        if match.lastgroup != "left":
            yield sentence[at : match.start()].strip()
            at = match.end()
    yield sentence[at:].strip()


def is_equation(text: str) -> bool:
    left, equals, right = text.partition("=")
    return bool(equals and left.strip() and right.strip())


def lines(text: str) -> Split | None:
    """Each line is a step, up to the first with a tag."""
    tag = first_tag(text)
    end = tag if tag == len(text) else text.rfind("\n", 0, tag) + 1
    steps = tuple(line.strip() for line in text[:end].splitlines() if line.strip())
    return Split((), steps, text[end:].strip()) if steps else None


def auto(text: str) -> Split | None:
    """Numbered lists; where there are none, equations."""
    return numbered(text) or equations(text)


WAYS: Mapping[str, Way] = {"auto": auto, "numbered": numbered, "equations": equations, "lines": lines}


def first_tag(text: str) -> int:
    """Where the first tag of a text begins; its length where there is none."""
    found = TAG.search(text)
    return found.start() if found else len(text)


def goal_of(step: str) -> str:
    """The subgoal that a step itself states: what stands before its first colon, or before its last equals sign.

    A colon before the numbers that it leaves is none.
    """
    number = NUMBER.match(step)
    start = number.end() if number else 0
    said = without_left(step[start:])
    before, colon, _ = said.partition(":")
    if not colon:
        before = said.rpartition("=")[0]
    return step[: start + len(before)].strip() if before.strip() else ""


def serves(goal: str, step: str) -> bool:
    """Whether a step is one for a subgoal: of the same number where both have one, else the subgoal's words are in it."""
    numbers = NUMBER.match(goal), NUMBER.match(step)
    if numbers[0] and numbers[1]:
        return numbers[0][1] == numbers[1][1]
    return bare(goal) in bare(step)


def same_goal(step: str, other: str) -> bool:
    """Whether two steps are for one subgoal: of the same number where both have one, else by what they state."""
    numbers = NUMBER.match(step), NUMBER.match(other)
    if numbers[0] and numbers[1]:
        return numbers[0][1] == numbers[1][1]
    goal = bare(goal_of(step))
    return bool(goal) and goal == bare(goal_of(other))


def bare(text: str) -> str:
    """A text without its number, the numbers that it leaves, its last full stop and how white space and capitals were used: to compare."""
    number = NUMBER.match(text)
    said = without_left(text[number.end() if number else 0 :])
    return " ".join(said.split()).rstrip(" .").casefold()


def without_left(text: str) -> str:
    """A step without the numbers that it leaves; a check of it does not name them."""
    leaves = LEAVES.fullmatch(text)
    return leaves[1] if leaves else text
