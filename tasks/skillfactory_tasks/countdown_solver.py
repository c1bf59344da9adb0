"""Solve a Countdown problem by exhaustive search: exact, each number at most once, any order.

Every value of up to three numbers goes into a table. More numbers are split in two: one part comes from
the table, and the other has to make what is then missing, which is the same question with fewer numbers.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations

Indices = frozenset[int]
TABLE_SIZE = 3
"numbers up to which all values are listed"


def solve(numbers: Sequence[int], target: int) -> str | None:
    """An expression for the target, with as few of the numbers as possible; None if there is none."""

    @cache
    def values(part: Indices) -> dict[Fraction, str]:
        if len(part) == 1:
            (index,) = part
            return {Fraction(numbers[index]): str(numbers[index])}
        found: dict[Fraction, str] = {}
        for left, right in splits(part):
            for a, written_a in values(left).items():
                for b, written_b in values(right).items():
                    for result, written in combined(a, written_a, b, written_b):
                        found.setdefault(result, written)
        return found

    @cache
    def reach(part: Indices, wanted: Fraction) -> str | None:
        if len(part) <= TABLE_SIZE:
            return values(part).get(wanted)
        for left, right in splits(part):
            for a, written_a in values(left).items():
                for missing, pattern in completions(a, wanted):
                    rest = reach(right, missing)
                    if rest is not None:
                        return pattern.format(written_a, rest)
        return None

    for size in range(1, len(numbers) + 1):
        for part in combinations(range(len(numbers)), size):
            written = reach(frozenset(part), Fraction(target))
            if written is not None:
                return written
    return None


def splits(part: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Each way to cut a set in two, the first part at most half and so, up to seven numbers, in the table."""
    for size in range(1, len(part) // 2 + 1):
        for left in combinations(sorted(part), size):
            yield frozenset(left), part - set(left)


def combined(a: Fraction, written_a: str, b: Fraction, written_b: str) -> Iterator[tuple[Fraction, str]]:
    """Every value that two values make with one operation."""
    yield a + b, f"({written_a} + {written_b})"
    yield a - b, f"({written_a} - {written_b})"
    yield b - a, f"({written_b} - {written_a})"
    yield a * b, f"({written_a} * {written_b})"
    if b:
        yield a / b, f"({written_a} / {written_b})"
    if a:
        yield b / a, f"({written_b} / {written_a})"


def completions(a: Fraction, wanted: Fraction) -> Iterator[tuple[Fraction, str]]:
    """Each (missing, pattern) such that the pattern, filled with a and the missing value, makes what is wanted."""
    yield wanted - a, "({0} + {1})"
    yield a - wanted, "({0} - {1})"
    yield a + wanted, "({1} - {0})"
    if a:
        yield wanted / a, "({0} * {1})"
        yield wanted * a, "({1} / {0})"
        if wanted:
            yield a / wanted, "({0} / {1})"
