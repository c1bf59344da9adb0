"""The kit and tables of cases: rows are read, checked and graded, and what is wrong with one is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skillfactory_core import registry
from skillfactory_core.task import Task
from skillfactory_core.testing import Case, case_name, check_case, check_table, read_cases

TASK: Task = registry.find(registry.TASK, "multiplication")
RIGHT: Case = {"a": 12, "b": 3, "submitted": "36", "correct": True, "reason": "ok", "why": "the product"}
WRONG: Case = {**RIGHT, "submitted": "37", "correct": False, "reason": "wrong", "why": "one more"}


def table(folder: Path, *rows: Case) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    return path


def test_a_table_is_read_and_its_cases_are_graded(tmp_path: Path) -> None:
    cases = read_cases(table(tmp_path, RIGHT, WRONG))
    assert cases == [RIGHT, WRONG]
    check_table(TASK, cases)
    for case in cases:
        check_case(TASK, case)


def test_the_answer_may_stand_under_its_own_name() -> None:
    check_case(TASK, {"answer" if key == "submitted" else key: value for key, value in RIGHT.items()})


def test_a_case_is_named_after_its_answer_and_its_why() -> None:
    assert case_name({**RIGHT, "submitted": "٣" * 100}) == ("\\u0663" * 100)[:39] + " the product"


def test_an_empty_answer_is_not_read() -> None:
    check_case(TASK, {**WRONG, "submitted": "", "reason": "no_answer"})


def failure(do: Callable[..., Any], *given: Any) -> str:
    with pytest.raises(AssertionError) as raised:
        do(*given)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_grade_other_than_the_row_says_is_told() -> None:
    said = failure(check_case, TASK, {**RIGHT, "submitted": "37"})
    assert said.startswith("the product: '37' is graded Grade(correct=False") and said.endswith("not ok")


def test_a_line_that_is_no_case_is_named(tmp_path: Path) -> None:
    path = table(tmp_path, RIGHT)
    path.write_text(path.read_text() + "{\n")
    assert failure(read_cases, path).startswith("cases.jsonl, line 3: ")
    path = table(tmp_path, RIGHT, {key: value for key, value in WRONG.items() if key != "why"})
    assert failure(read_cases, path) == "cases.jsonl, line 2: there is no why"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([RIGHT, {**WRONG, "reason": "bad"}], "the reason is one of ok, "),
        ([RIGHT, {**WRONG, "reason": "ok"}], "the reason is ok just where the answer is right"),
        ([RIGHT, {**WRONG, "why": ""}], "say why"),
        ([RIGHT, WRONG, {**WRONG, "why": "another why"}], "is there twice"),
        ([RIGHT], "the table needs right answers and wrong ones"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_table_is_told(rows: list[Case], said: str) -> None:
    assert said in failure(check_table, TASK, rows)
