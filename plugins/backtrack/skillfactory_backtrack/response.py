"""A response as a chain of attempts and returns; what is in no attempt, reflection or return is passed over."""

import re
from collections.abc import Iterator

import attrs

from skillfactory_backtrack.steps import Step, kind, split
from skillfactory_core.tags import TagFormat

WHICH = re.compile(r"\d+")


@attrs.frozen
class Stretch:
    """What stands in one attempt, and what was said of it."""

    text: str
    answer: str | None
    verdict: bool | None = None
    back: str | None = None
    "what the return before it names; None: it is no return"

    @property
    def step(self) -> int | None:
        """The number of the step that the return names; None where there is none, or several."""
        found = WHICH.findall(self.back or "")
        return int(found[0]) if len(found) == 1 and len(found[0]) < 4 else None


def read(text: str, tags: TagFormat) -> list[Stretch]:
    """The attempts of a response in order; a stretch that is not closed is none. Linear in the length of the text."""
    back = tags.marks[0] if tags.marks else ""
    found: list[Stretch] = []
    named: str | None = None
    for name, inner in closed(text, [name for name in (tags.attempt, tags.reflection, back) if name]):
        if name == tags.attempt:
            found.append(Stretch(inner, tags.extract(inner, final=False), back=named))
            named = None
        elif name == tags.reflection and found:
            found[-1] = attrs.evolve(found[-1], verdict=tags.read_verdict(inner))
        elif name == back and found:
            named = inner
    return found


def closed(text: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of what stands between an opening tag and the first closing one of its name, one after the other."""
    open_name, at = "", 0
    for match in re.finditer(f"<(/?)({'|'.join(map(re.escape, names))})>", text):
        if not match[1]:
            open_name, at = match[2], match.end()
        elif match[2] == open_name:
            yield open_name, text[at : match.start()]
            open_name = ""


@attrs.frozen
class Return:
    """One return: the steps of the attempt that is left, the step that is named, and the steps that follow."""

    left: tuple[str, ...]
    step: int | None
    then: tuple[str, ...]
    before: bool | None
    "the verdict on the attempt that is left"
    after: bool | None
    "the verdict on the one that follows"

    @property
    def exists(self) -> bool:
        """Whether there is such a step; 0 is the start, which is always there."""
        return self.step is not None and self.step <= len(self.left)

    @property
    def kept(self) -> tuple[str, ...]:
        return self.left[: self.step] if self.exists else ()


def returns(text: str, tags: TagFormat, how: str = "auto") -> list[Return]:
    """The returns of a response. What is left is the whole way: the steps that it kept of earlier attempts, then its own."""
    found: list[Return] = []
    way: tuple[str, ...] = ()
    how_now = how
    before: bool | None = None
    for one in read(text, tags):
        if one.back is None:
            # The way of splitting is that of the first attempt: a rest of one step alone does not show it.
            how_now = kind(one.text, how, one.answer or "")
            way = keys(split(one.text, how_now, one.answer or ""))
        else:
            then = keys(split(one.text, how_now, one.answer or ""))
            made = Return(way, one.step, then, before, one.verdict)
            found.append(made)
            way = (*made.kept, *then)
        before = one.verdict
    return found


def keys(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.key for step in steps)
