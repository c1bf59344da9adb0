"""The kit on measures of skills: what passes, and what is told of what does not."""

from typing import Any

import pytest

from skillfactory_core.skill import Measure, Skill
from skillfactory_core.tags import TagFormat
from skillfactory_core.testing import check_skill


def length(text: str, tags: TagFormat) -> float | None:
    """How many characters."""
    return len(text)


def breaks(text: str, tags: TagFormat) -> float | None:
    """Nothing."""
    raise ZeroDivisionError("of the skill")


def skill(**measures: Measure) -> Skill:
    return Skill("counting", "counts", measures=measures)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (skill(answers=length), "its measure 'answers' is called like a figure"),
        (skill(short=lambda text, tags: 1.0), "its measure 'short' has no docstring"),
        (skill(breaks=breaks), "measure 'breaks', tag format 'plain': raised ZeroDivisionError('of the skill') on"),
    ],
)
def test_the_kit_tells_what_is_wrong_with_a_measure(bad: Skill, said: str) -> None:
    with pytest.raises(AssertionError) as failure:
        check_skill(bad)
    assert said in str(failure.value) and "\n" not in str(failure.value)


def test_the_kit_wants_numbers_that_are_the_same_each_time() -> None:
    def moody(text: str, tags: TagFormat, seen: list[int] = []) -> float:  # noqa: B006 - it is to remember
        """Something else each time."""
        seen.append(0)
        return len(seen)

    def wordy(text: str, tags: TagFormat) -> Any:
        """A text."""
        return "much"

    with pytest.raises(AssertionError, match="gave 1 and then 2 on"):
        check_skill(skill(moody=moody))
    with pytest.raises(AssertionError, match=r"gave 'much' on .*, which is neither a number nor None"):
        check_skill(skill(wordy=wordy))


def test_the_kit_passes_measures_of_any_text() -> None:
    check_skill(skill(length=length))
