"""Tables of cases: one answer to one problem on each line of a JSONL file, with its grade and a `why`.

    {"number": 12, "answer": "24", "correct": true, "reason": "ok", "why": "plain"}

A row holds the params of its problem. The answer stands under `answer`, or under `submitted` where that is a param.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skillfactory_core.attempt import REASONS, Grade
from skillfactory_core.task import Task, check_params
from skillfactory_core.testing.demand import demand

Case = dict[str, Any]
GRADED = ("correct", "reason", "why")


def read_cases(path: Path) -> list[Case]:
    """The rows of a table; an AssertionError names the line that is no case."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise AssertionError(f"{path.name}, line {number}: {error}") from error
            lacking = [name for name in GRADED if name not in rows[-1]]
            demand(not lacking, f"{path.name}, line {number}: there is no {', '.join(lacking)}")
    return rows


def submitted(case: Case) -> str:
    """The answer that a case is about."""
    return str(case["submitted"] if "submitted" in case else case["answer"])


def case_name(case: Case) -> str:
    """How pytest calls a case: `ids=case_name`."""
    return f"{ascii(submitted(case))[1:40]} {case['why']}"


def check_case(task: Task, case: Case) -> None:
    """An answer gets the grade that its row says; the answer that was read is the whole of it, or none."""
    check_params(task, case)
    answer = submitted(case)
    expected = Grade(case["correct"], None if case["reason"] == "no_answer" else answer, case["reason"])
    grade = task.grade(case, answer)
    demand(grade == expected, f"{case['why']}: {answer!a:.80} is graded {grade!a:.200}, not {case['reason']}")


def check_table(task: Task, cases: Sequence[Case]) -> None:
    """A table is one to rely on: every row can be asked, says why, and stands there once; right and wrong answers are both there."""
    seen: set[str] = set()
    for case in cases:
        name = f"task '{task.name}', case {case_name(case)!r}"
        demand(case["reason"] in REASONS, f"{name}: the reason is one of {', '.join(REASONS)}")
        demand(case["correct"] == (case["reason"] == "ok"), f"{name}: the reason is ok just where the answer is right")
        demand(case["why"], f"{name}: say why")
        check_params(task, case)
        text = json.dumps({key: value for key, value in case.items() if key != "why"}, sort_keys=True)
        demand(text not in seen, f"{name} is there twice")
        seen.add(text)
    grades = {case["correct"] for case in cases}
    demand(grades == {True, False}, f"task '{task.name}': the table needs right answers and wrong ones")
