"""What pocket was pretrained on: single attempts, single checks, drills and generic markup.

No document shows a second attempt, a reflection inside an answer, or a skill trace: the base model must
be able to guess and to check, and must never have seen anyone retry. `tests/plugins/pocket` proves it.

Source of the recipe: the SkillFactory method needs a base that has the two halves of the skill and not
the whole (arXiv 2512.04072, section 2); the sizes are ours, measured on two CPU cores.
"""

from collections.abc import Iterator
from importlib.resources import files
from random import Random

import attrs

SMALLEST_NUMBER, LARGEST_NUMBER = 1, 15
LARGEST_TARGET = 99
LARGEST_VALUE = 150
NUMBER_COUNTS = (2, 3, 3, 3, 4, 4, 5, 5, 6, 6)
SOLVED_SHARE = 0.35
CHECKED_SOLVED_SHARE = 0.3
KINDS = ("attempt", "check", "drill", "markup")
KIND_WEIGHTS = (37, 50, 10, 3)
TAG_NAMES = [
    "think",
    "sample",
    "reflect",
    "note",
    "list",
    "item",
    "title",
    "text",
    "data",
    "part",
    "quote",
    "step",
    "table",
    "row",
    "name",
]


@attrs.frozen
class Document:
    """One pretraining document. The loss is on `completion` alone: prompts hold deliberate slips."""

    kind: str
    "one of KINDS"
    prompt: str
    "the user's message; empty for drills and markup"
    completion: str
    "what the model learns to write"


@attrs.frozen
class Step:
    """`left operator right = value`, all integers."""

    left: int
    operator: str
    right: int
    value: int

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right} = {self.value}"


@attrs.frozen
class Chain:
    """A way to combine numbers one after the other, and the expression it writes."""

    steps: tuple[Step, ...]
    expression: str
    used: tuple[int, ...]

    @property
    def value(self) -> int:
        return self.steps[-1].value


def apply(left: int, operator: str, right: int) -> int | None:
    """The value of one step, or None where it leaves the integers from 1 to LARGEST_VALUE."""
    if operator == "+":
        value = left + right
    elif operator == "-":
        value = left - right
    elif operator == "*":
        value = left * right
    else:
        value, rest = divmod(left, right)
        if rest:
            return None
    return value if 1 <= value <= LARGEST_VALUE else None


def make_chain(random: Random, numbers: list[int]) -> Chain:
    """Combine `numbers` in random order with random operators; now and then leave some out."""
    order = random.sample(numbers, len(numbers))
    if len(order) > 2 and random.random() < 0.12:
        order = order[: random.randint(2, len(order) - 1)]
    value, expression, used = order[0], str(order[0]), [order[0]]
    steps: list[Step] = []
    for number in order[1:]:
        choices = []
        for operator in "+-*/":
            if (result := apply(value, operator, number)) is not None:
                choices.append((Step(value, operator, number, result), True))
            elif operator in "-/" and (result := apply(number, operator, value)) is not None:
                choices.append((Step(number, operator, value, result), False))
        step, value_first = random.choice(choices) if choices else (None, True)
        if step is None:
            break
        inner = f"({expression})" if steps else expression
        expression = f"{inner} {step.operator} {number}" if value_first else f"{number} {step.operator} {inner}"
        used = [*used, number] if value_first else [number, *used]
        steps.append(step)
        value = step.value
    if not steps:
        return make_chain(random, numbers)
    return Chain(tuple(steps), expression, tuple(used))


def make_numbers(random: Random) -> list[int]:
    count = random.choice(NUMBER_COUNTS)
    return [random.randint(SMALLEST_NUMBER, LARGEST_NUMBER) for _ in range(count)]


def make_solvable(random: Random) -> tuple[list[int], Chain]:
    """Numbers and a chain whose value can be a target."""
    while True:
        numbers = make_numbers(random)
        chain = make_chain(random, numbers)
        if chain.value <= LARGEST_TARGET:
            return numbers, chain


def question(numbers: list[int], target: int) -> str:
    return f"Make {target} from {', '.join(map(str, numbers))}."


def write_steps(steps: tuple[Step, ...]) -> str:
    return ", ".join(map(str, steps)) + "."


def decorate(random: Random, numbers: list[int], target: int, chain: Chain) -> tuple[str, str]:
    """The request and the opening words of one of the four prompt styles."""
    style = random.randrange(4)
    if style == 0:
        return "", ""
    if style == 1:
        return " Plan first.", f"Plan: {', '.join(step.operator for step in chain.steps)}. "
    if style == 2:
        first = f"{chain.steps[0].left} {chain.steps[0].operator} {chain.steps[0].right}"
        left, right = random.sample(numbers, 2)
        other = f"{left} {random.choice('+-*/')} {right}"
        pair = [first, other] if random.random() < 0.5 else [other, first]
        return " Name two starts.", f"Start {pair[0]}, alternatively {pair[1]}. "
    return " Say it again first.", f"From {', '.join(map(str, numbers))} reach {target}. "


def write_attempt(chain: Chain, opening: str) -> str:
    return f"{opening}{write_steps(chain.steps)} <answer>{chain.expression}</answer>"


def attempt_document(random: Random) -> Document:
    numbers, solution = make_solvable(random)
    target = solution.value
    chain = solution if random.random() < SOLVED_SHARE else make_chain(random, numbers)
    request, opening = decorate(random, numbers, target, chain)
    return Document("attempt", question(numbers, target) + request, write_attempt(chain, opening))


def spoil_steps(random: Random, chain: Chain, target: int) -> tuple[Step, ...]:
    """The chain's steps with one wrong value, often the one that pretends to reach the target."""
    steps = list(chain.steps)
    at = len(steps) - 1 if random.random() < 0.6 else random.randrange(len(steps))
    wrong = target if random.random() < 0.6 else steps[at].value + random.choice((-10, -2, -1, 1, 2, 10))
    if not 1 <= wrong <= LARGEST_VALUE or wrong == steps[at].value:
        wrong = steps[at].value % LARGEST_VALUE + 1
    steps[at] = attrs.evolve(steps[at], value=wrong)
    return tuple(steps)


def check_document(random: Random) -> Document:
    """One attempt, right, near or far, sometimes with a slip in it, and one check that ends in a verdict."""
    numbers, solution = make_solvable(random)
    target = solution.value
    given = list(numbers)
    pick = random.random()
    if pick < CHECKED_SOLVED_SHARE:
        chain = solution
        if random.random() < 0.08 and len(numbers) > 2:
            # The attempt uses a number that is not given (or is used up).
            at = numbers.index(random.choice(chain.used))
            spare = random.choice([*numbers, random.randint(SMALLEST_NUMBER, LARGEST_NUMBER)])
            numbers = [spare if i == at else n for i, n in enumerate(numbers)]
    elif pick < CHECKED_SOLVED_SHARE + 0.3:
        chain = make_chain(random, numbers)
        if chain.value != target:
            target = min(LARGEST_TARGET, max(1, chain.value + random.choice((-10, -5, -3, -2, -1, 1, 2, 3, 5, 10))))
    else:
        chain = make_chain(random, given)
    steps = chain.steps
    if chain.value != target and random.random() < 0.3:
        # Steps that lie, or that belong to another expression: the check must compute for itself.
        steps = spoil_steps(random, chain, target) if random.random() < 0.7 else solution.steps
    _, opening = decorate(random, numbers, target, chain)
    shown = write_attempt(attrs.evolve(chain, steps=steps), opening)
    ask, lead = ("Check:", "") if random.random() < 0.5 else ("Is this right?", f"We want {target}. ")
    return Document("check", f"{question(numbers, target)} {ask} {shown}", lead + write_check(numbers, target, chain))


def write_check(numbers: list[int], target: int, chain: Chain) -> str:
    text = write_steps(chain.steps)
    if chain.value != target:
        return f"{text} {chain.value} is not {target}. <verdict>Incorrect</verdict>"
    text += f" {chain.value} is {target}. Uses {', '.join(map(str, chain.used))},"
    spare = list(numbers)
    for number in chain.used:
        if number not in spare:
            return f"{text} not all given. <verdict>Incorrect</verdict>"
        spare.remove(number)
    return f"{text} all given. <verdict>Correct</verdict>"


def drill_document(random: Random) -> Document:
    """Every step that an attempt can need, evenly; the loss is on the values."""
    steps: list[str] = []
    while len(steps) < 8:
        value, number = random.randint(1, LARGEST_VALUE), random.randint(SMALLEST_NUMBER, LARGEST_NUMBER)
        left, right = (value, number) if random.random() < 0.8 else (number, value)
        operator = random.choice("+-*/")
        if operator == "/" and (product := apply(left, "*", right)) is not None:
            left = product
        if (result := apply(left, operator, right)) is not None:
            steps.append(str(Step(left, operator, right, result)))
    return Document("drill", "", ", ".join(steps) + ".")


WORDS = files(__package__).joinpath("words.txt").read_text().split()


def words(random: Random, low: int, high: int) -> str:
    chosen = random.choices(WORDS, k=random.randint(low, high))
    return " ".join(chosen).capitalize() + random.choice((".", ".", "?", "!"))


def markup(random: Random, depth: int) -> str:
    name = random.choice(TAG_NAMES)
    if depth == 0 or random.random() < 0.4:
        inner = (
            words(random, 2, 9)
            if random.random() < 0.7
            else ", ".join(str(random.randint(0, LARGEST_VALUE)) for _ in range(random.randint(1, 6)))
        )
        return f"<{name}>{inner}</{name}>"
    return (
        f"<{name}>\n"
        + "\n".join(
            words(random, 2, 9) if random.random() < 0.3 else markup(random, depth - 1)
            for _ in range(random.randint(1, 4))
        )
        + f"\n</{name}>"
    )


def markup_document(random: Random) -> Document:
    """Nested tags around random words and numbers, up to the length of a long trace."""
    return Document("markup", "", "\n".join(markup(random, 3) for _ in range(random.randint(1, 5))))


WRITERS = {
    "attempt": attempt_document,
    "check": check_document,
    "drill": drill_document,
    "markup": markup_document,
}


def documents(seed: int) -> Iterator[Document]:
    """Endless documents; the same seed gives the same ones."""
    random = Random(seed)
    while True:
        yield WRITERS[random.choices(KINDS, KIND_WEIGHTS)[0]](random)
