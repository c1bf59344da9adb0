"""Coins: pay an amount exactly, with coins that are given and coins that come back as change."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import product
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.task import Task

TOKENS = re.compile(r"[0-9]{1,6}|[-+()]")
"what an answer is made of; white space between them does not count"
LONGEST = 200
"characters of an answer: longer ones are no answer, and would take time"


@attrs.frozen
class Coins(Task):
    """The amount is what some of the coins make, so every problem has an answer."""

    name = "coins"
    summary = "pay an amount with coins, and take coins as change"
    answer_kind = "a sum of coins, with a minus before those that come back as change, each coin once at most,"

    coins: int = attrs.field(default=3, validator=attrs.validators.in_(range(2, 11)))
    "how many coins there are"
    largest: int = attrs.field(default=15, validator=attrs.validators.ge(1))
    "the largest value of a coin"

    def make(self, random: Random) -> dict[str, Any]:
        coins = [random.randint(1, self.largest) for _ in range(self.coins)]
        amount = 0
        while amount == 0:
            used = random.sample(coins, random.randint(2, self.coins))
            amount = abs(sum(random.choice((-1, 1)) * coin for coin in used))
        return {"coins": coins, "amount": amount}

    def canonical(self, params: Mapping[str, Any]) -> str:
        return f"{' '.join(map(str, sorted(params['coins'])))} = {params['amount']}"

    def question(self, params: Mapping[str, Any]) -> str:
        return f"Make {params['amount']} from {', '.join(map(str, params['coins']))}."

    def reference(self, params: Mapping[str, Any]) -> str:
        found = self.solve(params)
        assert found is not None, "the amount is what some of the coins make"
        return found

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        if not answer.strip():
            return Grade(False, None, "no_answer")
        coins = read(answer)
        if coins is None:
            return Grade(False, answer, "unparsable")
        right = sum(coins) == params["amount"] and not Counter(map(abs, coins)) - Counter(params["coins"])
        return Grade(right, answer, "ok" if right else "wrong")

    def solve(self, params: Mapping[str, Any]) -> str | None:
        for signs in product((1, -1, 0), repeat=len(params["coins"])):
            used = sorted(
                (sign * coin for sign, coin in zip(signs, params["coins"], strict=True) if sign), reverse=True
            )
            if sum(used) == params["amount"]:
                return " ".join(f"{'-' if coin < 0 else '+'} {abs(coin)}" for coin in used).removeprefix("+ ")
        return None

    def trivial(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        return {"every coin there is": " + ".join(map(str, params["coins"]))}

    def variants(self) -> "Mapping[str, Coins]":
        return {str(coins): attrs.evolve(self, coins=coins) for coins in (3, 4, 5)}

    @property
    def variant(self) -> str:
        return str(self.coins)


def read(answer: str) -> list[int] | None:
    """The coins of an answer, those that come back below zero; None where it is no such sum."""
    if len(answer) > LONGEST or TOKENS.sub("", answer).strip():
        return None
    coins, signs, sign, before = [], [1], 1, "("
    for token in TOKENS.findall(answer):
        begins = before in ("(", "+", "-")
        if begins and token == "(":
            signs.append(signs[-1] * sign)
            sign = 1
        elif begins and token.isdecimal():
            coins.append(signs[-1] * sign * int(token))
        elif token in ("+", "-") and before not in ("+", "-"):
            sign = 1 if token == "+" else -1
        elif token == ")" and not begins and len(signs) > 1:
            signs.pop()
        else:
            return None
        before = token
    return None if before in ("(", "+", "-") or len(signs) > 1 else coins


@hookimpl
def register_tasks() -> list[Task]:
    return [Coins()]
