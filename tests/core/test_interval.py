"""The intervals: their quantiles against scipy, their coverage by simulation."""

from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skillfactory_core.interval import Interval, average, difference, quantile, share

counts = st.lists(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=40
)
shares = st.floats(0, 1)


def drawn(random: Random, problems: int, samples: int, a: float, b: float) -> list[tuple[int, int]]:
    """Counts of problems whose chances of a right response come from a beta distribution."""
    chances = [random.betavariate(a, b) for _ in range(problems)]
    return [(sum(random.random() < chance for _ in range(samples)), samples) for chance in chances]


def coverage(seed: str, problems: int, samples: int, a: float, b: float, rounds: int = 600) -> float:
    random, truth, hits = Random(seed), a / (a + b), 0
    for _ in range(rounds):
        found = share(drawn(random, problems, samples, a, b))
        hits += found.low <= truth <= found.high
    return hits / rounds


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 29, 99, 100, 499])
def test_the_t_quantile_is_that_of_scipy(freedom: int) -> None:
    assert quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1), (2, 2), (0.2, 1.8), (8, 2), (20, 20), (0.3, 6)])
def test_95_percent_of_the_intervals_hold_the_truth_for_100_problems_of_4_responses(a: float, b: float) -> None:
    assert 0.93 <= coverage("typical", 100, 4, a, b) <= 0.98


@pytest.mark.parametrize(("a", "b"), [(0.05, 5), (5, 0.1), (0.02, 2)])
def test_rare_outcomes_and_many_responses_per_problem_are_covered_too(a: float, b: float) -> None:
    assert coverage("rare", 30, 34, a, b, rounds=250) >= 0.93


def test_treating_responses_as_independent_would_cover_too_little() -> None:
    random, hits = Random("naive"), 0
    for _ in range(300):
        total = sum(right for right, _ in drawn(random, 100, 4, 0.5, 0.5))
        low, high = stats.binomtest(total, 400).proportion_ci(method="wilson")
        hits += low <= 0.5 <= high
    assert hits / 300 < 0.85


def test_no_right_response_leaves_room_for_what_the_problems_could_have_missed() -> None:
    found = share([(0, 4)] * 100)
    assert (found.mean, found.low) == (0, 0)
    assert 0.03 < found.high < 0.04


def test_all_right_is_none_right_upside_down() -> None:
    none, every = share([(0, 4)] * 50), share([(4, 4)] * 50)
    assert every.high == 1
    assert every.low == pytest.approx(1 - none.high)


def test_one_response_per_problem_gives_about_the_wilson_interval() -> None:
    low, high = stats.binomtest(30, 100).proportion_ci(method="wilson")
    found = share([(1, 1)] * 30 + [(0, 1)] * 70)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)


def test_responses_that_do_not_hang_together_give_the_wilson_interval_of_all_of_them() -> None:
    # every problem right three times of four: no sign that its responses agree
    found = share([(3, 4)] * 4000)
    wilson = stats.binomtest(12_000, 16_000).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-5)


def test_a_paired_difference_is_the_t_interval_of_scipy_with_two_made_up_problems() -> None:
    random = Random("scipy")
    pairs = [(random.randint(0, 4) / 4, random.randint(0, 4) / 4) for _ in range(60)]
    gaps = [*(first - second for first, second in pairs), sqrt(0.5), -sqrt(0.5)]
    low, high = stats.t.interval(0.95, len(gaps) - 1, loc=sum(gaps) / len(gaps), scale=stats.sem(gaps))
    found = difference(pairs)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_responses_that_always_agree_tell_no_more_than_one_of_them() -> None:
    once, often = share([(1, 1)] * 30 + [(0, 1)] * 70), share([(8, 8)] * 30 + [(0, 8)] * 70)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.02)


@given(counts)
def test_an_interval_holds_its_mean_and_stays_within_0_and_1(found: list[tuple[int, int]]) -> None:
    one = share(found)
    assert 0 <= one.low <= one.mean <= one.high <= 1
    assert one.low < one.high


@given(counts)
def test_swapping_right_and_wrong_mirrors_the_interval(found: list[tuple[int, int]]) -> None:
    one, other = share(found), share([(total - right, total) for right, total in found])
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


def test_no_responses_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one response"):
        share([(0, 0)])


def test_95_percent_of_the_paired_intervals_hold_the_true_difference() -> None:
    random, hits = Random("paired"), 0
    for _ in range(600):
        pairs = []
        for _ in range(100):
            hard = random.betavariate(1, 3)
            ours, theirs = min(1.0, hard + 0.05), hard
            pairs.append(
                (sum(random.random() < ours for _ in range(4)) / 4, sum(random.random() < theirs for _ in range(4)) / 4)
            )
        found = difference(pairs)
        hits += found.low <= 0.05 <= found.high
    # hard + 0.05 passes 1 too rarely to matter
    assert 0.93 <= hits / 600 <= 0.98


def test_pairing_tells_methods_apart_whose_own_intervals_overlap() -> None:
    pairs = [(0.75, 0.5), (0.25, 0.25), (1.0, 0.75), (0.5, 0.25), (0.25, 0.0), (0.0, 0.0)] * 5
    first, second = ([(round(4 * pair[side]), 4) for pair in pairs] for side in (0, 1))
    assert share(first).low < share(second).high
    assert difference(pairs).low > 0


def test_methods_that_never_differ_still_get_a_width() -> None:
    found = difference([(0.5, 0.5)] * 100)
    assert found.mean == 0
    assert -0.03 < found.low < 0 < found.high < 0.03


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=30))
def test_turning_a_pair_around_turns_the_difference_around(pairs: list[tuple[float, float]]) -> None:
    one, other = difference(pairs), difference([(b, a) for a, b in pairs])
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low), abs=1e-9)
    assert -1 <= one.low <= one.mean <= one.high <= 1


def test_the_mean_of_four_like_estimates_is_twice_as_sure_and_as_lopsided() -> None:
    found = average([Interval(0.1, 0.06, 0.18)] * 4)
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.08, 0.14))
    assert (found.high - found.mean) / (found.mean - found.low) == pytest.approx(2)
    assert found.low == pytest.approx(0.1 - sqrt(4 * 0.04**2) / 4)
