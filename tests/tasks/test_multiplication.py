"""Multiplication: any spelling of the product is right and nothing else, its problems and its errors."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillfactory_core.errors import SkillFactoryError
from skillfactory_tasks import multiplication
from skillfactory_tasks.multiplication import MAX_DIGITS, Multiplication

TASK = Multiplication()
FACTORS = st.integers(-(10**30), 10**30)
WRAPPERS = ["{}", "${}$", "**{}**", "\\boxed{{{}}}", "$\\boxed{{{}}}$.", " {} ", "{}.", "{}.00"]


@settings(deadline=None)
@given(FACTORS, FACTORS, st.sampled_from(WRAPPERS), st.booleans())
def test_the_product_is_right_however_it_is_written(a: int, b: int, wrapper: str, grouped: bool) -> None:
    text = wrapper.format(f"{a * b:,}" if grouped else a * b)
    assert TASK.grade({"a": a, "b": b}, text).correct


@settings(deadline=None)
@given(FACTORS, FACTORS, st.data())
def test_a_product_with_another_digit_is_wrong(a: int, b: int, data: st.DataObject) -> None:
    digits = str(a * b)
    at = data.draw(st.integers(0, len(digits) - 1))
    other = digits[:at] + data.draw(st.sampled_from("0123456789")) + digits[at + 1 :]
    grade = TASK.grade({"a": a, "b": b}, other)
    assert grade.correct == (int(other) == a * b)


@settings(deadline=None)
@given(st.text("0123456789,.", max_size=14))
def test_digits_commas_and_points_are_read_as_an_oracle_reads_them(text: str) -> None:
    whole, point, zeros = text.removesuffix(".").partition(".")
    groups = whole.split(",")
    grouped = len(groups[0]) in (1, 2, 3) and groups[0][0] != "0" and all(len(group) == 3 for group in groups[1:])
    readable = (whole.isdigit() or (len(groups) > 1 and grouped)) and (
        not point or (zeros != "" and set(zeros) == {"0"})
    )
    grade = TASK.grade({"a": 12, "b": 12}, text)
    assert grade.correct == (readable and int("".join(groups)) == 144)
    assert (grade.reason in ("ok", "wrong")) == readable


@pytest.mark.parametrize("digits", [2, 3, 4, 5, 12, MAX_DIGITS])
def test_factors_have_the_digits_that_were_asked_for(digits: int) -> None:
    task, random = Multiplication(digits=digits), Random(0)
    for _ in range(50):
        params = task.make(random)
        assert len(str(params["a"])) == len(str(params["b"])) == digits
        assert task.grade(params, task.reference(params)).correct
        assert task.grade(params, f"**$\\boxed{{{params['a'] * params['b']:,}.0}}$**").correct


def test_the_order_of_the_factors_does_not_make_another_problem() -> None:
    assert TASK.canonical({"a": 12, "b": 34}) == TASK.canonical({"a": 34, "b": 12})
    assert TASK.canonical({"a": 12, "b": 34}) != TASK.canonical({"a": 13, "b": 34})


def test_the_question_names_both_factors() -> None:
    assert TASK.question({"a": 12, "b": 34}) == "What is 12 times 34? Give the exact product."


@pytest.mark.parametrize(
    "params",
    [{}, {"a": 1}, {"a": "12", "b": 34}, {"a": 1.5, "b": 2}, {"a": True, "b": 2}, {"a": 10**100, "b": 1}],
    ids=str,
)
def test_a_problem_that_makes_no_sense_is_an_error_when_it_is_loaded(params: dict[str, Any]) -> None:
    for read in (TASK.canonical, TASK.question, TASK.reference):
        with pytest.raises(SkillFactoryError, match=r"^multiplication problem: [ab] is .*: give a whole number"):
            read(params)


@pytest.mark.parametrize("digits", [1, 0, 101, 2.0, "3", True])
def test_a_bad_option_is_named_in_one_line(digits: Any) -> None:
    with pytest.raises(
        SkillFactoryError, match=r"^task 'multiplication': digits is .*: give a whole number from 2 to 100$"
    ):
        Multiplication(digits=digits)


def test_the_variants_are_two_to_five_digits() -> None:
    variants = TASK.variants()
    assert list(variants) == ["2", "3", "4", "5"]
    assert all(task.variant == name == str(task.digits) for name, task in variants.items())


def test_the_plugin_registers_one_task() -> None:
    assert multiplication.register_tasks() == [TASK]
    assert hasattr(multiplication.register_tasks, "skillfactory_impl")
