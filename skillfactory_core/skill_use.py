"""Skill use: what a response shows of trying, checking and trying again. Pure functions over text.

Truth and claim stay apart: whether an attempt is right comes from the task, what the model says of it from the verdict.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from skillfactory_core.attempt import UNCHECKED, Grade
from skillfactory_core.loop import loops
from skillfactory_core.tags import TagFormat


@attrs.frozen
class Claim:
    """A verdict, what it was about, and what the model did next."""

    verdict: bool
    truth: bool | None
    "None where the grader could not check the answer"
    followed: bool | None
    "another attempt came after it; None where the response was cut off before anything could"


@attrs.frozen
class Use:
    """One response, seen as a piece of skill."""

    thinks: bool
    "it opens a think block"
    well_formed: bool
    answers: int
    "attempts made; an answer given without any marked attempt is one"
    reflections: int
    claims: tuple[Claim, ...]
    truths: tuple[bool | None, ...]
    "of the marked attempts in turn: whether they are right; None where the grader could not check"
    tagged: bool
    "it has any tag of a trace but that of an answer, so that its form can be held against the tag format's"
    loops: bool
    "it says one thing over and over"
    cut: bool
    "it ran into the length limit"


def skill_use(text: str, tags: TagFormat, grade: Callable[[str], Grade], cut: bool) -> Use:
    """Take a response apart. `grade` knows the problem; `cut` says that the response ran into the length limit."""
    parsed = tags.parse(text)
    truths = tuple(_truth(one.answer, grade) for one in parsed.tries)
    claims = []
    for number, (one, truth) in enumerate(zip(parsed.tries, truths, strict=True), 1):
        last = number == len(parsed.tries)
        if one.verdict is not None:
            followed = None if last and cut else not last
            claims.append(Claim(one.verdict, truth, followed))
    inner = [name for name in tags.names if name != tags.answer]
    return Use(
        thinks=f"<{tags.think}>" in text,
        well_formed=parsed.well_formed,
        answers=len(parsed.tries) or int(parsed.answer is not None),
        reflections=sum(one.reflected for one in parsed.tries),
        claims=tuple(claims),
        truths=truths,
        tagged=any(f"<{name}>" in text or f"</{name}>" in text for name in inner),
        loops=loops(text),
        cut=cut,
    )


def _truth(answer: str | None, grade: Callable[[str], Grade]) -> bool | None:
    """Whether an attempt is right; one without an answer is not."""
    if answer is None:
        return False
    try:
        found = grade(answer)
    except Exception:  # noqa: BLE001 - a third-party grader must not take the summary down; not checked is not wrong
        return None
    return None if found.reason in UNCHECKED else found.correct


@attrs.define
class Tally:
    """The uses of many responses, added up one at a time."""

    responses: int = 0
    thinking: int = 0
    well_formed: int = 0
    answers: int = 0
    reflections: int = 0
    outcomes: Counter[tuple[bool, bool]] = attrs.field(factory=Counter)
    "(verdict, truth) of the claims whose truth is known"
    next: Counter[tuple[bool, bool]] = attrs.field(factory=Counter)
    "(verdict, another attempt followed)"
    fixed: Counter[bool] = attrs.field(factory=Counter)
    "whether the final answer is right, where the first attempt is wrong"
    broken: Counter[bool] = attrs.field(factory=Counter)
    "whether the final answer is wrong, where an attempt is right"
    looping: Counter[bool] = attrs.field(factory=Counter)
    malformed: Counter[bool] = attrs.field(factory=Counter)
    "of responses with tags that came to their own end: a cut-off one had no chance to close what it opened"

    def add(self, use: Use, right: bool | None = None) -> None:
        """`right`: whether the final answer is; None where the grader could not check it."""
        self.responses += 1
        self.thinking += use.thinks
        self.well_formed += use.well_formed
        self.answers += use.answers
        self.reflections += use.reflections
        self.outcomes.update((claim.verdict, claim.truth) for claim in use.claims if claim.truth is not None)
        self.next.update((claim.verdict, claim.followed) for claim in use.claims if claim.followed is not None)
        if right is not None and use.truths and use.truths[0] is False:
            self.fixed[right] += 1
        if right is not None and any(use.truths):
            self.broken[not right] += 1
        self.looping[use.loops] += 1
        if use.tagged and not use.cut:
            self.malformed[not use.well_formed] += 1

    def figures(self) -> dict[str, Any]:
        """The means and shares; None where there is nothing to divide by."""
        return {
            "answers": ratio(self.answers, self.responses),
            "reflections": ratio(self.reflections, self.responses),
            "well_formed": ratio(self.well_formed, self.responses),
            "verdicts": {"right": agreement(self.outcomes, True), "wrong": agreement(self.outcomes, False)},
            "retry_after_incorrect": part(self.next[False, True], self.next[False, False]),
            "stop_after_correct": part(self.next[True, False], self.next[True, True]),
            "fixed": part(self.fixed[True], self.fixed[False]),
            "broken": part(self.broken[True], self.broken[False]),
            "looping": part(self.looping[True], self.looping[False]),
            "malformed": part(self.malformed[True], self.malformed[False]),
        }


def logged(use: Use) -> dict[str, float]:
    """The figures of one response that a training log takes the mean of; those that it has no case of are left out."""
    again = [claim.followed for claim in use.claims if not claim.verdict and claim.followed is not None]
    stopped = [not claim.followed for claim in use.claims if claim.verdict and claim.followed is not None]
    true = [claim.verdict == claim.truth for claim in use.claims if claim.truth is not None]
    cases = {"retry_after_incorrect": again, "stop_after_correct": stopped, "verdict_agreement": true}
    return {
        "answers": float(use.answers),
        "reflections": float(use.reflections),
        "well_formed": float(use.well_formed),
        **{name: sum(found) / len(found) for name, found in cases.items() if found},
    }


def agreement(outcomes: Counter[tuple[bool, bool]], positive: bool) -> dict[str, Any]:
    """How well verdicts find the attempts that are truly right (or, with positive=False, truly wrong)."""
    hits, alarms, misses = (
        outcomes[positive, positive],
        outcomes[positive, not positive],
        outcomes[not positive, positive],
    )
    return {
        "precision": ratio(hits, hits + alarms),
        "recall": ratio(hits, hits + misses),
        "f1": ratio(2 * hits, 2 * hits + alarms + misses),
        "support": hits + misses,
    }


def part(count: int, others: int) -> dict[str, Any]:
    """A share with the counts behind it."""
    return {"share": ratio(count, count + others), "count": count, "of": count + others}


def pooled(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several shares as one, with the counts of all."""
    kept = list(parts)
    count, total = (sum(each[name] for each in kept) for name in ("count", "of"))
    return part(count, total - count)


def ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def macro(values: Iterable[float | None]) -> float | None:
    """The plain mean of what there is."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
