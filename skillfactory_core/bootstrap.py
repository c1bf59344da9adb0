"""Bootstrap: how far a mean over problems may be off, by drawing the problems again, with their responses, thousands of times.

Percentiles of the means of 10,000 draws. The problem is the unit, and what one problem says of two methods stays together. As in
`interval.difference`, one made-up problem that is won and one that is lost are among those drawn, so that few problems, or
methods that hardly ever differ, do not give an interval without a width. `tests/core/test_coverage.py` measures the coverage.
"""

from typing import TYPE_CHECKING

from skillfactory_core.interval import Interval

if TYPE_CHECKING:
    from numpy import ndarray

DRAWS = 10_000
MADE_UP = 0.5**0.5
"how far the made-up problems are won and lost: their squares add up to 1, as in interval.difference"
BLOCK = 4_000_000
"problems drawn at once"


def resample(gaps: "ndarray", seed: int, draws: int = DRAWS) -> "ndarray":
    """The means of every column of `gaps` (problems x columns, NaN where a column lacks a problem) in each draw."""
    import numpy

    columns = gaps.shape[1]
    population = numpy.vstack([gaps, numpy.full((1, columns), MADE_UP), numpy.full((1, columns), -MADE_UP)])
    size = len(population)
    there = ~numpy.isnan(population)
    population = numpy.where(there, population, 0.0)
    random = numpy.random.default_rng(seed)
    means = numpy.empty((draws, columns))
    step = max(1, BLOCK // size)
    for start in range(0, draws, step):
        count = min(step, draws - start)
        drawn = random.integers(0, size, (count, size)) + numpy.arange(count)[:, None] * size
        times = numpy.bincount(drawn.ravel(), minlength=count * size).reshape(count, size).astype(float)
        total = times @ there if not there.all() else float(size)
        # A draw that misses every problem of a column says nothing about it.
        means[start : start + count] = times @ population / numpy.maximum(total, 1.0)
    return means


def percentiles(mean: float, draws: "ndarray") -> Interval:
    """The interval of a mean between -1 and 1, from its draws."""
    import numpy

    low, high = numpy.quantile(draws, (0.025, 0.975)).tolist()
    return Interval(mean, min(mean, max(-1.0, low)), max(mean, min(1.0, high)))
