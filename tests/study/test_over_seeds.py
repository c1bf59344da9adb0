"""Intervals over problems and seeds: against closed forms, and how often they cover the truth."""

import numpy
import pytest
from scipy import stats

from skillfactory_core.study import over_seeds as module
from skillfactory_core.study.over_seeds import over_seeds


def test_the_mean_is_over_exams_each_counting_the_same() -> None:
    easy, hard = numpy.full((3, 10), 1.0), numpy.full((3, 40), 0.0)
    assert over_seeds([easy, hard]).mean == 0.5


def test_with_one_seed_it_is_the_t_interval_over_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDED", 0.0)
    values = numpy.random.default_rng(0).normal(0.1, 0.3, (1, 50))
    found = over_seeds([values])
    deviation = values.var(ddof=0) * 50 / 51 / 50
    half = stats.t.ppf(0.975, 51) * deviation**0.5
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_problems_that_a_seed_did_not_answer_are_left_out() -> None:
    values = numpy.array([[0.0, 1.0, numpy.nan], [0.0, 1.0, 1.0]])
    assert over_seeds([values]).mean == 0.5
    with pytest.raises(ValueError, match="every seed"):
        over_seeds([values[:, 2:]])


def test_an_interval_keeps_a_width_and_its_bounds() -> None:
    nothing = over_seeds([numpy.zeros((3, 30))], 0.0, 1.0)
    assert nothing.mean == nothing.low == 0.0 < nothing.high < 0.2


@pytest.mark.parametrize(
    ("seeds", "problems", "between"), [(3, 100, 0.0), (3, 100, 0.05), (5, 60, 0.03), (1, 100, 0.0)]
)
def test_the_intervals_cover_the_truth(seeds: int, problems: int, between: float) -> None:
    random = numpy.random.default_rng(0)
    inside, count = 0, 2000
    for _ in range(count):
        # Two methods on the same problems, 4 responses each; seeds shift a method as a whole.
        hard = random.beta(0.8, 1.2, problems)
        shift = random.normal(0.05, between, (seeds, 1))
        ours = random.binomial(4, numpy.clip(hard + shift, 0, 1), (seeds, problems)) / 4
        theirs = random.binomial(4, hard, (seeds, problems)) / 4
        truth = TRUTH[between]
        found = over_seeds([ours - theirs])
        inside += found.low <= truth <= found.high
    # Three seeds hardly tell how much seeds differ: where they do not, the intervals are wider than they need to be.
    assert 0.93 <= inside / count <= 0.99


def expected(between: float) -> float:
    """The mean of the difference, with shares cut at 0 and 1."""
    random = numpy.random.default_rng(1)
    hard, shift = random.beta(0.8, 1.2, 1_000_000), random.normal(0.05, between, 1_000_000)
    return float((numpy.clip(hard + shift, 0, 1) - hard).mean())


TRUTH = {between: expected(between) for between in (0.0, 0.03, 0.05)}
