"""pass@k against all sets of k, and its intervals at the ends."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core.interval import share
from skillfactory_core.pass_at_k import chance, pass_at_k

counts = st.lists(
    st.integers(1, 9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=20
)


@pytest.mark.parametrize("total", [1, 2, 4, 7])
def test_the_chance_is_that_of_all_sets_of_k_responses(total: int) -> None:
    for right in range(total + 1):
        responses = [True] * right + [False] * (total - right)
        for k in range(1, total + 1):
            sets = list(combinations(responses, k))
            assert chance(right, total, k) == pytest.approx(sum(map(any, sets)) / len(sets))


def test_k_doubles_as_far_as_the_responses_go() -> None:
    assert list(pass_at_k([(1, 4)] * 3)) == [1, 2, 4]
    assert list(pass_at_k([(5, 34), (0, 34)])) == [1, 2, 4, 8, 16, 32]
    assert list(pass_at_k([(1, 1)])) == [1]
    assert pass_at_k([]) == {}


@given(counts)
def test_pass_at_1_is_the_accuracy_with_its_interval(found: list[tuple[int, int]]) -> None:
    accuracy, once = share(found), pass_at_k(found)[1]
    assert (once["mean"], once["low"], once["high"]) == pytest.approx((accuracy.mean, accuracy.low, accuracy.high))


@given(counts)
def test_more_responses_never_make_a_right_one_less_likely(found: list[tuple[int, int]]) -> None:
    same = [(right, 9) for right, _ in found]
    means = [each["mean"] for each in pass_at_k(same).values()]
    assert means == sorted(means)


@given(counts)
def test_an_interval_holds_its_mean_and_has_a_width(found: list[tuple[int, int]]) -> None:
    for each in pass_at_k(found).values():
        assert 0 <= each["low"] <= each["mean"] <= each["high"] <= 1
        assert each["low"] < each["high"]


def test_a_problem_with_fewer_responses_than_k_is_left_out_and_counted() -> None:
    found = pass_at_k([(4, 4), (0, 4), (3, 3)])
    assert (found[2]["problems"], found[4]["problems"]) == (3, 2)
    assert found[4]["mean"] == 0.5


def test_with_all_responses_in_a_set_the_problem_is_the_unit() -> None:
    # right once or not at all: 40 of 100 problems
    found = pass_at_k([(1, 4)] * 40 + [(0, 4)] * 60)
    once = share([(1, 1)] * 40 + [(0, 1)] * 60)
    assert found[4]["mean"] == pytest.approx(0.4)
    assert (found[4]["low"], found[4]["high"]) == pytest.approx((once.low, once.high), abs=0.01)
