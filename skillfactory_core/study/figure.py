"""Figure: what a row of a study did, as one number for each seed and problem, which an interval can be made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skillfactory_core.interval import Interval
from skillfactory_core.study.over_seeds import over_seeds
from skillfactory_core.study.store import Store, Sums

if TYPE_CHECKING:
    from numpy import ndarray

Values = dict[int, "ndarray"]
"seed -> one value for each problem of an exam; NaN where it was not answered"
Measure = Callable[..., Values]
"of a store, a row, an exam and a way"
INFINITE = float("inf")


def shares(sums: Sums, name: str) -> Values:
    """A sum over the responses to a problem, divided by them."""
    return {seed: each[name] / each["responses"] for seed, each in sums.items()}


def per_response(name: str) -> Measure:
    def values(store: Store, row: str, exam: str, way: str = "") -> Values:
        return shares(store.sums(row, exam, way), name)

    return values


def f1(kind: str) -> Measure:
    """F1 of the verdicts on right or on wrong attempts, linearised: values whose mean is the F1 of all verdicts of a seed, and
    whose spread is that of a ratio of two sums (Cochran, Sampling Techniques, 1977, section 6.4)."""
    other = {"right": "wrong", "wrong": "right"}[kind]

    def values(store: Store, row: str, exam: str, way: str = "") -> Values:
        import numpy

        found = {}
        for seed, sums in store.sums(row, exam, way).items():
            hits = 2 * sums[f"{kind}_as_{kind}"]
            all_of = hits + sums[f"{kind}_as_{other}"] + sums[f"{other}_as_{kind}"]
            if numpy.nansum(all_of):
                share = numpy.nansum(hits) / numpy.nansum(all_of)
                found[seed] = share + (hits - share * all_of) / numpy.nanmean(all_of)
        return found

    return values


def forced(store: Store, row: str, exam: str, way: str = "") -> Values:
    """How much more of the responses are right when they are made to go on (budget forcing)."""
    before, after = (shares(store.sums(row, exam, way), "right") for way in store.forcing)
    return {seed: after[seed] - before[seed] for seed in after if seed in before} if store.forcing[1] else {}


MEASURES: Mapping[str, Measure] = {
    "accuracy": per_response("right"),
    "tokens": per_response("tokens"),
    "truncated": per_response("truncated"),
    "answers": per_response("answers"),
    "reflections": per_response("reflections"),
    "f1_right": f1("right"),
    "f1_wrong": f1("wrong"),
    "forced": forced,
}
SHARES = ("accuracy", "truncated", "f1_right", "f1_wrong", "forced")
"measures that are shown in percent"


def level(store: Store, measure: str, row: str, exams: Sequence[str], way: str = "") -> Interval | None:
    """The mean of a measure over exams; None where the row has not all of them."""
    found = [MEASURES[measure](store, row, exam, way) for exam in exams if store.has(row, exam, way)]
    if len(found) < len(exams) or not all(found):
        return None
    low, high = (-1.0, 1.0) if measure == "forced" else (0.0, 1.0) if measure in SHARES else (0.0, INFINITE)
    return over_seeds([stacked(values) for values in found], low, high)


def contrast(
    store: Store, measure: str, one: tuple[str, Sequence[str]], other: tuple[str, Sequence[str]]
) -> Interval | None:
    """How far (row, exams) is above another, seed by seed; problem by problem where the exams are the same."""
    ours, theirs = (
        [MEASURES[measure](store, row, exam) for exam in exams if store.has(row, exam)] for row, exams in (one, other)
    )
    if len(ours) < len(one[1]) or len(theirs) < len(other[1]) or not all(ours) or not all(theirs):
        return None
    bound = 1.0 if measure in SHARES else INFINITE
    if "base" in (one[0], other[0]) and one[1] == other[1]:
        # It has no seed: its responses are the same to all.
        return over_seeds([stacked(a) - stacked(b) for a, b in zip(ours, theirs, strict=True)], -bound, bound)
    seeds = sorted(set.intersection(*(set(values) for values in [*ours, *theirs])))
    if not seeds:
        return None
    if one[1] == other[1]:
        gaps = [stacked(a, seeds) - stacked(b, seeds) for a, b in zip(ours, theirs, strict=True)]
        return over_seeds(gaps, -bound, bound)
    size = len(ours) + len(theirs)
    weighed = [stacked(values, seeds) * size / len(ours) for values in ours]
    weighed += [stacked(values, seeds) * -size / len(theirs) for values in theirs]
    return over_seeds(weighed, -bound, bound)


def stacked(by_seed: Values, seeds: Sequence[int] | None = None) -> "ndarray":
    import numpy

    return numpy.stack([by_seed[seed] for seed in (sorted(by_seed) if seeds is None else seeds)])


def named(found: Interval | None, name: str) -> dict[str, Any] | None:
    return None if found is None else found.named(name)
