"""Lengths: how long responses are, in bins that grow by about a fifth, so that 50 and 5,000 tokens fit one axis."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping

EDGES = (0, *sorted({round(2 ** (quarter / 4)) for quarter in range(97)}))
"lower ends of the bins, in tokens: 0, 1, 2, … 8, 10, 11, 13, 16, 19, 23, 27, 32 … 16,777,216"
Lengths = Counter[tuple[bool, int]]
"(the response is right, number of its bin) -> responses"


def bin_of(tokens: int) -> int:
    return bisect_right(EDGES, tokens) - 1


def histogram(lengths: Mapping[tuple[bool, int], int]) -> dict[str, list[int]]:
    """`edges` in tokens, one more than there are bins, and the counts of `right` and `wrong` responses between them. Bins
    outside the shortest and the longest response are left out; those of two histograms have the same edges."""
    bins = [number for _, number in lengths]
    if not bins:
        return {"edges": [], "right": [], "wrong": []}
    span = range(min(bins), max(bins) + 1)
    edges = [EDGES[number] if number < len(EDGES) else 2 * EDGES[-1] for number in (*span, span.stop)]
    right, wrong = ([lengths.get((kind, number), 0) for number in span] for kind in (True, False))
    return {"edges": edges, "right": right, "wrong": wrong}
