"""pass@k: the chance that at least one of k responses to a problem is right. Without bias from more than k responses.

With c of n responses right, 1 - C(n - c, k) / C(n, k) of the sets of k hold a right one (Chen et al., arXiv 2107.03374). The
interval is that of a share whose unit is the problem; problems weigh as many responses as they have, so pass@1 is the accuracy.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

from skillfactory_core.interval import share


def chance(right: int, total: int, k: int) -> float:
    """Of all sets of k of a problem's responses, the share that holds a right one."""
    return 1 - comb(total - right, k) / comb(total, k)


def pass_at_k(counts: Sequence[tuple[int, int]]) -> dict[int, dict[str, Any]]:
    """k -> mean, low, high and the problems behind them, for k = 1, 2, 4, … as far as the responses go.

    `counts` are (right, responses) per problem. One with fewer than k responses, since some failed, is left out of pass@k.
    """
    found = {}
    k, most = 1, max((total for _, total in counts), default=0)
    while k <= most:
        kept = [(chance(right, total, k) * total, total) for right, total in counts if total >= k]
        found[k] = {**share(kept).named("mean"), "problems": len(kept)}
        k *= 2
    return found
