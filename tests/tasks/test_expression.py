"""The expression reader against an exact oracle: whatever tree, whatever writing, whatever string."""

from fractions import Fraction
from random import Random

import pytest
from countdown_oracle import oracle
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from skillfactory_core.attempt import REASONS, Grade
from skillfactory_tasks.countdown import Countdown
from skillfactory_tasks.expression import MAX_LENGTH, MAX_TOKENS, Unreadable, balanced, read, value

TASK = Countdown()
MANY = settings(max_examples=400, deadline=None)
SPACES = ["", "", " ", "  ", "\n", "\t", "\u00a0", "\u2028"]
SPELLINGS = {"+": "+", "-": "-−–", "*": "*×·", "/": "/÷"}

Tree = int | tuple["Tree", str, "Tree"]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.integers(0, 3) | st.integers(0, 99), lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner), max_leaves=6
)


def leaves(tree: Tree) -> list[int]:
    return [tree] if isinstance(tree, int) else [*leaves(tree[0]), *leaves(tree[2])]


def worth(tree: Tree) -> Fraction | None:
    """The value of a tree; None where it divides by zero."""
    if isinstance(tree, int):
        return Fraction(tree)
    left, right = worth(tree[0]), worth(tree[2])
    if left is None or right is None or (tree[1] == "/" and right == 0):
        return None
    return left / right if tree[1] == "/" else {"+": left + right, "-": left - right, "*": left * right}[tree[1]]


def plain(tree: Tree) -> str:
    return str(tree) if isinstance(tree, int) else f"({plain(tree[0])} {tree[1]} {plain(tree[2])})"


def decorated(tree: Tree, draw: st.DrawFn) -> str:
    """The tree with any white space, any spelling of the signs, and parentheses that change nothing."""
    space = st.sampled_from(SPACES)
    if isinstance(tree, int):
        text = f"{'0' * draw(st.integers(0, 2))}{tree}"
    else:
        sign = draw(st.sampled_from(SPELLINGS[tree[1]]))
        text = f"({decorated(tree[0], draw)}{draw(space)}{sign}{draw(space)}{decorated(tree[2], draw)})"
    return f"({draw(space)}{text}{draw(space)})" if draw(st.integers(0, 3)) == 0 else text


@st.composite
def writings(draw: st.DrawFn) -> tuple[Tree, str]:
    tree = draw(trees)
    return tree, draw(st.sampled_from(SPACES)) + decorated(tree, draw) + draw(st.sampled_from(SPACES))


def whole_value(tree: Tree) -> int:
    """The value of a tree that can be a target; other trees are not tried."""
    result = worth(tree)
    assume(result is not None and result.denominator == 1)
    return int(result or 0)


@MANY
@given(trees)
@example((1, "/", (2, "-", 2)))
@example((0, "/", (1, "/", (2, "-", 2))))
def test_the_value_of_a_tree_is_exact(tree: Tree) -> None:
    tokens, _ = read(plain(tree))
    ratio = value(tokens, leaves(tree))
    assert (None if ratio is None else Fraction(*ratio)) == worth(tree)


@MANY
@given(writings())
def test_a_tree_is_accepted_however_it_is_written(written: tuple[Tree, str]) -> None:
    tree, text = written
    params = {"numbers": leaves(tree), "target": whole_value(tree)}
    assert TASK.grade(params, text) == Grade(True, text, "ok")
    stated = f"{text}= {params['target']}"
    assert TASK.grade(params, stated).correct
    assert not TASK.grade(params, f"{text}= {params['target'] + 1}").correct


@MANY
@given(trees, st.randoms(use_true_random=False), st.lists(st.integers(0, 99), max_size=3))
def test_the_order_of_the_given_numbers_and_further_numbers_change_nothing(
    tree: Tree, random: Random, further: list[int]
) -> None:
    numbers = leaves(tree) + further
    target = whole_value(tree)
    random.shuffle(numbers)
    assert TASK.grade({"numbers": numbers, "target": target}, plain(tree)).correct


@MANY
@given(trees, st.data())
def test_a_number_that_is_missing_from_the_given_ones_makes_it_wrong(tree: Tree, data: st.DataObject) -> None:
    numbers = leaves(tree)
    numbers.remove(data.draw(st.sampled_from(numbers)))
    assert TASK.grade({"numbers": numbers, "target": whole_value(tree)}, plain(tree)).reason == "wrong"


@MANY
@given(trees, st.data())
def test_a_changed_character_gives_the_verdict_of_the_oracle(tree: Tree, data: st.DataObject) -> None:
    text, numbers = plain(tree), leaves(tree)
    target = whole_value(tree)
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + data.draw(st.sampled_from("0123456789+-*/()= ×÷−.")) + text[at + 1 :]
    assert TASK.grade({"numbers": numbers, "target": target}, text).reason == oracle(numbers, target, text)


@MANY
@given(st.text("0123(((+-**//))) =−×", max_size=24), st.lists(st.integers(0, 12), min_size=1, max_size=5))
@example("1/(2-2))", [1, 2, 2])
@example("9)+(1", [1])
@example("-1=-1", [1])
def test_any_text_over_the_signs_gets_the_verdict_of_the_oracle(text: str, numbers: list[int]) -> None:
    for target in (1, 0, -1, 2):
        assert TASK.grade({"numbers": numbers, "target": target}, text).reason == oracle(numbers, target, text)


@MANY
@given(st.text(st.characters(), max_size=600))
@example("\ud800")
@example("٣")
@example("1_000")
def test_any_text_gets_a_grade(text: str) -> None:
    grade = TASK.grade({"numbers": [3, 7, 25], "target": 46}, text)
    assert grade.reason in REASONS
    assert grade.correct == (grade.reason == "ok")


@MANY
@given(st.text("()+1", max_size=20))
def test_parentheses_are_balanced_when_pairs_can_be_crossed_out_until_none_is_left(text: str) -> None:
    rest = "".join(c for c in text if c in "()")
    while "()" in rest:
        rest = rest.replace("()", "")
    assert balanced(list(text)) == (rest == "")


def reason_of(text: str) -> str:
    with pytest.raises(Unreadable) as unreadable:
        read(text)
    return unreadable.value.reason


def test_tokens_are_numbers_signs_and_parentheses() -> None:
    assert read("(-12+3) ×4=5") == (["(", "-", "12", "+", "3", ")", "*", "4"], 5)


def test_a_stated_target_may_be_negative_and_spaced() -> None:
    assert read("1 = - 5 ")[1] == -5


def test_length_is_bounded_before_anything_else() -> None:
    read("1".rjust(MAX_LENGTH))
    assert reason_of("x" * (MAX_LENGTH + 1)) == "too_long"


def test_the_number_of_tokens_is_bounded() -> None:
    read("-" * (MAX_TOKENS - 1) + "1")
    assert reason_of("-" * MAX_TOKENS + "1") == "limit"


def test_integers_stay_as_small_as_the_text() -> None:
    text = "/".join(["9"] * 126)
    tokens, _ = read(f"({text})")
    ratio = value(tokens, [9] * 126)
    assert ratio is not None and max(len(str(part)) for part in ratio) <= len(text)


def test_the_same_value_comes_from_the_deepest_nesting() -> None:
    pairs = (MAX_TOKENS - 3) // 2
    tokens, _ = read("(" * pairs + "3-1" + ")" * pairs)
    assert value(tokens, [1, 3]) == (2, 1)
