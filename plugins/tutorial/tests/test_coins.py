"""coins: it keeps what a task promises, its table of cases is graded as it says, and every stage runs on it."""

from pathlib import Path

import pytest

from skillfactory_core import registry
from skillfactory_core.testing import (
    Case,
    case_name,
    check_case,
    check_plugin,
    check_table,
    check_task,
    read_cases,
    small_run,
    temporary_run,
)
from skillfactory_tutorial import coins

TASK = coins.Coins()
CASES = read_cases(Path(__file__).parent / "coins.jsonl")


def test_the_module_is_a_plugin() -> None:
    check_plugin(coins)


def test_the_task_is_installed() -> None:
    assert registry.find(registry.TASK, "coins") == TASK


def test_it_keeps_what_a_task_promises() -> None:
    check_task(TASK)


def test_the_table_of_cases_is_a_sound_one() -> None:
    check_table(TASK, CASES)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_a_case_is_graded_as_its_row_says(case: Case) -> None:
    check_case(TASK, case)


def test_every_stage_runs_on_it_by_script(tmp_path: Path) -> None:
    run = temporary_run(tmp_path / "run", "coins")
    assert run.traces.count() and run.report.is_file()


def test_a_small_model_is_trained_on_it_and_answers(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", "coins")
    assert run.responses("skillfactory", "3").count() == 2 and run.report.is_file()
