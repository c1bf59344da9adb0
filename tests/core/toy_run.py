"""A toy task, a toy tag format and made-up runs of them: what the tests of results and report read.

The task: add and subtract some of the given numbers to reach the target. The "model" is a few dice.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.config import Config, EvaluateSettings
from skillfactory_core.evaluation import Response
from skillfactory_core.plugins import plugins
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run, start_run
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task, make_problem
from skillfactory_core.trace import Segment, Trace

METHODS = ("base", "sft", "skillfactory", "rl-only")
TAGS = TagFormat(
    name="toy-tags",
    summary="made-up names",
    think="muse",
    attempt="try",
    reflection="check",
    verdict="claim",
    answer="out",
    correct="Good",
    incorrect="Bad",
)


@attrs.frozen
class Sums(Task):
    """Reach a target by adding and subtracting."""

    name: ClassVar[str] = "toy-sums"
    summary: ClassVar[str] = "reach a target by adding and subtracting"
    answer_kind: ClassVar[str] = "a sum"
    numbers: int = 3

    def make(self, random: Random) -> dict[str, Any]:
        numbers = [random.randint(1, 99) for _ in range(self.numbers)]
        return {"numbers": numbers, "target": numbers[0] + numbers[1] - numbers[-1]}

    def canonical(self, params: Mapping[str, Any]) -> str:
        return json.dumps(params)

    def question(self, params: Mapping[str, Any]) -> str:
        return f"Use {', '.join(map(str, params['numbers']))} to reach {params['target']}."

    def reference(self, params: Mapping[str, Any]) -> str:
        first, second, *_, last = params["numbers"]
        return f"{first}+{second}-{last}"

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        if answer == "crash":
            raise RuntimeError("the toy grader crashed")
        if answer == "slow":
            return Grade(False, answer, "timeout")
        right = answer == self.reference(params)
        return Grade(right, answer, "ok" if right else "wrong")

    def variants(self) -> dict[str, "Sums"]:
        return {str(n): attrs.evolve(self, numbers=n) for n in (3, 4, 5, 6)}

    @property
    def variant(self) -> str:
        return str(self.numbers)


@hookimpl
def register_tasks() -> Iterable[Task]:
    return [Sums()]


@hookimpl
def register_tag_formats() -> Iterable[TagFormat]:
    return [TAGS]


@contextmanager
def toys_registered() -> Iterator[None]:
    """Plug the toys in, and out again."""
    found = plugins()
    found.add("toys", "the tests", __name__, lambda: sys.modules[__name__])
    try:
        yield
    finally:
        found.manager.unregister(name="toys")
        found.found = [plugin for plugin in found.found if plugin.name != "toys"]


def toy_run(folder: Path, variants: tuple[str, ...] = ()) -> Run:
    """A run that has done nothing yet."""
    config = Config(task="toy-sums", tags="toy-tags", model="dice", evaluate=EvaluateSettings(variants=variants))
    return start_run(folder, config)


def toy_problems(run: Run, variant: str, count: int, split: str = "evaluation") -> list[Problem]:
    """Problems of one difficulty, also put into the run."""
    task = Sums(int(variant))
    problems = [make_problem(task, 0, split, index) for index in range(count)]
    run.problems(split, variant).finish(0, problems)
    return problems


def toy_response(
    method: str, problem: Problem, k: int, text: str, *, finish: str = "stop", reason: str = "", tokens: int = 10
) -> Response:
    """A response, graded as the evaluation does; `reason` overrides the grade."""
    answer = TAGS.extract(text, final=True)
    right = not reason and answer == Sums().reference(problem.params)
    reason = reason or ("ok" if right else "wrong")
    key = f"{method}/{problem.key}/{k}"
    return Response(key, method, problem.variant, problem.key, k, text, tokens, finish, right, answer, reason)


def attempt(answer: str, claim: str | None = None, words: str = "I add.", doubt: str = "Let me see.") -> str:
    """One marked attempt and perhaps its reflection."""
    checked = "" if claim is None else f"<check>{doubt} <claim>{claim}</claim></check>\n"
    return f"<try>{words} <out>{answer}</out></try>\n{checked}"


def thinking(attempts: Iterable[str], answer: str) -> str:
    """A whole response in the toy format."""
    return f"<muse>\n{'Once more. '.join(attempts)}</muse>\nThat is it.\n<out>{answer}</out>"


def toy_trace(problem: Problem, number: int, grades: Iterable[bool]) -> Trace:
    """A trace whose attempts have these grades."""

    def tag(text: str) -> Segment:
        return Segment("tag", text, TAGS.name)

    grades = list(grades)
    shape = "".join("C" if grade else "I" for grade in grades)
    segments = [tag("<muse>\n")]
    right = Sums().reference(problem.params)
    for k, grade in enumerate(grades):
        key, answer = f"{problem.key}/plain/{k}", right if grade else f"{problem.params['numbers'][0]}+{k}"
        claim, word = (TAGS.correct, "matches") if grade else (TAGS.incorrect, "misses")
        doubt = f"I compute {answer} again. It {word} the target {problem.params['target']}. <claim>{claim}</claim>"
        if k:
            segments += [Segment("glue", "That was not it. I will try another way.", "incorrect:4"), tag("\n")]
        segments += [
            tag("<try>"),
            Segment(
                "attempt", f"Take the numbers in turn and see how far {answer} gets.\n<out>{answer}</out>", key, grade
            ),
            tag("</try>\n<check>"),
            Segment("reflection", doubt, f"{key}/strict/0", grade),
            tag("</check>\n"),
        ]
    segments += [
        tag("</muse>\n"),
        Segment("closing", "So this is my answer.", "closing:2"),
        tag("\n<out>"),
        Segment("answer", right, key, True),
        tag("</out>"),
    ]
    return Trace(f"{problem.key}/toy/{number}", problem.key, "toy", None, problem.question, shape, tuple(segments))


@attrs.frozen
class Dice:
    """How a made-up method behaves at a difficulty: chance of a right attempt, of a true verdict, most attempts."""

    right: float
    honest: float = 0.9
    most: int = 1


DICE = {
    "base": {"3": Dice(0.12), "4": Dice(0.04), "5": Dice(0.02), "6": Dice(0.0)},
    "sft": {"3": Dice(0.16, 0.7, 3), "4": Dice(0.06, 0.7, 4), "5": Dice(0.02, 0.7, 4), "6": Dice(0.01, 0.7, 4)},
    "skillfactory": {
        "3": Dice(0.5, 0.96, 3),
        "4": Dice(0.2, 0.93, 5),
        "5": Dice(0.1, 0.93, 5),
        "6": Dice(0.05, 0.93, 5),
    },
    "rl-only": {"3": Dice(0.74), "4": Dice(0.34), "5": Dice(0.22), "6": Dice(0.17)},
}


def roll(method: str, problem: Problem, k: int, random: Random) -> Response:
    """One made-up response."""
    dice = DICE[method][problem.variant]
    right = Sums().reference(problem.params)
    numbers = problem.params["numbers"]
    easy = random.betavariate(2 * dice.right + 0.01, 2 * (1 - dice.right))
    tries, answer = [], ""
    for number in range(dice.most):
        good = random.random() < easy
        answer = right if good else f"{random.choice(numbers)}+{random.choice(numbers)}"
        claim = TAGS.correct if good == (random.random() < dice.honest) else TAGS.incorrect
        words = (
            f"{'First' if not number else 'This time'} I take {answer.replace('+', ' plus ').replace('-', ' minus ')}."
        )
        tries.append(attempt(answer, claim, words, f"I compare {answer} with {problem.params['target']}."))
        if claim == TAGS.correct:
            break
    text = thinking(tries, answer) if dice.most > 1 else f"I think of {answer}.\n<out>{answer}</out>"
    if random.random() < 0.02:
        text = text[: len(text) // 2]
        return toy_response(method, problem, k, text, finish="length", tokens=len(text) // 3)
    return toy_response(method, problem, k, text, tokens=len(text) // 3)


def roll_evaluation(run: Run, count: int, samples: int = 4, methods: Iterable[str] = METHODS) -> None:
    """Made-up responses of every method at every difficulty."""
    for variant in ("3", "4", "5", "6"):
        problems = toy_problems(run, variant, count)
        for method in methods:
            random = Random(f"{method}-{variant}")
            responses = [roll(method, problem, k, random) for problem in problems for k in range(samples)]
            run.responses(method, variant).finish(0, responses)
