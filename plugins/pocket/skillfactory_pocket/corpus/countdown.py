"""Countdown: attempts that combine the numbers at random, and checks that compute for themselves.

An attempt writes after each step which numbers are left, and ends where the target is reached or none is left:
how long it is depends on the problem, so fine-tuning on problems with few numbers does not shorten the others.
"""

from random import Random

import attrs

from skillfactory_pocket.corpus.arithmetic import (
    LARGEST_NUMBER,
    LARGEST_VALUE,
    SMALLEST_NUMBER,
    Step,
    step,
    write_steps,
)
from skillfactory_pocket.corpus.document import PROMPTS, Document, attempt_document, check_document, verdict

TASK = "countdown"
LARGEST_TARGET = 99
NUMBER_COUNTS = (2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6)
SOLVED_SHARE = 0.35
CHECKED_SOLVED_SHARE = 0.3
LEFT_OUT_SHARE = 0.15


@attrs.frozen
class Chain:
    """A way to combine numbers one after the other, and the expression it writes."""

    steps: tuple[Step, ...]
    expression: str
    used: tuple[int, ...]
    "in the order of the expression"
    taken: tuple[int, ...]
    "in the order of the steps"

    @property
    def value(self) -> int:
        return self.steps[-1].value


def make_chain(random: Random, numbers: list[int], target: int | None = None) -> Chain:
    """Combine `numbers` in random order with random operators, until the target is reached or none is left."""
    first, *others = random.sample(numbers, len(numbers))
    value, expression, used, taken = first, str(first), [first], [first]
    steps: list[Step] = []
    for number in others:
        made = [(step(value, operator, number), True) for operator in "+-*/"]
        made += [(step(number, operator, value), False) for operator in "-/"]
        chosen, value_first = random.choice([(found, first) for found, first in made if found is not None])
        inner = f"({expression})" if steps else expression
        expression = f"{inner} {chosen.operator} {number}" if value_first else f"{number} {chosen.operator} {inner}"
        used = [*used, number] if value_first else [number, *used]
        taken.append(number)
        steps.append(chosen)
        value = chosen.value
        if value == target:
            break
    return Chain(tuple(steps), expression, tuple(used), tuple(taken))


def some(random: Random, numbers: list[int]) -> list[int]:
    """All of the numbers, or now and then fewer."""
    if len(numbers) > 2 and random.random() < LEFT_OUT_SHARE:
        return random.sample(numbers, random.randint(2, len(numbers) - 1))
    return numbers


def make_numbers(random: Random) -> list[int]:
    return [random.randint(SMALLEST_NUMBER, LARGEST_NUMBER) for _ in range(random.choice(NUMBER_COUNTS))]


def make_solvable(random: Random) -> tuple[list[int], Chain]:
    """Numbers and a chain whose value can be a target, and is reached at the end alone."""
    while True:
        numbers = make_numbers(random)
        chain = make_chain(random, some(random, numbers))
        if chain.value <= LARGEST_TARGET and chain.value not in [made.value for made in chain.steps[:-1]]:
            return numbers, chain


def question(numbers: list[int], target: int) -> str:
    return PROMPTS.question(TASK, {"numbers": numbers, "target": target}, "")


def opening(style: str, random: Random, numbers: list[int], target: int, chain: Chain) -> str:
    """The first words of an attempt in one of the four prompt styles."""
    if style == "plan_and_execute":
        return f"Plan: {', '.join(made.operator for made in chain.steps)}. "
    if style == "alternatively":
        left, right = random.sample(numbers, 2)
        pair = [f"{left} {random.choice('+-*/')} {right}"]
        pair.insert(random.randrange(2), f"{chain.steps[0].left} {chain.steps[0].operator} {chain.steps[0].right}")
        return f"Start {pair[0]}, alternatively {pair[1]}. "
    return f"From {', '.join(map(str, numbers))} reach {target}. " if style == "rephrase" else ""


def write_attempt(numbers: list[int], chain: Chain, first: str) -> str:
    """The steps, each with the numbers that are left after it, and the answer."""
    left = list(numbers)
    left.remove(chain.taken[0])
    parts = []
    for made, number in zip(chain.steps, chain.taken[1:], strict=False):
        left.remove(number)
        parts.append(f"{made}: {', '.join(map(str, left))}" if left else str(made))
    return f"{first}{'; '.join(parts)}. <answer>{chain.expression}</answer>"


def attempt(random: Random) -> Document:
    numbers, solution = make_solvable(random)
    target = solution.value
    chain = solution if random.random() < SOLVED_SHARE else make_chain(random, numbers, target)
    prompt = random.choice(PROMPTS.attempts)
    first = opening(prompt.name, random, numbers, target, chain)
    return attempt_document(TASK, prompt, question(numbers, target), write_attempt(numbers, chain, first))


def spoil(random: Random, chain: Chain, target: int) -> Chain:
    """The chain with one wrong value among its steps, often the one that pretends to reach the target."""
    steps = list(chain.steps)
    at = len(steps) - 1 if random.random() < 0.6 else random.randrange(len(steps))
    wrong = target if random.random() < 0.6 else steps[at].value + random.choice((-10, -2, -1, 1, 2, 10))
    if not 1 <= wrong <= LARGEST_VALUE or wrong == steps[at].value:
        wrong = steps[at].value % LARGEST_VALUE + 1
    steps[at] = attrs.evolve(steps[at], value=wrong)
    return attrs.evolve(chain, steps=tuple(steps))


def check(random: Random) -> Document:
    """One attempt, right, near or far, sometimes with a slip in it, and one check that ends in a verdict."""
    numbers, solution = make_solvable(random)
    target, chain, pick = solution.value, solution, random.random()
    given = list(numbers)
    if pick < CHECKED_SOLVED_SHARE:
        if random.random() < 0.08 and len(numbers) > 2:
            # The attempt uses a number that is not given (or is used up).
            at = numbers.index(random.choice(chain.used))
            spare = random.choice([*numbers, random.randint(SMALLEST_NUMBER, LARGEST_NUMBER)])
            given = [spare if i == at else n for i, n in enumerate(numbers)]
    elif pick < CHECKED_SOLVED_SHARE + 0.3:
        chain = make_chain(random, some(random, numbers))
        if chain.value != target:
            target = min(LARGEST_TARGET, max(1, chain.value + random.choice((-10, -5, -3, -2, -1, 1, 2, 3, 5, 10))))
    else:
        chain = make_chain(random, some(random, numbers), target)
    shown = chain
    if chain.value != target and random.random() < 0.3:
        # Steps that lie, or that belong to another expression: the check must compute for itself.
        shown = spoil(random, chain, target) if random.random() < 0.7 else solution
        shown = attrs.evolve(shown, expression=chain.expression)
    first = opening(random.choice(PROMPTS.attempts).name, random, given, target, shown)
    text = write_attempt(numbers, shown, first)
    return check_document(random, TASK, question(given, target), text, str(target), write_check(given, target, chain))


def write_check(numbers: list[int], target: int, chain: Chain) -> str:
    text = write_steps(chain.steps)
    if chain.value != target:
        return f"{text} {chain.value} is not {target}. {verdict(False)}"
    text += f" {chain.value} is {target}. Uses {', '.join(map(str, chain.used))},"
    spare = list(numbers)
    for number in chain.used:
        if number not in spare:
            return f"{text} not all given. {verdict(False)}"
        spare.remove(number)
    return f"{text} all given. {verdict(True)}"
