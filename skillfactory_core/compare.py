"""Compare: methods of one run or of several, on the problems that they share. Paired by problem, the problems drawn again.

A problem is the same in two runs when its hash is, whatever its exam is called there; exams are matched by their problems. The
means are over the exams that all methods took and no run was trained on, or over all that they took where that leaves none.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core import interval
from skillfactory_core.bootstrap import DRAWS, percentiles, resample
from skillfactory_core.compute import tokens_of
from skillfactory_core.contest import Contestant, Exam, contestants_of, exams_of
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.interval import Interval
from skillfactory_core.run import Run

if TYPE_CHECKING:
    from numpy import ndarray

Pair = tuple[str, str]
"the labels of a method and of the one that it is compared with"


@attrs.frozen
class Gap:
    """How far one method is ahead of another on the problems that both answered."""

    interval: Interval
    problems: int
    wins: int
    "problems on which its share of right responses is larger"
    ties: int
    losses: int

    def figures(self) -> dict[str, Any]:
        counts = attrs.asdict(self, filter=lambda field, _: field.name != "interval")
        return {**self.interval.named("difference"), **counts}


def compare(
    runs: Sequence[Run], methods: Sequence[str] = (), own: bool = False, against: str = "", draws: int = DRAWS
) -> dict[str, Any]:
    """Every difference between the methods of these runs, as a dict of plain values:

    runs; against, the label of the method that comes first; draws; mean_of, the names of the exams in the means;
    exams: name -> task, problems, trained_on;
    methods: label -> run, method, exams (name -> accuracy, low, high, problems), mean (or None), tokens (`compute.tokens_of`);
    differences: exam or "mean" -> method, against, difference, low, high, problems, wins, ties, losses: each against all before it;
    forgetting: label -> exam or "mean" -> the same against the base of its run, on other tasks than it was trained on.

    `methods`: only these. `own`: only each run's own method. `against`: the label to put first, in place of the first of the first run.
    """
    contestants = contestants_of(runs, methods, own)
    if against:
        labels = [one.label for one in contestants]
        if against not in labels:
            raise not_found("method", against, labels, "compare", f"; there is {', '.join(labels)}")
        contestants.sort(key=lambda one: one.label != against)
    exams = exams_of(contestants)
    check_shared(runs, contestants, exams)
    ranked = [(one.label, other.label) for at, one in enumerate(contestants) for other in contestants[:at]]
    elsewhere = foreign_exams(contestants, exams)
    everyone = [exam for exam in exams if len(exam.marks) == len(contestants)]
    mean_of = [exam.name for exam in everyone if not exam.trained_on] or [exam.name for exam in everyone]
    groups = {pair: [mean_of] for pair in ranked}
    for pair, names in elsewhere.items():
        groups.setdefault(pair, []).append(names)
    gaps, means = measure(exams, groups, draws)
    differences = {
        where: [
            {"method": one, "against": other, **found[one, other].figures()}
            for one, other in ranked
            if (one, other) in found
        ]
        for where, found in [*gaps.items(), ("mean", {pair: means[pair, 0] for pair in ranked if (pair, 0) in means})]
    }
    return {
        "runs": [run.folder.name for run in runs],
        "against": contestants[0].label,
        "draws": draws,
        "exams": {e.name: {"task": e.task, "problems": len(e.rows), "trained_on": e.trained_on} for e in exams},
        "mean_of": mean_of,
        "methods": {one.label: standing(one, exams, mean_of) for one in contestants},
        "differences": differences,
        "forgetting": {
            pair[0]: {
                **{name: gaps[name][pair].figures() for name in names},
                "mean": means[pair, groups[pair].index(names)].figures(),
            }
            for pair, names in elsewhere.items()
        },
    }


def check_shared(runs: Sequence[Run], contestants: Sequence[Contestant], exams: Sequence[Exam]) -> None:
    """Every run has problems in common with the first one."""
    for run in runs[1:]:
        ours, theirs = ({one.label for one in contestants if one.run is each} for each in (run, runs[0]))
        if ours and theirs and not any(exam.shared(ours) & exam.shared(theirs) for exam in exams):
            raise SkillFactoryError(
                f"runs {runs[0].folder} and {run.folder} share no evaluation problems: evaluate both on one suite, "
                f"with the same evaluate.seed (sf evaluate RUN --suite NAME)"
            )


def foreign_exams(contestants: Sequence[Contestant], exams: Sequence[Exam]) -> dict[Pair, list[str]]:
    """(a trained method, the base of its run) -> the exams of other tasks that both took."""
    found = {}
    for base in contestants:
        for one in contestants:
            if base.method == "base" and one.run is base.run and one is not base:
                both = {one.label, base.label}
                names = [exam.name for exam in exams if exam.task != one.run.config.task and both <= exam.marks.keys()]
                if names:
                    found[one.label, base.label] = names
    return found


def measure(
    exams: Sequence[Exam], groups: Mapping[Pair, Sequence[Sequence[str]]], draws: int
) -> tuple[dict[str, dict[Pair, Gap]], dict[tuple[Pair, int], Gap]]:
    """(exam -> pair -> its gap, pair and number of a group of exams -> the gap of their mean), one exam at a time."""
    import numpy

    gaps: dict[str, dict[Pair, Gap]] = {}
    sums: dict[tuple[Pair, int], ndarray] = {}
    for seed, exam in enumerate(exams):
        shares = exam.shares()
        pairs = [
            pair for pair in groups if set(pair) <= shares.keys() and exam.shared(pair[:1]) & exam.shared(pair[1:])
        ]
        gaps[exam.name] = {}
        if not pairs:
            continue
        apart = numpy.stack([shares[one] - shares[other] for one, other in pairs], axis=1)
        drawn = resample(apart, seed, draws)
        for at, pair in enumerate(pairs):
            gaps[exam.name][pair] = gap_of(apart[:, at], drawn[:, at])
            for number, names in enumerate(groups[pair]):
                if exam.name in names:
                    sums[pair, number] = sums.get((pair, number), 0.0) + drawn[:, at]
    means = {}
    for (pair, number), drawn in sums.items():
        every = [gaps[name].get(pair) for name in groups[pair][number]]
        if None not in every:
            means[pair, number] = mean_gap([gap for gap in every if gap is not None], drawn)
    return gaps, means


def gap_of(apart: "ndarray", drawn: "ndarray") -> Gap:
    """The gap of a pair from its problems' differences, NaN where one of them lacks a problem, and from the draws."""
    import numpy

    known = apart[~numpy.isnan(apart)]
    # 1/3 of three and 2/6 of six responses are a tie, whatever their floating-point numbers say.
    wins, losses = int((known > 1e-9).sum()), int((known < -1e-9).sum())
    return Gap(percentiles(float(known.mean()), drawn), len(known), wins, len(known) - wins - losses, losses)


def mean_gap(gaps: Sequence[Gap], drawn: "ndarray") -> Gap:
    """The mean over exams: each counts the same, and their problems are drawn apart. `drawn` is the sum of their draws."""
    mean = sum(gap.interval.mean for gap in gaps) / len(gaps)
    counts = {name: sum(getattr(gap, name) for gap in gaps) for name in ("problems", "wins", "ties", "losses")}
    return Gap(percentiles(mean, drawn / len(gaps)), **counts)


def standing(one: Contestant, exams: Sequence[Exam], mean_of: Sequence[str]) -> dict[str, Any]:
    """How often a method is right, and what it cost."""
    found = {
        exam.name: interval.share(list(exam.marks[one.label].values())) for exam in exams if one.label in exam.marks
    }
    return {
        "run": one.run.folder.name,
        "method": one.method,
        "exams": {
            exam.name: {**found[exam.name].named("accuracy"), "problems": len(exam.marks[one.label])}
            for exam in exams
            if exam.name in found
        },
        "mean": interval.average([found[name] for name in mean_of]).named("accuracy") if mean_of else None,
        "tokens": tokens_of(one.run, one.method),
    }
