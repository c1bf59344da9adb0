"""What the measures say of responses: a table of cases, each with a why."""

import pytest
from backtrack_pairs import RIGHT, WRONG

from skillfactory_backtrack.measures import MEASURES
from skillfactory_backtrack.tags import BACKTRACK
from skillfactory_core import registry


def tried(steps: str, verdict: str = "") -> str:
    reflection = f"<reflect>Hm. {verdict}</reflect>\n" if verdict else ""
    return f"<sample>{steps} <answer>1</answer></sample>\n{reflection}"


FIRST = tried("1 + 2 = 3: 4; 3 * 4 = 12.", WRONG)
SECOND = tried("3 + 4 = 7.", RIGHT)
NAMES = ("returns", "to_a_step", "keeps_steps", "other_way", "comes_right")
CASES = [
    ("No tags at all.", (0, None, None, None, None), "nothing returns"),
    (FIRST + SECOND, (0, None, None, None, None), "a second attempt is no return"),
    (f"{FIRST}<back>step 1</back>{SECOND}", (1, 1, 1, 1, 1), "as in a trace"),
    (f"{FIRST}<back>1</back>{SECOND}", (1, 1, 1, 1, 1), "the number alone will do"),
    (f"{FIRST}<back>step 3</back>{SECOND}", (1, 0, None, None, 1), "there are two steps"),
    (f"{FIRST}<back>step 1 or 2</back>{SECOND}", (1, 0, None, None, 1), "two steps are none"),
    (f"{FIRST}<back>the start</back>{SECOND}", (1, 0, None, None, 1), "no number"),
    (f"{FIRST}<back>step 0</back>{SECOND}", (1, 1, None, 1, 1), "0 is the start, which keeps nothing"),
    (f"{FIRST}<back>step 2</back>{SECOND}", (1, 1, 0, None, 1), "12 is not used, and nothing was given up"),
    (f"{FIRST}<back>step 1</back>{tried('1 + 2 = 3: 4; 3 + 4 = 7.')}", (1, 1, 0, 1, None), "does the kept step again"),
    (f"{FIRST}<back>step 1</back>{tried('3 * 4 = 12.', WRONG)}", (1, 1, 1, 0, 0), "does what it gave up again"),
    (f"{FIRST}<back>step 1</back>{tried('5 + 4 = 9.', WRONG)}", (1, 1, 0, 1, 0), "goes on from elsewhere"),
    (f"{FIRST}<back>step 1</back>{tried('')}", (1, 1, 0, 1, None), "says nothing more"),
    (f"{FIRST}<back>step 1</back>", (0, None, None, None, None), "cut off before anything follows"),
    (f"<back>step 1</back>{FIRST}", (0, None, None, None, None), "there is nothing to return to"),
    (
        f"{FIRST}<back>step 1</back>{tried('3 + 4 = 7.', WRONG)}<back>step 2</back>{tried('7 + 0 = 7.', RIGHT)}",
        (2, 1, 1, 1, 0.5),
        "the second step is now the one that came after the return",
    ),
    (
        tried("1 + 2 = 3, 3 * 4 = 12.", WRONG) + "<back>step 1</back>" + SECOND,
        (1, 1, 1, 1, 1),
        "commas between the equations",
    ),
    (
        tried("1 + 2 = 3: 4, 5; 3 * 4 = 12: 5; 12 - 5 = 7.", WRONG)
        + "<back>step 1</back>"
        + tried("3 + 4 = 7: 5; 7 * 5 = 35.", RIGHT),
        (1, 1, 1, 1, 1),
        "numbers that are left are no values",
    ),
    (
        tried("1 + 2 = 3: 4, 5; 3 * 4 = 12: 5.", WRONG) + "<back>step 1</back>" + tried("4 + 5 = 9: 3.", RIGHT),
        (1, 1, 0, 1, 1),
        "goes on with what was left, and not with what it came to",
    ),
    (
        tried("3 * 4 = 12 + 0 + 0 = 12, 3 * 2 = 6 + 0 + 0 = 6: 72.", WRONG)
        + "<back>step 1</back>"
        + tried("3 * 2 = 6 + 1 + 0 = 7: 72.", RIGHT),
        (1, 1, 0, 1, 1),
        "on paper the value is carried, and not used as it is",
    ),
    (
        tried("1. Add.\n2. Halve.\n3. Stop.", WRONG) + "<back>step 2</back>" + tried("3. Double.", RIGHT),
        (1, 1, 1, 1, 1),
        "numbered lines",
    ),
    (
        tried("First add. Then halve.", WRONG) + "<back>step 1</back>" + tried("First add. Then double.", RIGHT),
        (1, 1, 0, 1, 1),
        "sentences, and the kept one said again",
    ),
]


@pytest.mark.parametrize(("text", "figures", "why"), CASES, ids=[case[-1] for case in CASES])
def test_a_response_is_measured_by_what_it_says(text: str, figures: tuple[float | None, ...], why: str) -> None:
    found = {name: MEASURES[name](f"<think>{text}</think><answer>1</answer>", BACKTRACK) for name in NAMES}
    assert found == dict(zip(NAMES, figures, strict=True))


def test_in_tags_that_cannot_name_a_step_nothing_can_be_measured() -> None:
    tags = registry.find_tags("sample-reflect")
    assert {measure(FIRST + SECOND, tags) for measure in MEASURES.values()} == {None}


def test_every_measure_has_a_case_of_it() -> None:
    assert set(MEASURES) == set(NAMES)
    for place, name in enumerate(NAMES):
        assert {0, 1} <= {case[1][place] for case in CASES}, name
