"""Steps of arithmetic: what an attempt writes and a drill trains."""

from random import Random

import attrs

from skillfactory_pocket.corpus.document import Document

SMALLEST_NUMBER, LARGEST_NUMBER = 1, 15
LARGEST_VALUE = 150


@attrs.frozen
class Step:
    """`left operator right = value`, all integers."""

    left: int
    operator: str
    right: int
    value: int

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right} = {self.value}"


def apply(left: int, operator: str, right: int) -> int | None:
    """The value of one step, or None where it leaves the integers from 1 to LARGEST_VALUE."""
    if operator == "+":
        value = left + right
    elif operator == "-":
        value = left - right
    elif operator == "*":
        value = left * right
    else:
        value, rest = divmod(left, right) if right else (0, 1)
        if rest:
            return None
    return value if 1 <= value <= LARGEST_VALUE else None


def step(left: int, operator: str, right: int) -> Step | None:
    value = apply(left, operator, right)
    return None if value is None else Step(left, operator, right, value)


def write_steps(steps: tuple[Step, ...]) -> str:
    return ", ".join(map(str, steps)) + "."


def drill_document(random: Random) -> Document:
    """Every step that an attempt can need, evenly."""
    steps: list[str] = []
    while len(steps) < 8:
        value = random.randint(1, LARGEST_VALUE)
        number = random.randint(SMALLEST_NUMBER, LARGEST_NUMBER if random.random() < 0.8 else LARGEST_VALUE)
        left, right = (value, number) if random.random() < 0.8 else (number, value)
        operator = random.choice("+-*/")
        if operator == "/" and (product := apply(left, "*", right)) is not None:
            left = product
        if (made := step(left, operator, right)) is not None:
            steps.append(str(made))
    return Document("drill", "", "", ", ".join(steps) + ".", learned_after=" = ")
