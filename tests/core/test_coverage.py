"""Nominal 95 % intervals hold the truth in 93 to 97 % of 2,000 made-up evaluations: 200 problems, whose difficulties come from a
beta distribution, with 4 responses each. What each interval is made of is held against scipy in the tests beside this one."""

import numpy
import pytest
from numpy.random import Generator, default_rng
from scipy.special import betaln

from skillfactory_core.bootstrap import percentiles, resample
from skillfactory_core.interval import Interval, average, difference, share
from skillfactory_core.pass_at_k import pass_at_k

SETS, PROBLEMS, RESPONSES = 2000, 200, 4
SHAPES = [(0.5, 0.5), (1, 3), (2, 2), (0.4, 2), (3, 2)]
"from problems that are always or never solved, to hard ones, to problems of middling difficulty"
GAIN = 0.15
"how much of what the base leaves wrong the better method gets right"
shapes = pytest.mark.parametrize(("a", "b"), SHAPES)


def right(random: Generator, chances: "numpy.ndarray") -> "numpy.ndarray":
    """Right responses by problem, for every set."""
    return random.binomial(RESPONSES, chances)


def evaluations(a: float, b: float) -> "numpy.ndarray":
    random = default_rng([7, round(10 * a), round(10 * b)])
    return right(random, random.beta(a, b, (SETS, PROBLEMS)))


def pairs(a: float, b: float) -> tuple["numpy.ndarray", float]:
    """(problem by problem, how far a better method is ahead in every set, how far it is in truth)."""
    random = default_rng([8, round(10 * a), round(10 * b)])
    base = random.beta(a, b, (SETS, PROBLEMS))
    better = base + GAIN * (1 - base)
    return (right(random, better) - right(random, base)) / RESPONSES, GAIN * b / (a + b)


def held(found: list[Interval], truth: float) -> float:
    return sum(one.low <= truth <= one.high for one in found) / len(found)


@shapes
def test_shares_of_right_responses(a: float, b: float) -> None:
    found = [share([(int(count), RESPONSES) for count in each]) for each in evaluations(a, b)]
    assert 0.93 <= held(found, a / (a + b)) <= 0.97


@shapes
def test_pass_at_k(a: float, b: float) -> None:
    every = [pass_at_k([(int(count), RESPONSES) for count in each]) for each in evaluations(a, b)]
    for k in (1, 2, 4):
        truth = 1 - float(numpy.exp(betaln(a, b + k) - betaln(a, b)))
        assert numpy.mean([each[k]["mean"] for each in every]) == pytest.approx(truth, abs=0.003), "no bias"
        found = [Interval(each[k]["mean"], each[k]["low"], each[k]["high"]) for each in every]
        assert 0.93 <= held(found, truth) <= 0.97, k


@shapes
def test_paired_differences(a: float, b: float) -> None:
    sets, truth = pairs(a, b)
    found = [difference([(gap, 0.0) for gap in each]) for each in sets.tolist()]
    assert 0.93 <= held(found, truth) <= 0.97


@shapes
def test_bootstrapped_differences(a: float, b: float) -> None:
    sets, truth = pairs(a, b)
    found = []
    for at in range(0, SETS, 100):
        # Columns are drawn alike, and each is a set of its own.
        gaps = sets[at : at + 100].T
        drawn = resample(gaps, seed=at, draws=1000)
        found += [percentiles(float(gaps[:, one].mean()), drawn[:, one]) for one in range(gaps.shape[1])]
    assert 0.93 <= held(found, truth) <= 0.97


def test_means_over_exams_and_their_bootstrapped_differences() -> None:
    """Three exams, as the means of `sf results` and `sf compare` put them together."""
    three = SHAPES[:3]
    counts = [evaluations(a, b) for a, b in three]
    found = [average([share([(int(c), RESPONSES) for c in each[at]]) for each in counts]) for at in range(SETS)]
    assert 0.93 <= held(found, sum(a / (a + b) for a, b in three) / 3) <= 0.97
    gaps = [pairs(a, b) for a, b in three]
    drawn = sum(
        numpy.hstack([resample(sets[at : at + 100].T, seed=1000 * exam + at, draws=1000) for at in range(0, SETS, 100)])
        for exam, (sets, _) in enumerate(gaps)
    )
    means = sum(sets.mean(axis=1) for sets, _ in gaps) / 3
    together = [percentiles(float(means[at]), drawn[:, at] / 3) for at in range(SETS)]
    assert 0.93 <= held(together, sum(truth for _, truth in gaps) / 3) <= 0.97


@pytest.mark.parametrize(("a", "b"), [(5, 2), (0.2, 6), (0.1, 3)])
def test_close_to_0_and_1_they_hold_the_truth_at_least_as_often(a: float, b: float) -> None:
    """There a share moves by whole problems, and no interval holds the truth in 95 % of the cases throughout."""
    counts = [[(int(count), RESPONSES) for count in each] for each in evaluations(a, b)]
    assert 0.93 <= held([share(each) for each in counts], a / (a + b)) <= 0.99
    found = [pass_at_k(each)[4] for each in counts]
    truth = 1 - float(numpy.exp(betaln(a, b + 4) - betaln(a, b)))
    assert 0.93 <= held([Interval(each["mean"], each["low"], each["high"]) for each in found], truth) <= 0.99
    gaps, ahead = pairs(a, b)
    drawn = numpy.hstack([resample(gaps[at : at + 100].T, seed=at, draws=1000) for at in range(0, SETS, 100)])
    means = gaps.mean(axis=1)
    assert 0.93 <= held([percentiles(float(means[at]), drawn[:, at]) for at in range(SETS)], ahead) <= 0.99


def test_responses_taken_for_problems_would_be_held_too_seldom() -> None:
    """The same simulation notices an interval that is too narrow."""
    found = [
        share([(int(n < count), 1) for count in each for n in range(RESPONSES)]) for each in evaluations(0.5, 0.5)[:300]
    ]
    assert held(found, 0.5) < 0.85
