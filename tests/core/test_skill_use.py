"""Skill use: what one response shows, and what many add up to."""

from functools import partial
from typing import Any

import pytest
from toy_run import TAGS, Sums, attempt, thinking

from skillfactory_core.skill_use import Tally, Use, logged, pooled, skill_use

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


def judged(*uses: tuple[Use, bool | None]) -> dict[str, Any]:
    """The figures of responses whose final answers are known to be right, wrong or neither."""
    tally = Tally()
    for one, right in uses:
        tally.add(one, right)
    return tally.figures()


def test_a_wrong_first_attempt_is_fixed_by_a_right_final_answer() -> None:
    fixed = use(thinking([attempt("1", "Bad"), attempt(RIGHT, "Good")], RIGHT))
    lost = use(thinking([attempt("1", "Bad"), attempt("2", "Good")], "2"))
    found = judged((fixed, True), (lost, False), (lost, False))
    assert found["fixed"] == {"share": pytest.approx(1 / 3), "count": 1, "of": 3}


def test_a_right_first_attempt_leaves_nothing_to_fix() -> None:
    found = judged((use(thinking([attempt(RIGHT, "Bad"), attempt("1", "Good"), attempt(RIGHT)], RIGHT)), True))
    assert found["fixed"]["of"] == 0
    assert found["broken"] == {"share": 0.0, "count": 0, "of": 1}


def test_a_right_attempt_is_broken_by_a_wrong_final_answer() -> None:
    second = use(thinking([attempt("1", "Bad"), attempt(RIGHT, "Bad"), attempt("2", "Good")], "2"))
    kept = use(thinking([attempt(RIGHT, "Good")], RIGHT))
    never = use(thinking([attempt("1", "Good")], "1"))
    found = judged((second, False), (kept, True), (never, False))
    assert found["broken"] == {"share": 0.5, "count": 1, "of": 2}


def test_a_response_that_is_cut_off_after_a_right_attempt_has_lost_it() -> None:
    found = judged((use("<muse>" + attempt(RIGHT, "Bad") + "<try>No, I", cut=True), False))
    assert found["broken"]["count"] == 1


def test_an_answer_without_marked_attempts_neither_fixes_nor_breaks() -> None:
    found = judged((use(f"<out>{RIGHT}</out>"), True), (use("<out>1</out>"), False))
    assert found["fixed"]["of"] == found["broken"]["of"] == 0


@pytest.mark.parametrize("answer", ["crash", "slow"])
def test_where_the_grader_could_not_check_nothing_is_said_to_be_fixed_or_broken(answer: str) -> None:
    first = use(thinking([attempt(answer, "Bad"), attempt("1", "Good")], RIGHT))
    final = use(thinking([attempt("1", "Bad"), attempt(RIGHT, "Bad"), attempt(answer, "Good")], answer))
    found = judged((first, True), (final, None))
    assert found["fixed"]["of"] == found["broken"]["of"] == 0


def test_loops_are_counted_among_all_responses() -> None:
    found = figures(use("<muse>" + "But wait, I check again. " * 40, cut=True), use(f"<out>{RIGHT}</out>"))
    assert found["looping"] == {"share": 0.5, "count": 1, "of": 2}


@pytest.mark.parametrize(
    "text",
    [
        attempt("1", "Good") + "<out>1</out>",
        "<muse>" + attempt("1", "Good") + "<out>1</out>",
        "<muse><try>1</check></muse><out>1</out>",
        "<muse></muse><out>1</out>",
        "So it is. </muse><out>1</out>",
        thinking([attempt("1", "Good")], "1") + "<out>2</out>",
    ],
    ids=["no think block", "never closed", "closed by another tag", "empty", "never opened", "two answers"],
)
def test_tags_in_disorder_are_read_and_counted_as_malformed(text: str) -> None:
    found = figures(use(text), use(thinking([attempt("1", "Good")], "1")))
    assert found["malformed"] == {"share": 0.5, "count": 1, "of": 2}


def test_a_response_without_tags_of_a_trace_is_neither_well_formed_nor_malformed() -> None:
    assert figures(use("<out>1</out>"), use("I do not know."))["malformed"]["of"] == 0


def test_a_response_that_was_cut_off_is_not_held_to_the_form() -> None:
    assert figures(use("<muse>" + attempt("1", "Good"), cut=True))["malformed"]["of"] == 0


def test_the_figures_of_one_response_for_a_log_leave_out_what_it_has_no_case_of() -> None:
    assert logged(use(f"<out>{RIGHT}</out>")) == {"answers": 1, "reflections": 0, "well_formed": 0}
    tried = use(thinking([attempt("1", "Bad"), attempt(RIGHT, "Good"), attempt(RIGHT, "Good")], RIGHT))
    assert logged(tried) == {
        "answers": 3,
        "reflections": 3,
        "well_formed": 1,
        "retry_after_incorrect": 1,
        "stop_after_correct": 0.5,
        "verdict_agreement": 1,
    }
    assert logged(use(thinking([attempt("1", "Good"), attempt("slow", "Bad")], "1")))["verdict_agreement"] == 0


def test_shares_of_several_places_are_pooled_by_their_counts() -> None:
    found = pooled([{"share": 0.5, "count": 1, "of": 2}, {"share": None, "count": 0, "of": 0}, {"count": 0, "of": 2}])
    assert found == {"share": 0.25, "count": 1, "of": 4}
