"""Word problems made from templates, as GSM8K's are worded: a few sentences about one pile of things, one number asked."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_tasks.number import grade_number
from skillfactory_tasks.option import whole

SENTENCES: Mapping[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FEW = 9
"the largest number of boxes, friends, bags or times"


@attrs.frozen
class WordProblems(Task):
    """A story of one pile: what it is at first, and what happens to it. Values are positive whole numbers all the way."""

    name = "word_problems"
    summary = "templated word problems of a few steps, answered with one number"
    answer_kind = "a number"

    events: int = attrs.field(default=2, validator=whole(1, 8))
    "sentences that change the number of things"
    largest: int = attrs.field(default=99, validator=whole(20, 9_999))
    "largest number of things along the way"

    def make(self, random: Random) -> dict[str, Any]:
        story = [draw_start(random, self.largest)]
        while len(story) <= self.events:
            story.append(draw_event(random, total(story), self.largest))
        return {
            "name": random.choice(SENTENCES["names"]),
            "thing": random.choice(SENTENCES["things"]),
            "story": story,
        }

    def canonical(self, params: Mapping[str, Any]) -> str:
        """What happens, without who and what it happens to."""
        _, _, story = given(params)
        return "; ".join(" ".join(map(str, sentence)) for sentence in story)

    def question(self, params: Mapping[str, Any]) -> str:
        name, thing, story = given(params)
        templates = [SENTENCES["starts"][story[0][0]], *(SENTENCES["events"][kind] for kind, *_ in story[1:])]
        sentences = [
            template.format(name=name, thing=thing, **dict(zip("ab", numbers, strict=False)))
            for template, (_, *numbers) in zip(templates, story, strict=True)
        ]
        return " ".join([*sentences, SENTENCES["question"].format(name=name, thing=thing)])

    def reference(self, params: Mapping[str, Any]) -> str:
        return str(total(given(params)[2]))

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        return grade_number(answer, (total(params["story"]), 1))

    def solve(self, params: Mapping[str, Any]) -> str | None:
        return self.reference(params)

    def trivial(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        numbers = [number for _, *numbers in given(params)[2] for number in numbers]
        return {"the first number": str(numbers[0]), "the sum of all numbers": str(sum(numbers))}

    def variants(self) -> "Mapping[str, WordProblems]":
        return {str(events): attrs.evolve(self, events=events) for events in (1, 2, 3, 4)}

    @property
    def variant(self) -> str:
        return str(self.events)


def after(pile: int, kind: str, a: int, b: int = 1) -> int:
    """How many things there are after a sentence; 0 where it cannot happen."""
    if kind in ("own", "boxes"):
        return a * b
    if kind in ("buy", "find_boxes"):
        return pile + a * b
    if kind in ("give", "give_each"):
        return max(0, pile - a * b)
    if kind == "times":
        return pile * a
    return pile // a if pile % a == 0 else 0


def total(story: list[Any]) -> int:
    """How many things there are in the end; 0 where a sentence cannot happen."""
    pile = after(0, *story[0])
    for sentence in story[1:]:
        if not pile:
            break
        pile = after(pile, *sentence)
    return pile


def draw_start(random: Random, largest: int) -> list[Any]:
    if random.random() < 0.6:
        return ["own", random.randint(2, largest)]
    a = random.randint(2, FEW)
    return ["boxes", a, random.randint(2, min(12, largest // a))]


def draw_event(random: Random, pile: int, largest: int) -> list[Any]:
    """A sentence that can happen to so many things."""
    while True:
        kind = random.choice(list(SENTENCES["events"]))
        numbers = [random.randint(2, FEW)]
        if kind in ("buy", "give"):
            numbers = [random.randint(2, largest)]
        elif kind in ("find_boxes", "give_each"):
            numbers.append(random.randint(2, 12))
        if 1 <= after(pile, kind, *numbers) <= largest:
            return [kind, *numbers]


def given(params: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """Name, thing and story, or an error that says what is wrong with a problem from a user's file."""
    name, thing, story = params.get("name"), params.get("thing"), params.get("story")
    for field, text in (("name", name), ("thing", thing)):
        if not isinstance(text, str) or not text.strip():
            raise SkillFactoryError(f"word_problems problem: {field} is {text!r:.80}: give a word")
    if not isinstance(story, list) or not story or not all(readable(*row) for row in enumerate(story)):
        raise SkillFactoryError(
            f"word_problems problem: story is {story!r:.80}: give a list of sentences, each a kind and its whole numbers, "
            'such as [["own", 12], ["buy", 3]]'
        )
    if not total(story):
        raise SkillFactoryError(
            f"word_problems problem: story is {story!r:.80}: nothing is left, or a share is not whole"
        )
    return str(name), str(thing), story


def readable(place: int, sentence: Any) -> bool:
    """Whether a row of a story is a sentence that may stand in that place."""
    templates = SENTENCES["events" if place else "starts"]
    if (
        not isinstance(sentence, list)
        or not sentence
        or not isinstance(sentence[0], str)
        or sentence[0] not in templates
    ):
        return False
    numbers = sentence[1:]
    wanted = 2 if "{b}" in templates[sentence[0]] else 1
    return len(numbers) == wanted and all(type(n) is int and 1 <= n <= 9_999 for n in numbers)


@hookimpl
def register_tasks() -> list[Task]:
    return [WordProblems()]
