"""Word problems: attempts that often misread a sentence, and checks that read each of them again."""

from random import Random
from typing import Any

from skillfactory_pocket.corpus.arithmetic import Step, step, write_steps
from skillfactory_pocket.corpus.document import PROMPTS, Document, attempt_document, check_document, verdict
from skillfactory_tasks.word_problems import WordProblems

TASK = "word_problems"
EVENTS = (1, 2, 2, 3, 3, 4)
MISREADS = 0.4
"how often an attempt misreads a sentence; less would be cut away by top-p 0.8 at temperature 0.7"
MEANING = {"buy": "+", "find_boxes": "+", "give": "-", "give_each": "-", "times": "*", "share": "/"}
MISREAD = {"buy": "-", "find_boxes": "+", "give": "+", "give_each": "-", "times": "+", "share": "-"}
"how a careless reader takes a sentence; of 'boxes with' and 'each' he takes the first number alone"


def read(story: list[list[Any]], misread: list[bool]) -> tuple[Step, ...]:
    """The steps of the story, sentence by sentence, right or misread; a misreading that cannot be is none."""
    steps: list[Step | None] = []
    (kind, first, *more), *events = story
    pile = first
    if kind == "boxes":
        steps.append(step(first, "+" if misread[0] else "*", more[0]))
        pile = value(steps)
    for (kind, first, *more), wrong in zip(events, misread[1:], strict=True):
        careless = step(pile, MISREAD[kind], first)
        if wrong and careless is not None:
            steps.append(careless)
        elif more:
            steps.append(step(first, "*", more[0]))
            steps.append(step(pile, MEANING[kind], value(steps)))
        else:
            steps.append(step(pile, MEANING[kind], first))
        if steps[-1] is None:
            return ()
        pile = value(steps)
    return tuple(made for made in steps if made is not None)


def value(steps: list[Step | None]) -> int:
    made = steps[-1]
    assert made is not None
    return made.value


def make_attempt(random: Random, story: list[list[Any]], share: float) -> tuple[Step, ...]:
    """A reading in which each sentence is misread with that probability; every step of it can be done."""
    while True:
        steps = read(story, [random.random() < share for _ in story])
        if steps:
            return steps


def make_problem(random: Random) -> dict[str, Any]:
    return WordProblems(events=random.choice(EVENTS)).make(random)


def question(params: dict[str, Any]) -> str:
    return PROMPTS.question(TASK, params, WordProblems().question(params))


def opening(style: str, random: Random, params: dict[str, Any], steps: tuple[Step, ...]) -> str:
    numbers = [number for _, *numbers in params["story"] for number in numbers]
    if style == "plan_and_execute":
        return f"Plan: {', '.join(made.operator for made in steps)}. "
    if style == "alternatively":
        left, right = random.sample(numbers, 2)
        pair = [f"{left} {random.choice('+-*/')} {right}"]
        pair.insert(random.randrange(2), f"{steps[0].left} {steps[0].operator} {steps[0].right}")
        return f"Start {pair[0]}, alternatively {pair[1]}. "
    return f"From {', '.join(map(str, numbers))} reach {params['thing']}. " if style == "rephrase" else ""


def write_attempt(steps: tuple[Step, ...], first: str) -> str:
    return f"{first}{write_steps(steps)} <answer>{steps[-1].value}</answer>"


def attempt(random: Random) -> Document:
    params = make_problem(random)
    steps = make_attempt(random, params["story"], MISREADS)
    prompt = random.choice(PROMPTS.attempts)
    text = write_attempt(steps, opening(prompt.name, random, params, steps))
    return attempt_document(TASK, prompt, question(params), text)


def check(random: Random) -> Document:
    """Half of the attempts are right; some have a wrong value at the end."""
    params = make_problem(random)
    steps = make_attempt(random, params["story"], 0 if random.random() < 0.4 else MISREADS)
    if random.random() < 0.15:
        last = steps[-1]
        steps = (
            *steps[:-1],
            Step(last.left, last.operator, last.right, last.value + random.choice((-10, -2, -1, 1, 2, 10))),
        )
        if steps[-1].value < 1:
            steps = (*steps[:-1], last)
    shown = write_attempt(steps, opening(random.choice(PROMPTS.attempts).name, random, params, steps))
    text = write_check(params["story"], steps[-1].value)
    return check_document(random, TASK, question(params), shown, params["thing"], text)


def write_check(story: list[list[Any]], answer: int) -> str:
    steps = read(story, [False] * len(story))
    right = steps[-1].value == answer
    return f"{write_steps(steps)} {steps[-1].value} is {'' if right else 'not '}{answer}. {verdict(right)}"
