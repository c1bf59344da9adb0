"""What the skill measures in a response: how often it returns, and whether a return does what it says. All of it is read from the
text and its verdicts; whether an answer is truly right is the task's to say."""

import re
from collections.abc import Callable, Sequence

from skillfactory_backtrack.response import Return
from skillfactory_backtrack.response import returns as returns_of
from skillfactory_core.skill import Measure
from skillfactory_core.tags import TagFormat

FIGURE = re.compile(r"\d+(?:\.\d+)?")


def returns(text: str, tags: TagFormat) -> float | None:
    """How often a response goes back to a step that it names."""
    return float(len(returns_of(text, tags))) if tags.marks else None


def to_a_step(text: str, tags: TagFormat) -> float | None:
    """Of its returns, the share that names a step which the attempt before has (or 0, its start)."""
    return share(text, tags, lambda one: True, lambda one: one.exists)


def keeps_steps(text: str, tags: TagFormat) -> float | None:
    """Of those, the share that goes on from there: no kept step is done again, and a value that the last one came to is used."""
    return share(text, tags, lambda one: bool(one.kept), goes_on)


def other_way(text: str, tags: TagFormat) -> float | None:
    """Of those, the share whose next step is another than the one that was given up."""
    return share(text, tags, has_next, lambda one: not one.then or one.then[0] != one.left[len(one.kept)])


def comes_right(text: str, tags: TagFormat) -> float | None:
    """Of the returns from an attempt that it calls wrong, the share that ends in one which it calls right."""
    return share(text, tags, lambda one: one.before is False and one.after is not None, lambda one: one.after is True)


def share(text: str, tags: TagFormat, case: Callable[[Return], bool], holds: Callable[[Return], bool]) -> float | None:
    """Of the returns in question, the share of which something holds."""
    found = [one for one in returns_of(text, tags) if case(one)] if tags.marks else []
    return sum(map(holds, found)) / len(found) if found else None


def has_next(one: Return) -> bool:
    """Whether the attempt that was left has a step after the one that is named."""
    return one.exists and len(one.left) > len(one.kept)


def goes_on(one: Return) -> bool:
    """Whether what follows a return builds on the kept steps. A step with an = comes to the number after its last one."""
    if not one.then or set(one.then) & set(one.kept):
        return False
    value = came_to(one.kept[-1])
    return value is None or "=" not in one.then[0] or value in FIGURE.findall(one.then[0].rpartition("=")[0])


def came_to(step: str) -> str | None:
    """The number after the last = of a step."""
    found: Sequence[str] = FIGURE.findall(step.rpartition("=")[2]) if "=" in step else ()
    return found[0] if found else None


MEASURES: dict[str, Measure] = {
    "returns": returns,
    "to_a_step": to_a_step,
    "keeps_steps": keeps_steps,
    "other_way": other_way,
    "comes_right": comes_right,
}
