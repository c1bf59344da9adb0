"""Double it: a complete task in one file. Try it: sf -p docs/examples/double_it.py tasks"""

import re
from collections.abc import Mapping
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.task import Task

WHOLE = re.compile(r"[0-9]{1,40}")


@attrs.frozen
class DoubleIt(Task):
    """Twice a number."""

    name = "double_it"
    summary = "twice a number"
    answer_kind = "a whole number"

    digits: int = 3
    "how many digits the number has"

    def make(self, random: Random) -> dict[str, Any]:
        return {"number": random.randint(10 ** (self.digits - 1), 10**self.digits - 1)}

    def canonical(self, params: Mapping[str, Any]) -> str:
        return str(params["number"])

    def question(self, params: Mapping[str, Any]) -> str:
        return f"What is twice {params['number']}?"

    def reference(self, params: Mapping[str, Any]) -> str:
        return str(2 * params["number"])

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        if not WHOLE.fullmatch(answer):
            return Grade(False, answer, "unparsable")
        right = int(answer) == 2 * params["number"]
        return Grade(right, answer, "ok" if right else "wrong")

    def variants(self) -> "Mapping[str, DoubleIt]":
        return {str(digits): attrs.evolve(self, digits=digits) for digits in (3, 4, 5)}

    @property
    def variant(self) -> str:
        return str(self.digits)


@hookimpl
def register_tasks() -> list[Task]:
    return [DoubleIt()]
