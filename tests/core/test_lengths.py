"""Histograms of lengths."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core.lengths import EDGES, bin_of, histogram

kinds = st.lists(st.tuples(st.booleans(), st.integers(0, 2_000_000)), min_size=1)


def test_bins_are_as_fine_as_tokens_at_first_and_then_grow_by_a_fifth() -> None:
    assert EDGES[:9] == (0, 1, 2, 3, 4, 5, 6, 7, 8)
    assert all(1.15 < above / below < 1.25 for below, above in pairwise(EDGES[10:]))
    assert EDGES[-1] == 2**24


@given(kinds)
def test_every_response_is_between_the_edges_of_its_bin(found: list[tuple[bool, int]]) -> None:
    shown = histogram(Counter((right, bin_of(tokens)) for right, tokens in found))
    assert shown["edges"] == sorted(set(shown["edges"]))
    assert len(shown["edges"]) == len(shown["right"]) + 1 == len(shown["wrong"]) + 1
    for name, kind in (("right", True), ("wrong", False)):
        tokens = [length for right, length in found if right == kind]
        for (low, high), count in zip(pairwise(shown["edges"]), shown[name], strict=True):
            assert count == sum(low <= length < high for length in tokens)
        assert sum(shown[name]) == len(tokens)


def test_bins_that_no_response_needs_are_left_out() -> None:
    assert histogram(Counter({(True, bin_of(50)): 2, (False, bin_of(70)): 1})) == {
        "edges": [45, 54, 64, 76],
        "right": [2, 0, 0],
        "wrong": [0, 0, 1],
    }


def test_a_response_of_any_length_has_a_bin() -> None:
    assert histogram(Counter({(True, bin_of(2**30)): 1}))["edges"] == [2**24, 2**25]
    assert histogram(Counter({(False, bin_of(0)): 1})) == {"edges": [0, 1], "right": [0], "wrong": [1]}


def test_no_responses_make_no_bins() -> None:
    assert histogram(Counter()) == {"edges": [], "right": [], "wrong": []}
