"""What pocket writes, read from its own corpus: which of its attempts and checks are taken apart."""

import re
from collections import Counter
from collections.abc import Callable
from random import Random
from types import ModuleType

import pytest
from decompose_pairs import made

from skillfactory_decompose.align import align
from skillfactory_decompose.split import WAYS
from skillfactory_pocket.corpus import acronym, countdown, letter_countdown, multiplication, word_problems
from skillfactory_pocket.corpus.document import Document


def fates(check: Callable[[Random], Document], correct: bool) -> Counter[str]:
    """What becomes of the attempts that pocket learns to check, right ones or wrong ones."""
    found: Counter[str] = Counter()
    for document in map(check, map(Random, range(300))):
        if ("<verdict>Correct" in document.completion) is correct:
            attempt = re.split(r"Check: |Is this right\? ", document.prompt)[1]
            fate = align(made(attempt, document.completion, correct), WAYS["auto"], "either")
            found[fate if isinstance(fate, str) else "failed" if fate.failed else "whole"] += 1
    return found


def test_countdown_as_pocket_writes_it_is_taken_apart_unless_the_steps_are_of_another_answer() -> None:
    assert fates(countdown.check, True).keys() == {"whole"}
    wrong = fates(countdown.check, False)
    assert wrong.keys() == {"whole", "failed", "other_checks"} and wrong["other_checks"] < wrong.total() / 5


def test_word_problems_as_pocket_writes_them_are_taken_apart_where_the_check_reads_the_same_story() -> None:
    right, wrong = fates(word_problems.check, True), fates(word_problems.check, False)
    assert right["whole"] > 0.9 * right.total() and wrong["failed"] and wrong["other_checks"] > wrong.total() / 2


@pytest.mark.parametrize("task", [multiplication, letter_countdown, acronym], ids=lambda task: task.TASK)
@pytest.mark.parametrize("correct", [True, False], ids=["right", "wrong"])
def test_what_pocket_checks_in_another_way_than_it_was_done_is_left_out(task: ModuleType, correct: bool) -> None:
    assert fates(task.check, correct).keys() <= {"no_steps", "no_checks"}
