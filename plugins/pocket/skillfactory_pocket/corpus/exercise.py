"""Exercises: several targets to make from one set of numbers, several factors for one factor; answered as a worksheet is.

So how many numbers there are is read from the request, however much has been written since. Each target is another problem, tried once.
"""

from random import Random

from skillfactory_pocket.corpus import countdown, multiplication
from skillfactory_pocket.corpus.document import PROMPTS, Document
from skillfactory_pocket.corpus.worksheet import fill_form

TARGETS = (2, 3, 4, 6, 8)
FACTORS = (2, 3)
CHECKS = (0, 0, 1, 2)
"checks of other problems, somewhere between the attempts"


def exercise(random: Random) -> Document:
    asked, replies = make_countdown(random) if random.random() < 0.8 else make_multiplication(random)
    for check in [countdown.check(random) for _ in range(random.choice(CHECKS))]:
        asked += f"\n{check.prompt}"
        replies.insert(random.randint(1, len(replies)), check.completion)
    return fill_form(random, "exercise", asked, replies, again=random.random() < 0.5)


def make_countdown(random: Random) -> tuple[str, list[str]]:
    """A request for several targets, which can all be reached, and an attempt at each."""
    numbers = countdown.make_numbers(random)
    solutions: dict[int, countdown.Chain] = {}
    count = random.choice(TARGETS)
    for _ in range(10 * count):
        chain = countdown.make_chain(random, numbers)
        values = [made.value for made in chain.steps]
        if len(solutions) < count and values[-1] <= countdown.LARGEST_TARGET and values.count(values[-1]) == 1:
            solutions.setdefault(chain.value, chain)
    replies = []
    for target, solution in solutions.items():
        solved = random.random() < countdown.SOLVED_SHARE
        chain = solution if solved else countdown.make_chain(random, numbers, target)
        first = countdown.opening(random.choice(PROMPTS.attempts).name, random, numbers, target, chain)
        replies.append(countdown.write_attempt(numbers, chain, first))
    return f"Make {listed(list(solutions))} from {listed(numbers)}.", replies


def make_multiplication(random: Random) -> tuple[str, list[str]]:
    """A request for several products of one number, and an attempt at each."""
    a, b = multiplication.make_factors(random)
    low, high = 10 ** (len(str(b)) - 1), 10 ** len(str(b)) - 1
    factors = random.sample(range(low, high + 1), random.choice(FACTORS))
    replies = []
    for factor in factors:
        rows = multiplication.make_rows(random, a, factor, multiplication.FORGETS)
        first = multiplication.opening(random.choice(PROMPTS.attempts).name, random, a, factor)
        replies.append(multiplication.write_attempt(rows, first))
    return f"Multiply {a} by {listed(factors)}.", replies


def listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
