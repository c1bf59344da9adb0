"""Interval: how far a measured mean may be off. 95 % intervals, by problem.

Four responses to one problem are not four problems: they are right or wrong together. So the problem is the unit. The
share of right responses gets a Wilson interval whose number of trials is the *effective* one, the responses divided by
the design effect, with Student's t in place of the normal quantile: the "modified Wilson" interval that came out best
for clustered surveys (Korn & Graubard, Survey Methodology 24, 1998; Dean & Pagano, J. Survey Statistics and Methodology
3, 2015; Franco et al., the same 7, 2019). Unlike mean +- 2 standard errors it stays within 0 and 1 and does not shrink
to a point when no response, or every response, is right. `tests/core/test_interval.py` measures the coverage.
"""

from collections.abc import Sequence
from functools import cache
from math import cos, pi, sin, sqrt

import attrs

LEVEL = 0.95
DOUBT = 0.5
"""weight, in responses of variance 1, of the assumption that a problem's responses agree completely. With few right
responses the data cannot tell; without it, coverage falls to 85 % for rare successes and 34 responses per problem"""


@attrs.frozen
class Interval:
    """A mean and the 95 % interval around it."""

    mean: float
    low: float
    high: float

    def named(self, name: str) -> dict[str, float]:
        """As plain values, the mean under a name of its own."""
        return {name: self.mean, "low": self.low, "high": self.high}


def share(counts: Sequence[tuple[float, int]]) -> Interval:
    """The share of right responses, from (right, responses) per problem. What is right may be a fraction, as in pass@k."""
    counts = [(right, total) for right, total in counts if total]
    if not counts:
        raise ValueError("an interval needs at least one response")
    responses = sum(total for _, total in counts)
    mean = sum(right for right, _ in counts) / responses
    trials = _effective_trials(counts, mean)
    bound = quantile(len(counts) - 1) ** 2 if len(counts) > 1 else 3.8415
    centre = (mean + bound / (2 * trials)) / (1 + bound / trials)
    half = sqrt(bound * (mean * (1 - mean) + bound / (4 * trials)) / trials) / (1 + bound / trials)
    return Interval(mean, min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half)))


def _effective_trials(counts: Sequence[tuple[float, int]], mean: float) -> float:
    """Responses over the design effect: how many independent responses would tell as much. At least 1."""
    problems, responses = len(counts), sum(total for _, total in counts)
    per_problem = responses / problems
    information = responses * mean * (1 - mean)
    spread = sum((right - mean * total) ** 2 for right, total in counts)
    spread *= problems / (problems - 1) if problems > 1 else per_problem
    effect = (spread + DOUBT * per_problem) / (information + DOUBT)
    return max(1.0, responses / max(1.0, effect))


def mean(sums: Sequence[tuple[float, int]]) -> Interval | None:
    """The mean of values of any size, from (sum, how many) per problem; None where fewer than two problems have any.

    A t interval of the ratio of the two sums, linearised (Cochran, Sampling Techniques, 1977, section 6.4).
    """
    sums = [(total, count) for total, count in sums if count]
    if len(sums) < 2:
        return None
    values, size = sum(count for _, count in sums), len(sums)
    centre = sum(total for total, _ in sums) / values
    variance = sum((total - centre * count) ** 2 for total, count in sums) * size / (size - 1) / values**2
    half = quantile(size - 1) * sqrt(variance)
    return Interval(centre, centre - half, centre + half)


def difference(pairs: Sequence[tuple[float, float]]) -> Interval:
    """The mean of first - second over problems that both were given, from each problem's two shares.

    A t interval of the differences, with one problem won and lost half each and one drawn added to them (Agresti &
    Min, Statistics in Medicine 24, 2005), so that two methods that never differ still get an interval with a width.
    """
    if not pairs:
        raise ValueError("an interval needs at least one problem")
    gaps = [first - second for first, second in pairs]
    size = len(gaps) + 2
    centre = sum(gaps) / size
    variance = (sum(gap * gap for gap in gaps) + 1 - size * centre**2) / (size - 1)
    half = quantile(size - 1) * sqrt(variance / size)
    mean = sum(gaps) / len(gaps)
    return Interval(mean, min(mean, max(-1.0, centre - half)), max(mean, min(1.0, centre + half)))


def average(intervals: Sequence[Interval], weights: Sequence[float] = ()) -> Interval:
    """The mean of independent estimates, plain or weighted: each side's distances add up in squares.

    Zou & Donner, Statistics in Medicine 27, 2008: it keeps the lopsidedness that intervals near 0 and 1 have.
    """
    if not intervals:
        raise ValueError("an average needs at least one interval")
    weights = weights or [1.0] * len(intervals)
    weighed = list(zip(weights, intervals, strict=True))
    mean = sum(weight * one.mean for weight, one in weighed) / sum(weights)
    below = sqrt(sum((weight * (one.mean - one.low)) ** 2 for weight, one in weighed)) / sum(weights)
    above = sqrt(sum((weight * (one.high - one.mean)) ** 2 for weight, one in weighed)) / sum(weights)
    return Interval(mean, mean - below, mean + above)


@cache
def quantile(freedom: int, level: float = LEVEL) -> float:
    """Student's t: the central `level` of its values lies within +- this. By bisection over the angle."""
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return sqrt(freedom) * sin(low) / cos(low)


def _within(angle: float, freedom: int) -> float:
    """P(|t| < tan(angle) * sqrt(freedom)), a finite sum: Abramowitz & Stegun 26.7.3 (odd) and 26.7.4 (even)."""
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= cos(angle) ** 2 * (step - 1) / step
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
