"""Branch: what a response becomes when the verdict of one of its reflections is kept, swapped or dropped."""

import attrs

from skillfactory_core.tags import TagFormat

CHANGES = ("kept", "swapped", "dropped")


@attrs.frozen
class Branch:
    """A response that was cut after a reflection, changed there or not, and that the model then finished anew."""

    key: str
    "key of the response / change / number"
    response: str
    "key of the response that was cut"
    method: str
    variant: str
    "the exam"
    problem: str
    change: str
    "to the verdict: kept, swapped or dropped"
    verdict: bool
    "what the model had claimed"
    truth: bool
    "whether the attempt that it was about is right"
    begun: str
    "the text that the model had to go on from"
    text: str
    "all of it, with what it then wrote"
    tokens: int
    "of what it then wrote"
    finish: str
    again: bool
    "whether another attempt followed"
    correct: bool
    answer: str | None
    reason: str
    error: str = ""


@attrs.frozen
class Cut:
    """A reflection with a clear verdict."""

    begun: str
    """the response up to the end of the reflection, and the space after that: a tokenizer may have one token for a tag with the line's
    end, and a model that is given another has seen nothing follow it"""
    start: int
    "where the verdict's tag starts in it"
    end: int
    "where it ends"
    answer: str | None
    "of the attempt that it is about"
    verdict: bool

    def changed(self, change: str, tags: TagFormat) -> str:
        """The same with another verdict, or none."""
        word = tags.correct if self.verdict == (change == "kept") else tags.incorrect
        verdict = "" if change == "dropped" else f"<{tags.verdict}>{word}</{tags.verdict}>"
        before = self.begun[: self.start]
        return f"{before if verdict else before.rstrip()}{verdict}{self.begun[self.end :]}"


def cuts(text: str, tags: TagFormat) -> list[Cut]:
    """Every place where a response can be cut: the ends of its reflections whose one verdict is clear, before the thinking ends."""
    found = []
    opening, closing = f"<{tags.reflection}>", f"</{tags.reflection}>"
    at, last = text.find(opening), text.find(f"</{tags.think}>")
    while at >= 0 and (last < 0 or at < last):
        close = text.find(closing, at)
        if close < 0:
            break
        end = close + len(closing)
        inner, begun = text[at:close], text[: len(text) - len(text[end:].lstrip())]
        tries = tags.parse(begun).tries
        verdict = tags.read_verdict(inner)
        if verdict is not None and tries and inner.count(f"<{tags.verdict}>") == 1:
            start = at + inner.find(f"<{tags.verdict}>")
            stop = text.find(f"</{tags.verdict}>", start) + len(tags.verdict) + 3
            found.append(Cut(begun, start, stop, tries[-1].answer, verdict))
        at = text.find(opening, close)
    return found
