"""Word problems: what the sentences mean, what is made of them, and what is refused."""

import re
from random import Random
from typing import Any

import pytest

from skillfactory_core.errors import SkillFactoryError
from skillfactory_tasks import word_problems
from skillfactory_tasks.word_problems import SENTENCES, WordProblems, after, total

TASK = WordProblems()


def story(*sentences: list[Any]) -> dict[str, Any]:
    return {"name": "Ann", "thing": "pens", "story": list(sentences)}


@pytest.mark.parametrize("events", [1, 2, 4, 8])
def test_a_story_has_the_sentences_that_were_asked_for_and_stays_within_the_limit(events: int) -> None:
    task, random = WordProblems(events=events, largest=60), Random(0)
    for _ in range(200):
        params = task.make(random)
        sentences = params["story"]
        assert len(sentences) == events + 1
        piles = [total(sentences[:count]) for count in range(1, len(sentences) + 1)]
        assert all(1 <= pile <= 60 for pile in piles), params
        assert task.grade(params, task.reference(params)).correct


def test_every_sentence_comes_up_and_the_question_shows_every_number() -> None:
    task, random, seen = WordProblems(events=4), Random(1), set()
    for _ in range(200):
        params = task.make(random)
        seen |= {kind for kind, *_ in params["story"]}
        asked = task.question(params)
        told = [number for _, *numbers in params["story"] for number in numbers]
        assert sorted(map(int, re.findall(r"\d+", asked))) == sorted(told)
        assert "{" not in asked and params["name"] in asked and params["thing"] in asked
    assert seen == {*SENTENCES["starts"], *SENTENCES["events"]}


def test_the_question_tells_the_story_in_order() -> None:
    asked = TASK.question(story(["boxes", 4, 6], ["give_each", 3, 2], ["share", 9]))
    assert asked == (
        "Ann has 4 boxes with 6 pens in each. Ann gives 2 pens to each of 3 friends. "
        "Ann puts the pens in 9 equal bags and keeps one bag. How many pens does Ann have now?"
    )


def test_who_and_what_do_not_make_another_problem_and_the_order_does() -> None:
    params = story(["own", 12], ["buy", 4], ["share", 2])
    assert TASK.canonical(params) == TASK.canonical({**params, "name": "Ben", "thing": "eggs"})
    assert TASK.canonical(params) != TASK.canonical(story(["own", 12], ["share", 2], ["buy", 4]))


@pytest.mark.parametrize(
    ("pile", "sentence", "left"),
    [
        (5, ["buy", 7], 12),
        (5, ["find_boxes", 2, 3], 11),
        (5, ["give", 2], 3),
        (5, ["give", 9], 0),
        (9, ["give_each", 2, 3], 3),
        (5, ["times", 3], 15),
        (9, ["share", 3], 3),
        (9, ["share", 2], 0),
    ],
    ids=str,
)
def test_each_sentence_means_what_it_says(pile: int, sentence: list[Any], left: int) -> None:
    assert after(pile, *sentence) == left


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, r"name is None: give a word"),
        ({**story(["own", 3]), "thing": " "}, r"thing is ' ': give a word"),
        (story(), r"story is \[\]: give a list of sentences"),
        (story(["buy", 3]), r"story is .*: give a list of sentences"),
        (story(["own", 3], ["own", 3]), r"story is .*: give a list of sentences"),
        (story(["own", "3"]), r"story is .*: give a list of sentences"),
        (story(["own", 3, 4]), r"story is .*: give a list of sentences"),
        (story(["own", True]), r"story is .*: give a list of sentences"),
        (story(["own", 3], ["give", 3], ["buy", 2]), r"story is .*: nothing is left, or a share is not whole"),
        (story(["own", 3], ["share", 2]), r"story is .*: nothing is left, or a share is not whole"),
    ],
    ids=str,
)
def test_a_problem_that_makes_no_sense_is_an_error_when_it_is_loaded(params: dict[str, Any], said: str) -> None:
    for load in (TASK.canonical, TASK.question, TASK.reference):
        with pytest.raises(SkillFactoryError, match=f"^word_problems problem: {said}"):
            load(params)


@pytest.mark.parametrize("events", [0, 9, 2.0, "3", True])
def test_a_bad_option_is_named_in_one_line(events: Any) -> None:
    with pytest.raises(
        SkillFactoryError, match=r"^task 'word_problems': events is .*: give a whole number from 1 to 8$"
    ):
        WordProblems(events=events)


def test_the_variants_are_one_to_four_events() -> None:
    variants = TASK.variants()
    assert list(variants) == ["1", "2", "3", "4"]
    assert all(task.variant == name == str(task.events) for name, task in variants.items())


def test_the_plugin_registers_one_task() -> None:
    assert word_problems.register_tasks() == [TASK]
    assert hasattr(word_problems.register_tasks, "skillfactory_impl")
