"""Pairs for these tests, in pocket's words: chains of additions, with or without a slip, and a check of them."""

import re
from collections.abc import Sequence
from random import Random

from skillfactory_core.attempt import Attempt
from skillfactory_core.engine import Request
from skillfactory_core.reflection import Reflection
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_decompose.align import Decomposition, align
from skillfactory_decompose.split import WAYS

PHRASE = Phrase("Try again.", "generic:1")


def made(attempt: str, reflection: str, correct: bool, number: int = 0, answer: str = "1") -> Pair:
    """A pair of these texts; the reflection tells the truth."""
    key = f"kit/default/train/0/plan/{number}"
    tried = Attempt(key, "kit/default/train/0", "plan", number, attempt, 1, "stop")
    critique = Reflection(f"{key}/check/0", key, tried.problem, "check", 0, reflection, 1, "stop", correct, "")
    return Pair(tried, answer, correct, critique)


def chain(numbers: Sequence[int], target: int, number: int = 0, slip: int = -1, spare: Sequence[int] = ()) -> Pair:
    """The numbers added up one by one, each step with those that are left after it; `spare` are never used.

    Step `slip` is one too high, and what follows is built on it.
    """
    steps, checks, value = [], [], numbers[0]
    for at, each in enumerate(numbers[1:]):
        total = value + each
        checks.append(f"{value} + {each} = {total}")
        value = total + (at == slip)
        left = ", ".join(map(str, [*numbers[at + 2 :], *spare]))
        steps.append(f"{checks[-1].rpartition(' ')[0]} {value}{f': {left}' if left else ''}")
    answer = " + ".join(map(str, numbers))
    correct = sum(numbers) == target
    verdict = f"{'Uses all given' if correct else f'It is not {target}'}. <verdict>{'C' if correct else 'Inc'}orrect</verdict>"
    plan = ", ".join("+" for _ in steps)
    text = f"Plan: {plan}. {'; '.join(steps)}. <answer>{answer}</answer>"
    return made(text, f"We want {target}. {', '.join(checks)}. {verdict}", correct, number, answer)


def reply(request: Request) -> str:
    """Countdown in pocket's words: some numbers are added up, now and then with a slip; a check finds what is wrong."""
    random = Random(request.seed)
    text = request.messages[-1]["content"]
    found = re.match(r"Make (\d+) from ([\d, ]+)\.", text)
    if found is None:
        raise LookupError(f"no reply to {text[:40]!r}")
    target, numbers = int(found[1]), [int(each) for each in found[2].split(", ")]
    written = re.search(r"<answer>([\d +]+)</answer>", text)
    if written:
        checked = chain([int(each) for each in written[1].split(" + ")], target)
        assert checked.reflection is not None
        return checked.reflection.text
    shuffled, used = random.sample(numbers, len(numbers)), random.randint(2, len(numbers))
    return chain(shuffled[:used], target, slip=random.choice((-1, -1, -1, 0)), spare=shuffled[used:]).attempt.text


def apart(pair: Pair, subgoals: str = "either") -> Decomposition:
    found = align(pair, WAYS["auto"], subgoals)
    assert isinstance(found, Decomposition), found
    return found
