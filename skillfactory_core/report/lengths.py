"""Lengths: how long responses are, method against method (the paper's figure 5), and how long right and wrong ones are."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import attrs
from markupsafe import Markup

from skillfactory_core.report import charts, words
from skillfactory_core.report.texts import exam


@attrs.frozen
class Medians:
    """Of one method on one exam, in tokens; None where there is no such response."""

    method: str
    every: float | None
    right: float | None
    wrong: float | None


@attrs.frozen
class Spread:
    """One exam: its chart, and the medians behind it."""

    name: str
    chart: Markup
    medians: Sequence[Medians]


def drawn(tasks: Mapping[str, str], summary: Mapping[str, Any], mark: Callable[[str], str]) -> list[Spread]:
    """A chart for each exam whose lengths are known."""
    found: list[Spread] = []
    for variant in summary["variants"]:
        lines, medians = [], []
        for method, figures in words.at(summary, variant).items():
            histogram = figures.get("lengths") or {"edges": []}
            if not histogram["edges"]:
                continue
            both = [right + wrong for right, wrong in zip(histogram["right"], histogram["wrong"], strict=True)]
            lines.append(charts.Line(words.title(method), mark(method), shares(histogram["edges"], both)))
            halves = [median(histogram["edges"], counts) for counts in (both, histogram["right"], histogram["wrong"])]
            medians.append(Medians(method, *halves))
        if lines:
            name = exam(tasks[variant], variant)
            key = f"length-{len(found)}"
            found.append(Spread(name, charts.log_chart(key, name, "share of responses", lines, "tokens"), medians))
    return found


def shares(edges: Sequence[int], counts: Sequence[int]) -> list[tuple[float, float]]:
    """(middle of a bin, share of the responses in it), with an empty bin before and behind, where the curve ends."""
    whole = sum(counts) or 1
    points = [(middle(low, high), count / whole) for (low, high), count in zip(pairwise(edges), counts, strict=True)]
    step = 2**0.25
    before = [(points[0][0] / step, 0.0)] if points[0][0] >= step else []
    return [*before, *points, (points[-1][0] * step, 0.0)]


def middle(low: int, high: int) -> float:
    """The middle of a bin on an axis that doubles; a whole number in a bin that holds one."""
    return max(1.0, float(low)) if high - low == 1 else sqrt(low * (high - 1))


def median(edges: Sequence[int], counts: Sequence[int]) -> float | None:
    """As exact as the bins are: within a tenth."""
    whole, below = sum(counts), 0
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        below += count
        if count and 2 * below >= whole:
            return middle(low, high) if low else 0.0
    return None
