r"""Compare unions of intervals exactly: `(-\infty,2) \cup \{3\} \cup [4,5)` in any order and however it is cut."""

import re
from fractions import Fraction
from math import inf

from skillfactory_tasks.latex import literal

Number = Fraction | float
Interval = tuple[Number, bool, Number, bool]
"from, from is open, to, to is open"
INTERVAL = re.compile(r"([\[(])([^,()\[\]]*),([^,()\[\]]*)([\])])")
POINTS = re.compile(r"\\\{(.*)\\\}")


def union(text: str) -> list[Interval] | None:
    """The intervals of a cleaned text, merged, from left to right; None if it is no union of intervals of numbers."""
    found: list[Interval] = []
    for part in text.split(r"\cup"):
        interval, points = INTERVAL.fullmatch(part.strip()), POINTS.fullmatch(part.strip())
        if interval is not None:
            low, high = end(interval[2]), end(interval[3])
            if low is None or high is None or not low < high:
                return None
            found.append((low, interval[1] == "(", high, interval[4] == ")"))
        elif points is not None:
            for point in map(end, points[1].split(",")):
                if point is None:
                    return None
                found.append((point, False, point, False))
        else:
            return None
    return merged(sorted(found))


def end(text: str) -> Number | None:
    text = text.replace(" ", "")
    if text.removeprefix("+") == r"\infty":
        return inf
    if text == r"-\infty":
        return -inf
    number = literal(text)
    return None if number is None else Fraction(*number)


def merged(found: list[Interval]) -> list[Interval]:
    """Intervals, sorted by their beginnings, without overlap and without seams."""
    result: list[Interval] = []
    for low, low_open, high, high_open in found:
        if result:
            first, first_open, last, last_open = result[-1]
            if low < last or (low == last and not (low_open and last_open)):
                if high > last or (high == last and not high_open):
                    last, last_open = high, high_open
                result[-1] = (first, first_open, last, last_open)
                continue
        result.append((low, low_open, high, high_open))
    return result
