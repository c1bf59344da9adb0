"""Funnel: how much of what the model wrote is left in the traces, and why the rest fell out. Read from the tables, part by part."""

from collections import Counter
from collections.abc import Mapping, Sequence
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

    def level(title: str, what: str, name: str, fell: str = "") -> Level:
        out = {reason: 0 for (kind, reason, _) in seen if kind == fell and reason}
        reasons = [(reason, seen[fell, reason, True] + seen[fell, reason, False]) for reason in out]
        said = [(REASONS.get(reason, reason), number) for reason, number in sorted(reasons, key=lambda one: -one[1])]
        return Level(title, seen[what, name, True], seen[what, name, False], said)

    made = {
        "attempts": [
            level("graded", "attempts", "all"),
            level("fit to be shown", "attempts", "usable", "attempt out"),
            level("with a true reflection", "attempts", "kept"),
            level("in a trace", "attempts", "traced"),
        ],
        "reflections": [
            level("written", "reflections", "all"),
            level("with the true verdict", "reflections", "kept", "reflection out"),
            level("in a trace", "reflections", "traced"),
        ],
    }
    if not made["reflections"][0].count:
        made = {"attempts": [one for one in made["attempts"] if one.title != "with a true reflection"]}
    if not run.traces.parts():
        made = {name: [one for one in levels if one.title != "in a trace"] for name, levels in made.items()}
    return made


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
