"""The measures of a response that is taken apart."""

import pytest

from skillfactory_decompose.measures import MEASURES
from skillfactory_decompose.tags import SUBGOALS


def body(*works: str, goals: str = "+\n-") -> str:
    return f"<sample><plan>\n{goals}\n</plan>{''.join(works)}</sample>"


def work(step: str, check: str | None = None) -> str:
    return f"<step>{step}</step>" + ("" if check is None else f"<check>{check}</check>")


FIRST, SECOND = work("1 + 2 = 3: 1", "1 + 2 = 3"), work("3 - 1 = 2", "3 - 1 = 2")
BAD = work("1 + 2 = 4: 1", "1 + 2 = 3")


@pytest.mark.parametrize(
    ("text", "subgoals", "checked", "fail", "again", "in_order"),
    [
        ("no trace at all", 0, None, None, None, None),
        ("<sample>1 + 2 = 3. <answer>1</answer></sample>", 0, None, None, None, None),
        (body(FIRST, SECOND), 2, 1, 0, None, 1),
        (body(FIRST, SECOND) + body(FIRST), 4, 3 / 4, 0, None, 0),
        (body(SECOND, FIRST), 2, 0.5, 0, None, 0),
        (body(FIRST, work("3 - 1 = 2")), 2, 0.5, 0, None, 0),
        (body(BAD, FIRST, SECOND), 2, 1, 1 / 3, 1, 1),
        (body(BAD, SECOND), 2, 1, 1 / 2, 0, 0),
        (body(BAD, BAD, FIRST, SECOND), 2, 1, 1 / 2, 1 / 2, 1),
        (body(FIRST, SECOND, FIRST), 2, 1, 0, None, 0),
        ("<sample><plan>\n+\n</plan>" + FIRST, 0, None, None, None, None),
    ],
    ids=["no tags", "no plan", "all", "a second one that stops", "other order", "unchecked", "done again", "gone on",
         "repeated first", "too many", "not closed"],
)  # fmt: skip
def test_a_response_is_measured_as_its_row_says(
    text: str,
    subgoals: float,
    checked: float | None,
    fail: float | None,
    again: float | None,
    in_order: float | None,
) -> None:
    expected = (subgoals, checked, fail, again, in_order)
    assert tuple(measure(text, SUBGOALS) for measure in MEASURES.values()) == pytest.approx(expected)
