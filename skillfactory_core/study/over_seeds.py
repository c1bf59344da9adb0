"""Over seeds: a mean over problems and seeds, and how far it may be off because of both.

Every seed answers the same problems: a two-way layout with random problems and random seeds. The variance of the mean is
(MS problems + MS seeds - MS rest) / cells, with Satterthwaite's degrees of freedom (Searle, Casella & McCulloch, Variance Components,
1992, ch. 4). As in `interval.difference`, one problem won and one lost are added, half each. `tests/study/test_over_seeds.py` measures the
coverage.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skillfactory_core.interval import Interval, quantile

if TYPE_CHECKING:
    from numpy import ndarray

ADDED = 1.0
"to the sum of squares over problems"


def over_seeds(exams: "Sequence[ndarray]", low: float = -1.0, high: float = 1.0) -> Interval:
    """The mean over exams, each counting the same, of seeds x problems values; NaN where a problem was not answered."""
    import numpy

    cells = [exam[:, ~numpy.isnan(exam).any(axis=0)] for exam in exams]
    if not cells or not all(cell.size for cell in cells):
        raise ValueError("an interval needs problems that every seed answered")
    seeds = len(cells[0])
    means = [float(cell.mean()) for cell in cells]
    mean = sum(means) / len(means)
    parts: list[tuple[float, int]] = []
    "(variance of the mean, degrees of freedom)"
    rest = 0.0
    for cell, middle in zip(cells, means, strict=True):
        problems = cell.shape[1]
        by_problem, by_seed = cell.mean(axis=0), cell.mean(axis=1)
        spread = (float(((by_problem - middle) ** 2).sum()) + ADDED) / (problems + 1)
        parts.append((spread / problems / len(cells) ** 2, problems + 1))
        if seeds > 1:
            left = cell - by_problem[None, :] - by_seed[:, None] + middle
            rest += float((left**2).sum()) / ((seeds - 1) * max(1, problems - 1)) / (seeds * problems) / len(cells) ** 2
    variance = sum(part for part, _ in parts)
    if seeds > 1:
        of_seeds = sum(cell.mean(axis=1) for cell in cells) / len(cells)
        between = float(of_seeds.var(ddof=1)) / seeds
        # What the responses of a seed vary by chance is in the spread over problems already.
        if between > rest:
            parts.append((between, seeds - 1))
            variance += between - rest
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    half = quantile(max(1, int(freedom))) * variance**0.5
    return Interval(mean, min(mean, max(low, mean - half)), max(mean, min(high, mean + half)))
