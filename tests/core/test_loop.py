"""Loops: what is one, what only looks like one, and how long it takes to tell."""

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core.loop import LONGEST_UNIT, REPEATS, SHORTEST, loops

ATTEMPT = (
    "<sample>From 15, 1, 8 reach 23. 15 / 1 = 15: 8; 15 - 8 = 7. <answer>(15 / 1) - 8</answer></sample>\n"
    "<reflect>15 / 1 = 15, 15 - 8 = 7. 7 is not 23. <verdict>Incorrect</verdict></reflect>\nTry again.\n"
)
START = "We need 23 from 15, 1 and 8, each at most once. Let me begin with the largest number and see how far it gets. "
PARAGRAPH = (
    "Suppose the first train leaves at noon and the second one an hour later. The distance between the towns is 240 km, so "
    "the time is the distance over the sum of the speeds. That gives 240 / (60 + 90) = 1.6 hours. But wait, the second train "
    "started later, so I have to take that into account.\n\n"
)
LOOPS = {
    "a sentence to the end": START + "But wait, let me check that once more. " * 40,
    "a sentence that the limit cuts": (START + "But wait, let me check that once more. " * 40)[:-17],
    "an attempt word for word, with its tags": "<think>\n" + ATTEMPT * 4,
    "a paragraph": START + PARAGRAPH * 5,
    "a page of text": (START + PARAGRAPH + ATTEMPT.replace("15", "9") * 2) * 4,
    "one character": START + "=" * 400,
    "one word": START + "the " * 200,
    "digits": "1 / 7 = 0." + "142857" * 80,
    "an enumeration of the same thing": "- 3 + 4 = 7\n" * 30,
    "closing tags": "7 is not 23. " + "</answer></sample>" * 20,
    "other scripts": "答えは違います。もう一度やってみます。" * 30,
    "a loop that ended": START + "Let me see. " * 40 + PARAGRAPH,
    "a unit that holds a shorter repeat": START + ("no no no no, not like that; perhaps " * 2 + "so. ") * 8,
}
NONE = {
    "nothing": "",
    "a short answer": "<answer>3 + 4</answer>",
    "attempts that begin alike": "<think>\n"
    + "".join(ATTEMPT.replace("15 / 1", f"15 / {n}").replace("7 is", f"{n + 2} is") for n in range(1, 40)),
    "an attempt three times": "<think>\n" + ATTEMPT * 3,
    "a counter that changes": "".join(f"Attempt {n}: I add the numbers and see what comes of it. " for n in range(100)),
    "a refrain": "".join(
        f"{verse * 3}And the answer is not here.\n" for verse in (START, PARAGRAPH, ATTEMPT, "So. ") * 2
    ),
    "a line of dashes": START + "-" * 120 + "\n" + START.upper(),
    "a decimal": f"1 / 3 = 0.{'3' * 60}, so about a third.",
    "an empty table": "| a | b |\n" + "| --- " * 12 + "|\n" + PARAGRAPH,
    "counting": " ".join(map(str, range(2000))),
    "prose": START + PARAGRAPH,
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_a_text_that_says_one_thing_over_and_over_is_a_loop(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_a_text_that_only_looks_alike_is_none(text: str) -> None:
    assert not loops(text)


@given(st.integers(1, 600), st.integers(0, 500), st.integers(0, 500), st.integers(0, 2**32))
def test_wherever_a_long_enough_loop_begins_it_is_found(unit: int, before: int, after: int, seed: int) -> None:
    random = Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz "
    once = "".join(random.choices(letters, k=unit))
    size = max(SHORTEST, REPEATS * unit)
    loop = (once * (size // unit + 1))[:size]
    head, tail = ("".join(random.choices(letters, k=length)) for length in (before, after))
    assert loops(head + loop + tail)


@given(st.integers(120, 900), st.integers(0, 2**32))
def test_a_unit_that_comes_three_times_is_none(unit: int, seed: int) -> None:
    once = "".join(Random(seed).choices("abcdefghijklmnopqrstuvwxyz ", k=unit))
    assert not loops(once * 3)


def test_one_letter_of_difference_in_each_round_is_no_loop() -> None:
    random = Random("letters")
    rounds = []
    for _ in range(60):
        at = random.randrange(len(START))
        rounds.append(START[:at] + random.choice("QXZ") + START[at + 1 :])
    assert not loops("".join(rounds))


def fibonacci(length: int) -> str:
    """A text without four repeats in a row, and yet full of two and three."""
    one, two = "a", "ab"
    while len(two) < length:
        one, two = two, two + one
    return two[:length]


@pytest.mark.parametrize(
    "text",
    [
        "".join(Random(0).choices("ab", k=1_000_000)),
        " ".join(Random(0).choices(PARAGRAPH.split(), k=200_000))[:1_000_000],
        "".join(f"Let me try again, number {n}: I add the numbers and see. " for n in range(19_000))[:1_000_000],
        fibonacci(1_000_000),
        "".join(f"{'a' * 200}{n}" for n in range(5_000))[:1_000_000],
        "".join(f"{'a' * 31}{n % 7}{n * n % 11}{n**3 % 13}" for n in range(30_000))[:1_000_000],
    ],
    ids=["two letters", "few words", "a counter", "fibonacci", "long runs", "short runs"],
)
def test_a_million_characters_take_seconds_at_most(text: str) -> None:
    begin = time.process_time()
    assert not loops(text)
    assert time.process_time() - begin < 8


def test_twice_the_text_takes_about_twice_the_time() -> None:
    def seconds(length: int) -> float:
        text = " ".join(Random(0).choices(PARAGRAPH.split(), k=length))
        best = []
        for _ in range(3):
            begin = time.process_time()
            assert not loops(text)
            best.append(time.process_time() - begin)
        return min(best)

    assert seconds(160_000) < 6 * seconds(80_000)


def test_a_unit_beyond_the_longest_is_not_looked_for() -> None:
    once = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz ", k=2 * LONGEST_UNIT))
    assert not loops(once * 5)
