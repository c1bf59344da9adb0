"""The game of 24: make 24 from four numbers, each used exactly once, with + - * /.

One file is a whole plugin: sf -p game_of_24.py check game_of_24
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.task import Task

TARGET = 24
READ = re.compile(r"[0-9+*/() -]{1,100}")
"an answer that is read: four numbers need no more"
TOKEN = re.compile(r"[0-9]+|[-+*/()]")


def search(numbers: list[tuple[Fraction, str]]) -> Iterator[str]:
    """Every way to reach the target: join two of the numbers into one, until one is left."""
    if len(numbers) == 1:
        ((value, text),) = numbers
        if value == TARGET:
            yield text
        return
    for i, j in combinations(range(len(numbers)), 2):
        rest = [number for k, number in enumerate(numbers) if k not in (i, j)]
        (a, left), (b, right) = numbers[i], numbers[j]
        joined = [(a + b, f"({left} + {right})"), (a * b, f"({left} * {right})")]
        joined += [(a - b, f"({left} - {right})"), (b - a, f"({right} - {left})")]
        joined += [(a / b, f"({left} / {right})")] if b else []
        joined += [(b / a, f"({right} / {left})")] if a else []
        for one in joined:
            yield from search([*rest, one])


@cache
def solution(*numbers: int) -> str | None:
    """One way to reach the target, if there is one."""
    found = next(search([(Fraction(number), str(number)) for number in numbers]), None)
    return found and found.removeprefix("(").removesuffix(")")


class Reader:
    """An expression, read by hand: nothing is ever run. `value` raises ValueError for what is none."""

    def __init__(self, text: str) -> None:
        self.tokens = TOKEN.findall(text)
        self.used: list[int] = []

    def value(self) -> Fraction:
        value = self.sum()
        if self.tokens:
            raise ValueError("something is left over")
        return value

    def take(self, *among: str) -> str:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in among else ""

    def sum(self) -> Fraction:
        value = self.product()
        while sign := self.take("+", "-"):
            value = value + self.product() if sign == "+" else value - self.product()
        return value

    def product(self) -> Fraction:
        value = self.atom()
        while sign := self.take("*", "/"):
            value = value * self.atom() if sign == "*" else value / self.atom()
        return value

    def atom(self) -> Fraction:
        if self.take("("):
            value = self.sum()
            if not self.take(")"):
                raise ValueError("a bracket is not closed")
            return value
        if not self.tokens or not self.tokens[0].isdigit():
            raise ValueError("a number was expected")
        self.used.append(int(self.tokens.pop(0)))
        return Fraction(self.used[-1])


@attrs.frozen
class GameOf24(Task):
    """Four numbers that can make 24."""

    name = "game_of_24"
    summary = "make 24 from four numbers, each used exactly once"
    answer_kind = "an expression with + - * / that uses each of the numbers exactly once"

    largest: int = 13
    "of the four numbers: an option of the task (-o largest=9)"

    def make(self, random: Random) -> dict[str, Any]:
        """Four numbers, drawn until they have a solution."""
        while True:
            numbers = [random.randint(1, self.largest) for _ in range(4)]
            if solution(*sorted(numbers)):
                return {"numbers": numbers}

    def canonical(self, params: Mapping[str, Any]) -> str:
        """In another order it is the same problem."""
        return " ".join(map(str, sorted(params["numbers"])))

    def question(self, params: Mapping[str, Any]) -> str:
        """As pocket, the embedded model, was asked for Countdown: it reads no other words."""
        return f"Make {TARGET} from {', '.join(map(str, params['numbers']))}."

    def reference(self, params: Mapping[str, Any]) -> str:
        found = solution(*sorted(params["numbers"]))
        assert found
        return found

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        """Exact fractions, read by hand; nothing is run, nothing is raised."""
        text = answer.strip()
        if not text:
            return Grade(False, None, "no_answer")
        if not READ.fullmatch(text):
            return Grade(False, answer, "unparsable")
        reader = Reader(text)
        try:
            value = reader.value()
        except (ValueError, ZeroDivisionError):
            return Grade(False, answer, "unparsable")
        if sorted(reader.used) != sorted(params["numbers"]):
            return Grade(False, answer, "wrong")
        return Grade(value == TARGET, answer, "ok" if value == TARGET else "wrong")

    def solve(self, params: Mapping[str, Any]) -> str | None:
        return solution(*sorted(params["numbers"]))

    def variants(self) -> "Mapping[str, GameOf24]":
        return {str(largest): attrs.evolve(self, largest=largest) for largest in (9, 13)}

    @property
    def variant(self) -> str:
        return str(self.largest)


@hookimpl
def register_tasks() -> list[Task]:
    return [GameOf24()]
