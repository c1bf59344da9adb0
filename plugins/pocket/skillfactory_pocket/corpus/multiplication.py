"""Multiplication: attempts on paper, row by row, that often forget to carry; checks that cast out nines and elevens.

A row multiplies the first factor by one digit of the second and adds the rows before it: of each step the last
digit stays and the others are carried. A check computes the remainders of both factors and of the answer,
digit by digit: it never multiplies on paper, and sees every slip that changes a remainder by 9 or by 11.
"""

from random import Random

import attrs

from skillfactory_pocket.corpus.document import PROMPTS, Document, attempt_document, check_document, verdict

TASK = "multiplication"
DIGITS = (2, 2, 2, 3, 3, 4)
FORGETS = 0.4
"how often an attempt forgets to carry in a row; less would be cut away by top-p 0.8 at temperature 0.7"


@attrs.frozen
class Row:
    """One digit of the second factor: its steps as text, and the total so far."""

    steps: tuple[str, ...]
    total: int


def digit(number: int, place: int) -> int:
    """Of a number, the digit for 10 to that power."""
    return int(f"{number:0{place + 1}}"[-1 - place])


def make_row(a: int, times: int, place: int, total: int, forgets: bool) -> Row:
    """Add `a * times`, moved by `place` digits, to the total; one that forgets carries nothing but the last."""
    steps = []
    low, carry = total % 10**place, 0
    for i in range(len(str(a))):
        kept = 0 if forgets else carry
        product, before = digit(a, i) * times, digit(total, place + i)
        value = product + kept + before
        steps.append(f"{times} * {digit(a, i)} = {product} + {kept} + {before} = {value}")
        low += value % 10 * 10 ** (place + i)
        carry = value // 10
    return Row(tuple(steps), low + carry * 10 ** (place + len(str(a))))


def make_rows(random: Random, a: int, b: int, forgets: float) -> list[Row]:
    rows: list[Row] = []
    for place in range(len(str(b))):
        total = rows[-1].total if rows else 0
        rows.append(make_row(a, digit(b, place), place, total, random.random() < forgets))
    return rows


def make_factors(random: Random) -> tuple[int, int]:
    digits = random.choice(DIGITS)
    low, high = 10 ** (digits - 1), 10**digits - 1
    return random.randint(low, high), random.randint(low, high)


def question(a: int, b: int) -> str:
    return PROMPTS.question(TASK, {"a": a, "b": b}, "")


def opening(style: str, random: Random, a: int, b: int) -> str:
    if style == "plan_and_execute":
        return f"Plan: {len(str(b))} rows. "
    if style == "alternatively":
        pair = [f"{digit(b, 0)} * {digit(a, 0)}"]
        pair.insert(random.randrange(2), f"{digit(b, random.randrange(2))} * {digit(a, 1)}")
        return f"Start {pair[0]}, alternatively {pair[1]}. "
    return f"From {a}, {b} reach {a} by {b}. " if style == "rephrase" else ""


def write_attempt(rows: list[Row], first: str) -> str:
    text = " ".join(f"{', '.join(row.steps)}: {row.total}." for row in rows)
    return f"{first}{text} <answer>{rows[-1].total}</answer>"


def attempt(random: Random) -> Document:
    a, b = make_factors(random)
    prompt = random.choice(PROMPTS.attempts)
    text = write_attempt(make_rows(random, a, b, FORGETS), opening(prompt.name, random, a, b))
    return attempt_document(TASK, prompt, question(a, b), text)


def check(random: Random) -> Document:
    """Half of the attempts are right; some wrong ones have one digit changed, at the end or on the way."""
    a, b = make_factors(random)
    rows = make_rows(random, a, b, 0 if random.random() < 0.45 else FORGETS)
    if random.random() < 0.15:
        at = len(rows) - 1 if random.random() < 0.8 else random.randrange(len(rows))
        rows[at] = attrs.evolve(rows[at], total=another(random, rows[at].total))
    first = opening(random.choice(PROMPTS.attempts).name, random, a, b)
    text = write_check(a, b, rows[-1].total)
    return check_document(random, TASK, question(a, b), write_attempt(rows, first), f"{a} by {b}", text)


def another(random: Random, number: int) -> int:
    """The number with one other digit, or two of them swapped."""
    digits = list(f"{number:02}")
    at = random.randrange(1, len(digits))
    if random.random() < 0.2:
        digits[at - 1], digits[at] = digits[at], digits[at - 1]
    else:
        digits[at] = random.choice("0123456789")
    return int("".join(digits))


def remainders(number: int) -> tuple[str, int, int]:
    """'digit:by nine:by eleven' for each first part of the number, and the last two remainders."""
    parts, nine, eleven = [], 0, 0
    for text in str(number):
        nine, eleven = (nine + int(text)) % 9, (int(text) - eleven) % 11
        parts.append(f"{text}:{nine}:{eleven}")
    return ", ".join(parts), nine, eleven


def write_check(a: int, b: int, answer: int) -> str:
    first, nine_a, eleven_a = remainders(a)
    second, nine_b, eleven_b = remainders(b)
    third, nine, eleven = remainders(answer)
    nines, elevens = nine_a * nine_b, eleven_a * eleven_b
    text = f"{first}; {second}; {nine_a} * {nine_b} = {nines}:{nines % 9}, {eleven_a} * {eleven_b} = {elevens}:{elevens % 11}; {third}."
    for wanted, found in ((nines % 9, nine), (elevens % 11, eleven)):
        if wanted != found:
            return f"{text} {wanted} is not {found}. {verdict(False)}"
        text += f" {wanted} is {found}."
    return f"{text} {verdict(True)}"


def drill(random: Random) -> Document:
    """Single steps of a row, evenly."""
    steps = []
    for _ in range(6):
        times, number, kept, before = (random.randrange(10) for _ in range(4))
        product = times * number
        steps.append(f"{times} * {number} = {product} + {kept} + {before} = {product + kept + before}")
    return Document("drill", "", "", ", ".join(steps) + ".", learned_after=" = ")
