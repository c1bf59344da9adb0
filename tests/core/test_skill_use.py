"""Skill use: what one response shows, and what many add up to."""

from functools import partial
from typing import Any

import pytest
from toy_run import TAGS, Sums, attempt, thinking

from skillfactory_core.skill_use import Tally, Use, skill_use

PARAMS = {"numbers": [3, 4, 5], "target": 2}
RIGHT = "3+4-5"
grade = partial(Sums().grade, PARAMS)


def use(text: str, cut: bool = False) -> Use:
    return skill_use(text, TAGS, grade, cut)


def figures(*uses: Use) -> dict[str, Any]:
    tally = Tally()
    for one in uses:
        tally.add(one)
    return tally.figures()


def test_attempts_and_reflections_are_counted() -> None:
    found = use(thinking([attempt("3+4", "Bad"), attempt(RIGHT, "Good")], RIGHT))
    assert (found.answers, found.reflections, found.well_formed, found.thinks) == (2, 2, True, True)


def test_an_answer_without_marked_attempts_is_one_attempt() -> None:
    assert use(f"I think so. <out>{RIGHT}</out>").answers == 1


def test_a_response_without_any_answer_is_no_attempt() -> None:
    assert use("I do not know.").answers == 0


def test_a_verdict_is_held_against_the_truth_about_its_own_attempt() -> None:
    found = use(thinking([attempt("3+4", "Good"), attempt(RIGHT, "Bad")], "3+4"))
    assert [(claim.verdict, claim.truth) for claim in found.claims] == [(True, False), (False, True)]


def test_attempts_without_a_verdict_make_no_claim() -> None:
    found = use(thinking([attempt("3+4"), attempt(RIGHT, "Perhaps"), attempt(RIGHT, "Good")], RIGHT))
    assert len(found.claims) == 1


def test_an_attempt_without_an_answer_is_not_right() -> None:
    text = "<muse><try>I give up.</try><check><claim>Bad</claim></check></muse>So.<out>1</out>"
    assert use(text).claims[0].truth is False


@pytest.mark.parametrize("answer", ["crash", "slow"])
def test_an_answer_that_cannot_be_checked_is_neither_right_nor_wrong(answer: str) -> None:
    found = use(thinking([attempt(answer, "Bad")], "1"))
    assert found.claims[0].truth is None
    assert figures(found)["verdicts"]["wrong"]["support"] == 0


def test_precision_and_recall_are_those_of_the_verdicts() -> None:
    # truly right: called right twice, wrong once; truly wrong: called right twice, wrong four times
    claims = [(RIGHT, "Good")] * 2 + [(RIGHT, "Bad")] + [("1", "Good")] * 2 + [("1", "Bad")] * 4
    found = figures(*(use(thinking([attempt(*claim)], "1")) for claim in claims))["verdicts"]
    assert found["right"] == pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7, "support": 3})
    assert found["wrong"] == pytest.approx({"precision": 4 / 5, "recall": 4 / 6, "f1": 8 / 11, "support": 6})


def test_trying_again_and_stopping_are_counted_after_the_models_own_verdict() -> None:
    again = thinking([attempt("1", "Bad"), attempt("2", "Bad"), attempt("3", "Good")], "3")
    doubts = thinking([attempt(RIGHT, "Good"), attempt(RIGHT, "Good")], RIGHT)
    found = figures(use(again), use(doubts), use(thinking([attempt("1", "Bad")], "1")))
    assert found["retry_after_incorrect"] == {"share": pytest.approx(2 / 3), "count": 2, "of": 3}
    assert found["stop_after_correct"] == {"share": pytest.approx(2 / 3), "count": 2, "of": 3}


def test_what_a_cut_off_response_would_have_done_next_is_not_guessed() -> None:
    text = "<muse>" + attempt("1", "Bad") + attempt("2", "Bad")
    assert [claim.followed for claim in use(text, cut=True).claims] == [True, None]
    assert figures(use(text, cut=True))["retry_after_incorrect"]["of"] == 1


def test_nothing_to_divide_by_gives_none_and_not_zero() -> None:
    found = figures(use(f"<out>{RIGHT}</out>"))
    assert found["verdicts"]["right"] == {"precision": None, "recall": None, "f1": None, "support": 0}
    assert found["retry_after_incorrect"] == {"share": None, "count": 0, "of": 0}
    assert figures()["answers"] is None
