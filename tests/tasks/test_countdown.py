"""Countdown, the task: its table of cases, its problems, its questions, its errors, and answers meant to break it."""

import builtins
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from test_graders import at_depth, within

from skillfactory_core.attempt import REASONS, Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.testing import Case, case_name, check_case, check_table, read_cases
from skillfactory_tasks import countdown
from skillfactory_tasks.countdown import Countdown
from skillfactory_tasks.countdown_solver import solve

TASK = Countdown()
CASES = read_cases(Path(__file__).parents[1] / "cases/countdown.jsonl")
PARAMS = {"numbers": [3, 7, 25], "target": 46}


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("a grader evaluates no code")


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_the_table_of_cases_is_graded_as_it_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for evaluator in ("eval", "exec", "compile"):
            patch.setattr(builtins, evaluator, forbidden)
        check_case(TASK, case)


def test_the_table_is_a_sound_one_with_a_row_for_every_reason_a_countdown_grade_can_have() -> None:
    check_table(TASK, CASES)
    assert {case["reason"] for case in CASES} == set(REASONS) - {"timeout", "crash"}


def grade_all() -> list[Grade]:
    return [TASK.grade(case, case["answer"]) for case in CASES]


def test_eight_threads_give_the_same_grades() -> None:
    with ThreadPoolExecutor(8) as pool:
        everywhere = list(pool.map(lambda _: grade_all(), range(8)))
    assert everywhere == [grade_all()] * 8


def test_a_stack_of_900_frames_gives_the_same_grades() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        assert at_depth(900, grade_all) == grade_all()
    finally:
        sys.setrecursionlimit(limit)


MEGABYTE = 1_000_000
LARGE = ["(", "9", "-", " ", "×", "<answer>", "25 + ", "(25)*", "\ud800", "\u2028", "9**", "\x00", "1/", "=", "\\text{"]
WITHIN_BOUNDS = ["(", "9", "0", "-", " ", "(25)*", "25-", "1/", "25 ", "((1)", "=1", "\u00d7"]


@pytest.mark.parametrize("unit", LARGE, ids=ascii)
def test_a_megabyte_is_graded_in_ten_milliseconds(unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    assert TASK.grade(PARAMS, text) == Grade(False, text, "too_long")
    assert within(0.010, lambda: TASK.grade(PARAMS, text))


@pytest.mark.parametrize("unit", WITHIN_BOUNDS, ids=ascii)
def test_the_longest_texts_that_are_read_are_graded_in_a_millisecond(unit: str) -> None:
    text = (unit * 512)[:511] + "1"
    assert TASK.grade(PARAMS, text).reason in REASONS
    assert within(0.001, lambda: TASK.grade(PARAMS, text))


@pytest.mark.parametrize("options", [{}, {"largest": 15, "smallest_target": 1}, {"largest_target": 999}], ids=str)
@pytest.mark.parametrize("numbers", [2, 3, 4, 5, 6])
def test_a_problem_is_within_its_options_and_solved_with_all_numbers(numbers: int, options: dict[str, int]) -> None:
    task, random = Countdown(numbers=numbers, **options), Random(0)
    for _ in range(100):
        params = task.make(random)
        assert len(params["numbers"]) == numbers
        assert all(task.smallest <= n <= task.largest for n in params["numbers"])
        assert task.smallest_target <= params["target"] <= task.largest_target
        digits = "".join(c if c.isdigit() else " " for c in params["solution"])
        assert sorted(map(int, digits.split())) == sorted(params["numbers"])
        assert task.grade(params, params["solution"]).correct
        assert json.loads(json.dumps(params)) == params


def test_problems_use_every_operator_and_parentheses() -> None:
    random = Random(0)
    written = " ".join(TASK.make(random)["solution"] for _ in range(300))
    assert all(sign in written for sign in "+-*/()")


def test_the_same_random_numbers_give_the_same_problem() -> None:
    assert TASK.make(Random("x")) == TASK.make(Random("x"))


@pytest.mark.parametrize("options", [{}, {"largest": 15, "smallest_target": 1}], ids=str)
def test_five_thousand_problems_take_a_second_at_most(options: dict[str, int]) -> None:
    task = Countdown(**options)
    assert within(0.1, lambda: [task.make(Random(seed)) for seed in range(500)])


def test_the_splits_hold_different_problems() -> None:
    splits = {split: {p.hash for p in islice(TASK.problems(0, split), 50)} for split in ("train", "evaluation")}
    assert len(splits["train"]) == len(splits["evaluation"]) == 50
    assert not splits["train"] & splits["evaluation"]


def test_impossible_options_end_in_an_error_that_names_them() -> None:
    task = Countdown(numbers=2, largest=9, smallest_target=5_000, largest_target=5_001)
    with pytest.raises(SkillFactoryError, match=r"2 numbers of 1 to 9 gave no target of 5000 to 5001 .* widen"):
        task.make(Random(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"numbers": 1}, "numbers is 1: give a whole number from 2 to 8"),
        ({"numbers": 9}, "numbers is 9: give"),
        ({"numbers": 3.0}, "numbers is 3.0: give"),
        ({"numbers": True}, "numbers is True: give"),
        ({"smallest": 0}, "smallest is 0: give"),
        ({"largest": "20"}, "largest is '20': give"),
        ({"smallest_target": -1}, "smallest_target is -1: give"),
        ({"largest_target": 10**6}, "largest_target is 1000000: give"),
        ({"smallest": 50, "largest": 40}, "smallest is 50, above largest, 40"),
        ({"smallest_target": 100}, "smallest_target is 100, above largest_target, 99"),
    ],
    ids=str,
)
def test_a_bad_option_is_named_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SkillFactoryError) as error:
        Countdown(**options)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_problem_is_the_same_whatever_the_order_of_its_numbers() -> None:
    assert TASK.canonical({"numbers": [25, 3, 7], "target": 46}) == TASK.canonical(PARAMS)


@pytest.mark.parametrize("other", [([3, 7, 25], 47), ([3, 7, 26], 46), ([37, 25], 46), ([3, 7, 25, 25], 46)], ids=str)
def test_other_numbers_or_another_target_are_another_problem(other: tuple[list[int], int]) -> None:
    assert TASK.canonical({"numbers": other[0], "target": other[1]}) != TASK.canonical(PARAMS)


def test_the_question_says_every_rule() -> None:
    question = TASK.question(PARAMS)
    for part in (
        "equals 46",
        "3, 7 and 25",
        "at most once",
        "any order",
        "+ - * /",
        "parentheses",
        "Division is exact",
    ):
        assert part in question


@pytest.mark.parametrize(
    "params",
    [
        {"target": 1},
        {"numbers": [1, 2]},
        {"numbers": [], "target": 1},
        {"numbers": "12", "target": 1},
        {"numbers": [1, "2"], "target": 1},
        {"numbers": [1, -2], "target": 1},
        {"numbers": [1, True], "target": 1},
        {"numbers": [1, 2], "target": "3"},
        {"numbers": [1, 2], "target": 3.0},
    ],
    ids=str,
)
def test_a_problem_that_makes_no_sense_is_an_error_when_it_is_loaded(params: dict[str, Any]) -> None:
    for read in (TASK.canonical, TASK.question, TASK.reference):
        with pytest.raises(SkillFactoryError, match=r"^countdown problem: (numbers|target) is "):
            read(params)


def test_the_reference_is_the_stored_solution() -> None:
    assert TASK.reference({**PARAMS, "solution": "3 * 7 + 25"}) == "3 * 7 + 25"


def test_a_stored_solution_that_is_wrong_is_an_error() -> None:
    with pytest.raises(SkillFactoryError, match="its solution '3 \\+ 7' is not right"):
        TASK.reference({**PARAMS, "solution": "3 + 7"})


@pytest.mark.parametrize(
    ("numbers", "target"),
    [
        ([3, 7, 25], 46),
        ([8, 3, 8, 3], 24),
        ([5], 5),
        ([1, 5, 5, 5], 24),
        ([3, 5], -2),
        ([0, 4, 4], 0),
        ([2, 9, 25, 50, 75, 100], 953),
        ([3, 7, 1, 9, 5], 24),
    ],
    ids=str,
)
def test_a_problem_without_a_solution_is_solved_by_search(numbers: list[int], target: int) -> None:
    params = {"numbers": numbers, "target": target}
    assert TASK.grade(params, TASK.reference(params)).correct


def test_a_problem_that_has_no_solution_is_an_error_that_shows_it() -> None:
    with pytest.raises(SkillFactoryError, match="countdown problem 1 1 = 5: there is no solution"):
        TASK.reference({"numbers": [1, 1], "target": 5})


def test_many_numbers_are_not_searched() -> None:
    with pytest.raises(SkillFactoryError, match="more than 6 numbers are not searched: add a 'solution'"):
        TASK.reference({"numbers": list(range(1, 30)), "target": 10_007})


def test_the_search_finds_whatever_the_generator_made() -> None:
    random = Random(0)
    for numbers in (2, 3, 4, 5):
        for _ in range(10):
            params = Countdown(numbers=numbers).make(random)
            found = solve(params["numbers"], params["target"])
            assert found is not None and TASK.grade(params, found).correct


def test_the_variants_are_three_to_six_numbers_with_the_other_options_kept() -> None:
    variants = Countdown(largest=15).variants()
    assert list(variants) == ["3", "4", "5", "6"]
    assert all(task.variant == name and task.largest == 15 for name, task in variants.items())
    assert variants["4"] == attrs.evolve(Countdown(largest=15), numbers=4)


def test_the_plugin_registers_one_task() -> None:
    assert countdown.register_tasks() == [Countdown()]
    assert hasattr(countdown.register_tasks, "skillfactory_impl")
