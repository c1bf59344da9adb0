"""Splitting: parts are stretches of the text, in its order; lists and equations are found in the forms that models give them."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillfactory_decompose.claim import claim
from skillfactory_decompose.split import WAYS, Split, bare, goal_of, same_goal, serves

# The machine that runs the tests may be busy with something else.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

PIECES = (
    "Subgoals:\n",
    "Solutions:\n",
    "1. ",
    "2) ",
    "\n1. ",
    "\n2. ",
    "3 + 4 = 7",
    ": 5, 6",
    "; ",
    ", ",
    ". ",
    "\n\n",
    "<answer>",
    "**",
    "=",
)
TANGLES = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=30).map("".join)
WORDS = st.text(alphabet="abc xyz", min_size=1, max_size=12).map(str.strip).filter(bool)
EVERY_WAY = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

CASES = [
    (
        "equations",
        "Plan: +, -. 15 + 8 = 23: 1; 23 - 1 = 22. <answer>(15 + 8) - 1</answer>",
        Split(("+", "-"), ("15 + 8 = 23: 1", "23 - 1 = 22"), "<answer>(15 + 8) - 1</answer>"),
        "a plan that pocket carried out",
    ),
    (
        "equations",
        "Plan: +. 15 + 8 = 23: 1; 23 - 1 = 22. <answer>1</answer>",
        Split((), ("15 + 8 = 23: 1", "23 - 1 = 22"), "<answer>1</answer>"),
        "a plan of another length is no plan of these steps",
    ),
    (
        "equations",
        "Plan: /, -, +. 8 / 4 = 2: 5, 3, 13; 13 - 2 = 11: 5, 3; 11 + 5 = 16: 3. <answer>1</answer>",
        Split(("/", "-", "+"), ("8 / 4 = 2: 5, 3, 13", "13 - 2 = 11: 5, 3", "11 + 5 = 16: 3"), "<answer>1</answer>"),
        "pocket's list of the numbers that are left, to the end",
    ),
    (
        "equations",
        "14 + 6 = 20: 7, 9. <answer>14 + 6</answer>",
        Split((), ("14 + 6 = 20: 7, 9",), "<answer>14 + 6</answer>"),
        "a target that is reached at once",
    ),
    (
        "equations",
        "Plan: +, -. 15 + 8 = 23, 23 - 1 = 22. <answer>1</answer>",
        Split(("+", "-"), ("15 + 8 = 23", "23 - 1 = 22"), "<answer>1</answer>"),
        "commas between the equations",
    ),
    (
        "equations",
        "15 + 8 = 23: 1, 23 - 1 = 22; 2 * 2 = 4. <answer>1</answer>",
        Split((), ("15 + 8 = 23: 1", "23 - 1 = 22", "2 * 2 = 4"), "<answer>1</answer>"),
        "a number that an equation begins with is none that is left",
    ),
    (
        "equations",
        "3 + 4 = 7; so far so good, 7 * 2 = 14. Done.",
        Split((), ("3 + 4 = 7; so far so good", "7 * 2 = 14"), "Done."),
        "words behind a semicolon",
    ),
    (
        "equations",
        "1 * 5 = 5 + 0 + 0 = 5, 1 * 2 = 2 + 0 + 0 = 2: 25. 7 * 5 = 35 + 0 + 2 = 37: 395. <answer>395</answer>",
        Split(
            (),
            ("1 * 5 = 5 + 0 + 0 = 5", "1 * 2 = 2 + 0 + 0 = 2: 25", "7 * 5 = 35 + 0 + 2 = 37: 395"),
            "<answer>395</answer>",
        ),
        "rows of a multiplication",
    ),
    (
        "equations",
        "We want 25 by 7. 2:2:2, 5:7:3; 7:7:7; 7 * 7 = 49:4, 3 * 7 = 21:10; 1:1:1. 4 is 4. <verdict>Correct</verdict>",
        None,
        "a check that casts out nines does no step again",
    ),
    ("equations", "Initials TCCLM. Spell CALM. <answer>CALM</answer>", None, "letters"),
    (
        "equations",
        "We want 22. 15 + 8 = 23, 23 - 1 = 22. 22 is 22. Uses 15, 8, 1, all given. <verdict>Correct</verdict>",
        Split((), ("15 + 8 = 23", "23 - 1 = 22"), "22 is 22. Uses 15, 8, 1, all given. <verdict>Correct</verdict>"),
        "a check, with words before and after",
    ),
    ("equations", "2 + 2 = 4. 4 * 3 = 12. So.", Split((), ("2 + 2 = 4", "4 * 3 = 12"), "So."), "a sentence each"),
    (
        "equations",
        "0.5 * 4 = 2.0. <answer>2</answer>",
        Split((), ("0.5 * 4 = 2.0",), "<answer>2</answer>"),
        "a point in a number",
    ),
    ("equations", "Nothing to compute. <answer>2</answer>", None, "no equation"),
    ("equations", "<answer>1 + 1 = 2</answer>", None, "an equation in a tag is no step"),
    (
        "numbered",
        "Subgoals:\n1. Count the pears\n2. Double them\n\nSolutions:\n1. 3 + 4 = 7 pears\n2. 7 * 2,\nso 14\n\nThus <answer>14</answer>",
        Split(
            ("1. Count the pears", "2. Double them"),
            ("1. 3 + 4 = 7 pears", "2. 7 * 2,\nso 14"),
            "Thus <answer>14</answer>",
        ),
        "what the prompts ask for, a solution over two lines",
    ),
    (
        "numbered",
        "**Subgoals:**\n1) Pears\n2) Twice\n**Solutions:**\n1) 7\n2) 14\n<answer>14</answer>",
        Split(("1) Pears", "2) Twice"), ("1) 7", "2) 14"), "<answer>14</answer>"),
        "marks of Markdown, no empty lines",
    ),
    (
        "numbered",
        "Check 1: 3 + 4 = 7, holds.\nCheck 2: 7 * 2 = 15, fails.\n\nNo.\n<verdict>Incorrect</verdict>",
        Split((), ("Check 1: 3 + 4 = 7, holds.", "Check 2: 7 * 2 = 15, fails."), "No.\n<verdict>Incorrect</verdict>"),
        "checks that are called so",
    ),
    (
        "numbered",
        "1. One\n2. Two\n1. One\n\n<answer>1</answer>",
        None,
        "a list of subgoals longer than that of solutions",
    ),
    ("numbered", "1. a\n1. b\n1. c\n<answer>1</answer>", None, "three lists"),
    ("numbered", "1.5 is what we\n2.5 want", None, "numbers with a point begin no entry"),
    (
        "lines",
        "3 + 4 = 7\n\n7 * 2 = 14\nso <answer>14</answer>",
        Split((), ("3 + 4 = 7", "7 * 2 = 14"), "so <answer>14</answer>"),
        "a line each",
    ),
    (
        "auto",
        "1. 3 + 4 = 7\n2. 7 * 2 = 14\n\n<answer>14</answer>",
        Split((), ("1. 3 + 4 = 7", "2. 7 * 2 = 14"), "<answer>14</answer>"),
        "lists first",
    ),
    (
        "auto",
        "3 + 4 = 7, 7 * 2 = 14. <answer>14</answer>",
        Split((), ("3 + 4 = 7", "7 * 2 = 14"), "<answer>14</answer>"),
        "then equations",
    ),
]


@pytest.mark.parametrize(("way", "text", "expected", "why"), CASES, ids=[f"{case[0]}: {case[3]}" for case in CASES])
def test_a_text_is_split_as_its_row_says(way: str, text: str, expected: Split | None, why: str) -> None:
    assert WAYS[way](text) == expected, why


@EVERY_WAY
@given(text=TANGLES)
def test_every_part_is_a_stretch_of_the_text_and_they_stand_in_its_order(way: object, text: str) -> None:
    found = way(text)  # type: ignore[operator]
    if found is None:
        return
    assert found.steps and all(found.steps[:1])
    assert not found.goals or len(found.goals) == len(found.steps)
    at = 0
    for part in (*found.goals, *found.steps, found.rest):
        place = text.find(part, at)
        assert place >= 0
        at = place + len(part)


@given(goals=st.lists(WORDS, min_size=1, max_size=6), data=st.data())
def test_two_numbered_lists_are_read_as_they_were_written(goals: list[str], data: st.DataObject) -> None:
    steps = data.draw(st.lists(WORDS, min_size=len(goals), max_size=len(goals)))
    lists = ["\n".join(f"{n}. {each}" for n, each in enumerate(entries, 1)) for entries in (goals, steps)]
    text = f"Subgoals:\n{lists[0]}\n\nSolutions:\n{lists[1]}\n\n<answer>1</answer>"
    found = WAYS["numbered"](text)
    assert found is not None
    assert found.goals == tuple(lists[0].split("\n")) and found.steps == tuple(lists[1].split("\n"))
    assert found.rest == "<answer>1</answer>"


@EVERY_WAY
@pytest.mark.parametrize(
    "piece", ["1. ", "\n1.", "\n", "=", "a = b, ", "#", "\n ", "<a", "check ", ". ", "1 = 1. ", "1: 1, ", "; ", "= 1"]
)
def test_long_texts_are_split_in_no_time(way: object, piece: str) -> None:
    start = time.monotonic()
    way(piece * 20_000)  # type: ignore[operator]
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("step", "goal"),
    [
        ("15 + 8 = 23", "15 + 8"),
        ("15 + 8 = 23: 1, 4", "15 + 8"),
        ("2. 15 + 8 = 23: 1", "2. 15 + 8"),
        ("2. The pears: 7", "2. The pears"),
        ("Solve x + 2 = 5: 3", "Solve x + 2 = 5"),
        ("2. Find the pears: 3 + 4 = 7", "2. Find the pears"),
        ("x = 3 + 4 = 7", "x = 3 + 4"),
        ("No subgoal here", ""),
        ("= 7", ""),
    ],
)
def test_a_step_states_its_subgoal_before_its_outcome(step: str, goal: str) -> None:
    assert goal_of(step) == goal


def test_steps_serve_a_subgoal_by_number_or_by_its_words() -> None:
    assert serves("1. Count", "1) 3 + 4 = 7") and not serves("1. Count", "2. Count")
    assert serves("+", "15 + 8 = 23") and not serves("-", "15 + 8 = 23")
    assert same_goal("15 + 8 = 22", "15 +  8 = 23") and not same_goal("15 + 8 = 23", "8 + 15 = 23")
    assert same_goal("2. a", "2. b") and not same_goal("a", "b")
    assert same_goal("15 + 8 = 22: 1", "15 + 8 = 23: 1") and not serves("4", "15 + 8 = 23: 1, 4")
    assert bare("15 + 8 = 23: 1, 4") == "15 + 8 = 23" and bare("The pears: 1, 4") == "the pears: 1, 4"
    assert bare("3.  15 +\n8 = 23.") == "15 + 8 = 23"


@pytest.mark.parametrize(
    ("step", "check", "says"),
    [
        ("15 + 8 = 23", "15 + 8 = 23", True),
        ("15 + 8 = 22", "15 + 8 = 23.", False),
        ("15 + 8 = 23: 1, 4", "15 + 8 = 23", True),
        ("15 + 8 = 22: 1, 4", "15 + 8 = 23", False),
        ("15 + 8 = 23: 1, 4", "8 * 15 = 120", None),
        ("15 + 8 = 23", "8 * 15 = 120", None),
        ("1. 15 + 8 = 23", "1. 15 + 8 is 23, so this holds.", True),
        ("1. 15 + 8 = 22", "1. It is 23: **fails**", False),
        ("1. the pears are red", "1. I do not know", None),
        ("", "", True),
    ],
)
def test_a_check_says_whether_a_step_holds_by_its_last_word_or_by_doing_it_again(
    step: str, check: str, says: bool | None
) -> None:
    assert claim(step, check) is says
