"""Funnel: how much of what the model wrote is left in the traces, and why the rest fell out. Read from the tables, part by part."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs

from skillfactory_core.report.story import DROPPED
from skillfactory_core.run import Run
from skillfactory_core.table import Table

REASONS = {
    **DROPPED,
    "unchecked": "could not be checked",
    "no_answer": "no answer",
    "hint": "told of the hint",
}
"why a record fell out, in words; a reason that is not here stands for itself"


@attrs.frozen
class Level:
    """What is left after one sieve."""

    title: str
    right: int
    "of them: right attempts, or reflections on these"
    wrong: int
    fell_out: Sequence[tuple[str, int]] = ()
    "reason and count of those that this sieve took out"

    @property
    def count(self) -> int:
        return self.right + self.wrong


def funnel(run: Run) -> dict[str, list[Level]]:
    """The sieves of the attempts and of the reflections; empty where there are no grades yet."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    for part in run.grades.parts():
        seen += part_of(run, part)
    if not seen:
        return {}

    def level(title: str, what: str, name: str, *fell_out: tuple[str, int]) -> Level:
        return Level(title, seen[what, name, True], seen[what, name, False], [one for one in fell_out if one[1]])

    def fell(what: str) -> list[tuple[str, int]]:
        """The reasons in words, the frequent ones first."""
        out: Counter[str] = Counter()
        for (kind, reason, _), number in seen.items():
            out[REASONS.get(reason, reason)] += number if kind == what else 0
        return out.most_common()

    attempts = [
        level("graded", "attempts", "all", (DROPPED["error"], run.attempts.count() - total(seen, "attempts", "all"))),
        level("fit to be shown", "attempts", "usable", *fell("attempt out")),
        level("with a true reflection", "attempts", "kept"),
        level("in a trace", "attempts", "traced"),
    ]
    reflections = [
        level("written", "reflections", "all"),
        level("with the true verdict", "reflections", "kept", *fell("reflection out")),
        level("in a trace", "reflections", "traced"),
    ]
    if not reflections[0].count:
        attempts, reflections = [one for one in attempts if one.title != "with a true reflection"], []
    made = {"attempts": attempts, "reflections": reflections} if reflections else {"attempts": attempts}
    if not run.traces.parts():
        made = {name: [one for one in levels if one.title != "in a trace"] for name, levels in made.items()}
    return {name: with_rest(levels) for name, levels in made.items()}


REST = {"with a true reflection": "no reflection with the true verdict", "in a trace": "not drawn by the strategy"}
"why a sieve without reasons of its own took out what it took"


def with_rest(levels: Sequence[Level]) -> list[Level]:
    """The same, where each sieve that gives no reasons says what it took out."""
    found = list(levels[:1])
    for above, one in pairwise(levels):
        lost = above.count - one.count
        rest = [(REST[one.title], lost)] if one.title in REST and lost > 0 else []
        found.append(attrs.evolve(one, fell_out=[*one.fell_out, *rest]))
    return found


def total(seen: Mapping[tuple[str, str, bool], int], what: str, name: str) -> int:
    return seen.get((what, name, True), 0) + seen.get((what, name, False), 0)


def part_of(run: Run, part: int) -> Counter[tuple[str, str, bool]]:
    """(what, name, right) -> how many, in one part. A part of each table is about the same problems."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    truth: dict[str, bool] = {}
    for attempt, correct, dropped in run.grades.columns(part, "attempt", "correct", "dropped"):
        truth[attempt] = correct
        seen["attempts", "all", correct] += 1
        seen["attempt out", dropped, correct] += bool(dropped)
        seen["attempts", "usable", correct] += not dropped
    kept = set()
    about: dict[str, str] = {}
    if part in run.reflections.parts():
        for key, attempt, dropped in run.reflections.columns(part, "key", "attempt", "dropped"):
            correct = truth.get(attempt, False)
            seen["reflections", "all", correct] += 1
            seen["reflection out", dropped, correct] += bool(dropped)
            if not dropped:
                seen["reflections", "kept", correct] += 1
                kept.add(attempt)
                about[key] = attempt
    traced = sources(run.traces, part)
    for name, attempts in (("kept", kept), ("traced", traced & truth.keys())):
        seen.update(("attempts", name, truth[attempt]) for attempt in attempts if attempt in truth)
    seen.update(("reflections", "traced", truth.get(about[key], False)) for key in traced & about.keys())
    return +seen


def sources(traces: Table[Any], part: int) -> set[str]:
    """The keys that the segments of a part's traces were cut from, without their texts."""
    import pyarrow.compute as pc

    found: set[str] = set()
    column = "segments.list.element.source"
    for batch in traces.batches(part, [column]) if part in traces.parts() else ():
        inner = pc.list_flatten(batch.column("segments")).field("source")
        found.update(pc.unique(inner).to_pylist())
    return found


def widths(levels: Sequence[Level]) -> list[Mapping[str, float]]:
    """The bars of a funnel in percent of its first level."""
    whole = levels[0].count or 1
    return [{"right": 100 * one.right / whole, "wrong": 100 * one.wrong / whole} for one in levels]
