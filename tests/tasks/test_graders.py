"""What every grader without mathematics promises, whatever it is given: its table of cases, any text, any thread,
any depth of the stack, a megabyte, and no code run. Countdown has a file of its own."""

import builtins
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sympy
import sympy.parsing.sympy_parser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skillfactory_core.attempt import REASONS, Grade
from skillfactory_core.task import Task
from skillfactory_core.testing import Case, case_name, check_case, check_table, read_cases
from skillfactory_tasks.acronym import Acronym
from skillfactory_tasks.csqa import Csqa
from skillfactory_tasks.dictionary import words
from skillfactory_tasks.gpqa import Gpqa
from skillfactory_tasks.gsm8k import Gsm8k
from skillfactory_tasks.letter_countdown import LetterCountdown
from skillfactory_tasks.multiplication import Multiplication
from skillfactory_tasks.word_problems import WordProblems

TASKS: dict[str, Task] = {
    task.name: task
    for task in (Multiplication(), LetterCountdown(), Acronym(), Gsm8k(), Csqa(), Gpqa(), WordProblems())
}
TABLES = Path(__file__).parents[1] / "cases"
CASES = {name: read_cases(TABLES / f"{name}.jsonl") for name in TASKS}
ALL = [(name, case) for name, rows in CASES.items() for case in rows]
MEGABYTE = 1_000_000
POISON = [
    "(", "9", "-", " ", "<answer>", "\\text{", "\\boxed{", "**", "$", "a", "A ", "the answer is ", "9**", "9^{", "1,",
    ",", ".", "'", "5/", "1/9**", "\ud800", "\u2028", "\x00", "٣", "99999999!", "nan ", "real ",
]  # fmt: skip


def name_of(row: tuple[str, Case]) -> str:
    return f"{row[0]} {case_name(row[1])}"


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("a grader evaluates no code")


@pytest.fixture(scope="module", autouse=True)
def no_evaluation() -> Iterator[None]:
    """For the whole of this file, nothing may evaluate, compile or parse code or mathematics."""
    words()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sympy, "sympify", forbidden)
        patch.setattr(sympy.parsing.sympy_parser, "parse_expr", forbidden)
        yield


@contextmanager
def evaluating_nothing() -> Iterator[None]:
    """With the builtins patched only here: pytest and hypothesis need them themselves."""
    saved = {evaluator: getattr(builtins, evaluator) for evaluator in ("eval", "exec", "compile")}
    for evaluator in saved:
        setattr(builtins, evaluator, forbidden)
    try:
        yield
    finally:
        for evaluator, own in saved.items():
            setattr(builtins, evaluator, own)


@pytest.mark.parametrize("row", ALL, ids=name_of)
def test_the_table_of_cases_is_graded_as_it_says(row: tuple[str, Case]) -> None:
    name, case = row
    with evaluating_nothing():
        check_case(TASKS[name], case)


@pytest.mark.parametrize("name", TASKS)
def test_a_table_has_every_reason_and_a_why_in_every_row_and_no_row_twice(name: str) -> None:
    rows = CASES[name]
    check_table(TASKS[name], rows)
    assert {row["reason"] for row in rows} == set(REASONS) - {"timeout", "crash", "limit"}
    assert len(rows) >= 60


@pytest.mark.parametrize("name", ["gsm8k", "csqa", "gpqa", "multiplication", "word_problems"])
def test_the_reference_of_every_problem_in_a_table_is_right(name: str) -> None:
    for case in CASES[name]:
        assert TASKS[name].grade(case, TASKS[name].reference(case)).correct


def grade_all() -> list[Grade]:
    return [TASKS[name].grade(case, case["submitted"]) for name, case in ALL]


def test_eight_threads_give_the_same_grades() -> None:
    with ThreadPoolExecutor(8) as pool:
        everywhere = list(pool.map(lambda _: grade_all(), range(8)))
    assert everywhere == [grade_all()] * 8


def depth() -> int:
    frame, frames = sys._getframe(), 0
    while frame is not None:
        frame, frames = frame.f_back, frames + 1  # type: ignore[assignment]
    return frames


def at_depth(wanted: int, do: Callable[[], list[Grade]]) -> list[Grade]:
    """The outcome of `do`, called from a stack of that many frames."""

    def descend(frames: int) -> list[Grade]:
        return descend(frames - 1) if frames > 0 else do()

    return descend(wanted - depth())


def test_a_stack_of_900_frames_gives_the_same_grades() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        assert at_depth(900, grade_all) == grade_all()
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_any_hash_seed_gives_the_same_grades(hash_seed: str) -> None:
    code = "import test_graders; print([g.reason for g in test_graders.grade_all()])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str([g.reason for g in grade_all()])


def within(seconds: float, do: Callable[[], object]) -> bool:
    """Whether it is done in so many seconds in one of ten times: other programs may be busy on the machine."""
    for _ in range(10):
        start = time.perf_counter()
        do()
        if time.perf_counter() - start < seconds:
            return True
    return False


@pytest.mark.parametrize("name", TASKS)
def test_a_megabyte_of_anything_is_graded_in_ten_milliseconds(name: str) -> None:
    for unit in POISON:
        text = unit * (MEGABYTE // len(unit))
        assert TASKS[name].grade(CASES[name][0], text) == Grade(False, text, "too_long")
        assert within(0.010, lambda text=text: TASKS[name].grade(CASES[name][0], text)), ascii(unit)


@pytest.mark.parametrize("name", TASKS)
def test_the_longest_texts_that_are_read_are_graded_in_ten_milliseconds(name: str) -> None:
    for unit in POISON:
        for length in (256, 512, 4096):
            text = (unit * length)[: length - 2] + "29"
            assert TASKS[name].grade(CASES[name][0], text).reason in REASONS
            assert within(0.010, lambda text=text: TASKS[name].grade(CASES[name][0], text)), ascii(unit)


SIGNS = st.text(st.sampled_from('0123456789.,-+$%=()/*"{}\\ \n:eExABCDabk٣−€'), max_size=40)


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=250, deadline=None)
@given(text=st.one_of(st.text(st.characters(), max_size=300), SIGNS))
@example(text="\ud800")
@example(text="1_000")
@example(text="0" * 512)
def test_any_text_gets_a_grade(name: str, text: str) -> None:
    for case in CASES[name][:1] + CASES[name][-1:]:
        found = TASKS[name].grade(case, text)
        assert found.reason in REASONS and found.correct == (found.reason == "ok")
        assert (found.answer is None) == (found.reason == "no_answer")
