"""Sieve: which records of a table fit, read a few columns and a few rows at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.run import Run
from skillfactory_core.tags import TagFormat

ROWS = 1024
"records looked at in one go, without their texts"
LONG_ROWS = 64
"records looked at in one go, with their texts"


@attrs.frozen
class Test:
    """One filter: the columns it reads, and which records of a batch of them have a value."""

    columns: Sequence[str]
    fits: Callable[[Any, str], Any]
    "(Arrow batch, value) -> an Arrow array of booleans"


def equal(column: str) -> Test:
    """The value of a column."""

    def fits(batch: Any, value: str) -> Any:
        import pyarrow.compute as pc

        return pc.equal(batch.column(column), value)

    return Test((column,), fits)


def contains(*columns: str) -> Test:
    """A stretch of text, in any case of letters, in one of these columns."""

    def fits(batch: Any, value: str) -> Any:
        import pyarrow.compute as pc

        found = [pc.match_substring(batch.column(name), value, ignore_case=True) for name in columns]
        return found[0] if len(found) == 1 else pc.or_kleene(*found)

    return Test(columns, fits)


def by_row(columns: Sequence[str], say: Callable[..., str]) -> Test:
    """What a function says of the values of some columns."""

    def fits(batch: Any, value: str) -> Any:
        import pyarrow as pa

        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        return pa.array([say(*row) == value for row in rows], pa.bool_())

    return Test(columns, fits)


def truth(correct: bool, reason: str, finish: str = "") -> str:
    """A grade in a word."""
    if finish == "error":
        return "failed"
    return "not checked" if reason in UNCHECKED else "right" if correct else "wrong"


def last_claim(tags: TagFormat) -> Callable[[str], str]:
    """What a text says last about its own answer."""

    def say(text: str) -> str:
        claims = [one.verdict for one in tags.parse(text).tries if one.verdict is not None]
        return claim(claims[-1]) if claims else "none"

    return say


def claim(verdict: bool | None) -> str:
    return {True: "says right", False: "says wrong", None: "none"}[verdict]


def graded(run: Run, part: int, what: str, value: str) -> set[str]:
    """The attempts of a part whose grade, or whose reason to be in no trace, is this."""
    found = set()
    names = ("attempt", "correct", "reason", "dropped")
    for attempt, correct, reason, dropped in run.grades.columns(part, *names) if part in run.grades.parts() else ():
        if value == (truth(correct, reason) if what == "grade" else dropped or "none"):
            found.add(attempt)
    return found


def sift(
    batches: Iterator[Any], tests: Sequence[tuple[Test, str]], among: set[str] | None
) -> Iterator[tuple[int, bool]]:
    """(number of a record in its part, whether it fits), in order; `among`: only records of these keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start = 0
    wanted = None if among is None else pa.array(sorted(among), pa.string())
    for batch in batches:
        masks = [test.fits(batch, value) for test, value in tests]
        masks += [pc.is_in(batch.column("key"), wanted)] if wanted is not None else []
        mask = pa.array([True] * batch.num_rows, pa.bool_())
        for one in masks:
            mask = pc.and_(mask, pc.fill_null(one, False))
        yield from enumerate(mask.to_pylist(), start)
        start += batch.num_rows


def columns_of(tests: Mapping[str, Test]) -> tuple[list[str], bool]:
    """The columns that some filters read, and whether a long one is among them."""
    names = list(dict.fromkeys(["key", *(name for test in tests.values() for name in test.columns)]))
    return names, "text" in names
