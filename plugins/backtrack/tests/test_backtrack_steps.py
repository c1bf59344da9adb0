"""Steps: where texts are split, and that what is left of one splits on."""

import re
from random import Random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_backtrack.steps import SPLITS, kind, shared, split
from skillfactory_pocket.corpus import countdown, word_problems

CASES = [
    ("15 / 1 = 15: 8; 15 - 8 = 7.", "equations", ["15 / 1 = 15: 8", "15 - 8 = 7"], "pocket's plain attempts"),
    (
        "6 - 5 = 1: 4, 15; 1 * 4 = 4: 15; 4 + 15 = 19.",
        "equations",
        ["6 - 5 = 1: 4, 15", "1 * 4 = 4: 15", "4 + 15 = 19"],
        "numbers that are left",
    ),
    (
        "8 / 4 = 2: 5, 3, 9; 2 + 5 = 7: 3, 9.",
        "equations",
        ["8 / 4 = 2: 5, 3, 9", "2 + 5 = 7: 3, 9"],
        "numbers that are left at the end",
    ),
    (
        "Plan: +, *. 3 + 4 = 7: 2, 9; 7 * 2 = 14: 9.",
        "equations",
        ["3 + 4 = 7: 2, 9", "7 * 2 = 14: 9"],
        "a plan is no step",
    ),
    (
        "Start 1 + 2, alternatively 2 - 1. 1 + 2 = 3: 5; 3 * 5 = 15.",
        "equations",
        ["1 + 2 = 3: 5", "3 * 5 = 15"],
        "nor are starts",
    ),
    (
        "From 15, 1, 3 reach 14. 15 - 1 = 14: 3; 14 * 3 = 42.",
        "equations",
        ["15 - 1 = 14: 3", "14 * 3 = 42"],
        "nor is the problem",
    ),
    (
        "Plan: 2 rows. 1 * 5 = 5 + 0 + 0 = 5, 1 * 2 = 2 + 0 + 0 = 2: 25. 7 * 5 = 35 + 0 + 2 = 37: 395.",
        "equations",
        ["1 * 5 = 5 + 0 + 0 = 5", "1 * 2 = 2 + 0 + 0 = 2: 25", "7 * 5 = 35 + 0 + 2 = 37: 395"],
        "rows of a multiplication, each with its sum",
    ),
    ("Initials TCCLM. Spell CALM.", "sentences", ["Initials TCCLM", "Spell CALM"], "pocket's words"),
    ("15 / 1 = 15, 15 - 8 = 7.", "equations", ["15 / 1 = 15", "15 - 8 = 7"], "commas between equations"),
    (
        "4 - 3 = 1: 2, 9, 3 + 4 = 7, so 7 * 2 = 14.",
        "equations",
        ["4 - 3 = 1: 2, 9", "3 + 4 = 7", "so 7 * 2 = 14"],
        "a number that an equation begins with is none that is left",
    ),
    (
        "2.5 + 1 = 3.5; 3.5 + 1,000 = 1003.5",
        "equations",
        ["2.5 + 1 = 3.5", "3.5 + 1,000 = 1003.5"],
        "points in numbers",
    ),
    (
        "a = 1, so\nwith that b = 2.",
        "equations",
        ["a = 1", "so\nwith that b = 2"],
        "words before an equation go with it",
    ),
    ("So:\n1. Add 3, 4.\n2. Double it.", "numbered", ["1. Add 3, 4.", "2. Double it."], "numbered lines"),
    (
        "Step 1: a = 1\n**Step 2:** b = 2\n",
        "numbered",
        ["Step 1: a = 1", "**Step 2:** b = 2"],
        "numbers beat equations",
    ),
    (
        "1) One\n  1. of\n  2. these\n2) Two",
        "numbered",
        ["1) One\n  1. of\n  2. these", "2) Two"],
        "a list within a step is part of it",
    ),
    ("3. Then this.\n4. Then that.", "numbered", ["3. Then this.", "4. Then that."], "the rest of an attempt"),
    ("First I add. Then I stop!\nDone", "sentences", ["First I add", "Then I stop", "Done"], "prose"),
    ("It is 3.5 = x.", "sentences", ["It is 3.5 = x"], "one equation is prose"),
    (
        "1.5 is more than 1. It is.",
        "sentences",
        ["1.5 is more than 1", "It is"],
        "a number at the start is no number of a line",
    ),
    ("", "sentences", [], "nothing"),
    (" ... \n\n", "sentences", [], "nothing but marks"),
]


@pytest.mark.parametrize(("text", "how", "steps", "why"), CASES, ids=[case[-1] for case in CASES])
def test_a_text_is_split_where_its_steps_are(text: str, how: str, steps: list[str], why: str) -> None:
    assert kind(text) == how
    assert [text[step.start : step.end] for step in split(text)] == steps


@pytest.mark.parametrize(("task", "pause"), [(countdown, "; "), (word_problems, ", ")], ids=["countdown", "stories"])
def test_what_pocket_learns_to_write_is_split_where_its_steps_are(task: ModuleType, pause: str) -> None:
    for seed in range(200):
        text = task.attempt(Random(seed)).completion
        steps = [text[step.start : step.end] for step in split(text, "equations", text.split("<answer>")[1][:-9])]
        assert all(re.fullmatch(r"\d+ [-+*/] \d+ = \d+(: \d+(, \d+)*)?", step) for step in steps), text
        assert f"{pause.join(steps)}. <answer>" in text and len(steps) == text.count("=")


def test_the_answer_in_its_tag_is_no_step() -> None:
    text = "1 + 2 = 3, 3 * 3 = 9. <answer>x = 9</answer>"
    assert [step.key for step in split(text, answer="x = 9")] == ["1 + 2 = 3", "3 * 3 = 9"]
    assert len(split(text)) == 3, "unless nobody says what the answer is"


def test_a_split_can_be_asked_for() -> None:
    text = "1. One. And more.\n2. a = 1, b = 2"
    assert [len(split(text, how)) for how in SPLITS] == [2, 2, 2, 5, 2]


def test_equal_steps_are_equal_however_they_are_written() -> None:
    one, other = (
        split("1. Add  3 and 4\n2. Double that.", "numbered"),
        split("1) add 3 and 4.\n2) Halve that.", "numbered"),
    )
    assert one[0].key == other[0].key and shared(one, other) == 1


words = st.text(alphabet="ab 1=.,:;!\n", max_size=12)
texts = st.one_of(
    st.text(max_size=80),
    st.lists(words, max_size=6).map(lambda found: "".join(f"{n}. {w}\n" for n, w in enumerate(found, 1))),
    st.lists(words, max_size=6).map(lambda found: ", ".join(f"{w} = {n}" for n, w in enumerate(found))),
    st.lists(words, max_size=6).map(lambda found: "; ".join(f"{w} = {n}: 1, {n}" for n, w in enumerate(found))),
)


@given(texts, st.sampled_from(SPLITS))
def test_steps_stand_one_after_the_other_and_say_something(text: str, how: str) -> None:
    at = 0
    for step in split(text, how):
        assert at <= step.start < step.end <= len(text)
        assert step.key or how in ("auto", "numbered")
        at = step.end


@given(texts, st.sampled_from(SPLITS), st.data())
def test_the_rest_of_a_text_splits_into_the_rest_of_its_steps(text: str, how: str, data: st.DataObject) -> None:
    steps = split(text, how)
    first = data.draw(st.integers(0, max(0, len(steps) - 1)))
    if steps:
        rest = split(text[steps[first].start :], kind(text, how))
        assert [step.key for step in rest] == [step.key for step in steps[first:]]


@given(texts, texts)
def test_two_texts_share_steps_alike(one: str, other: str) -> None:
    a, b = split(one), split(other)
    assert shared(a, b) == shared(b, a) <= min(len(a), len(b))
    assert shared(a, a) == len(a)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["1. ", "a = 1, ", "\n", "<x>", " = ", "step 1: ", "<a> 9 </a>", ". ", "1: 1, ", "1, ", ":1;"]
)
def test_long_texts_are_split_quickly(unit: str) -> None:
    for how in SPLITS:
        split(unit * 20_000, how, "9")
