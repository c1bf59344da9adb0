"""What the scorers of reasoning-gym 0.1.25 do with an answer, as read in their sources, and what is done here with each.

A scorer of which nothing is said here is plain: it reads numbers, JSON or moves, compares, and evaluates nothing. It runs in
a worker all the same, with limits of time and memory.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

LEFT_OUT = {"composite": "it puts other datasets together and has no problems of its own"}
"datasets that are no task here, and why"

COMPARED = {
    "ab": "compares",
    "binary_matrix": "eval() of the answer, for a score of 0.1 at most",
    "circuit_logic": "compares",
    "emoji_mystery": "compares",
    "game_of_life_halting": "bool() of the answer, so any text is right",
    "self_reference": "compares",
    "spiral_matrix": "eval() of the answer, for a score of 0.1 at most",
    "string_insertion": "eval() of the answer, for a score of 0.1 at most",
}
"scorers that are not called: they give 1 to the reference alone (or ought to), so the answer is compared with it; what they do"

LISTED = {"n_queens": "eval() of the answer, for a score of 0.5 at most"}
"the same with several right answers, which the entry lists"

ARITHMETIC = re.compile(r"(?:[0-9+\-/() ]|(?<!\*)\*(?!\*))*+")
"no powers"
POLYNOMIAL = re.compile(
    r"(?:[0-9+\-/() ]|(?<!\*)\*(?!\*)|\*\* ?[0-9]{1,2}(?![0-9])(?! ?\*\*)|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))*+"
)
"powers of two digits"
FUNCTION = r"(?:sin|cos|tan|sec|csc|cot|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|exp|log|ln|sqrt|Abs|pi)"
CALCULUS = re.compile(rf"(?:[0-9+\-*/() ]|(?<=[0-9])\.(?=[0-9])|(?<![A-Za-z])(?:{FUNCTION}|[A-Za-z])(?![A-Za-z]))*+")
HEXADECIMAL = re.compile(r"(?:0x[0-9a-f]+|[-+*&|^~<>() ]|(?<![0-9a-z])[0-9]+(?![0-9a-z]))*+")
NUMBERS = re.compile(r"\[(?:'-?[0-9]++(?:\.[0-9]++)?'(?:, (?='))?)*+\]")
ENTRIES = {"bitwise_arithmetic": HEXADECIMAL, "number_sorting": NUMBERS, "polynomial_multiplication": POLYNOMIAL}
"what the evaluated text of an entry looks like; CALCULUS for the others"
LONGEST = 2_000
"characters of an expression"


@attrs.frozen
class Guard:
    """What may go to a scorer that evaluates text: numbers, operators and known names."""

    what: str
    "what the scorer evaluates, and how"
    answer: re.Pattern[str] | None
    "what an answer has to look like; None: it is not evaluated"
    entry: Callable[[Mapping[str, Any]], str] = lambda entry: ""
    "the text of the entry that is evaluated, too: problems may come from a user's file"


def integrand(entry: Mapping[str, Any]) -> str:
    return str(entry["metadata"]["integrand"])


PARSED = "sympy.parse_expr, which is eval(), of the answer"
GUARDED = {
    "bitwise_arithmetic": Guard("eval() of the problem", None, lambda entry: str(entry["metadata"]["problem"])),
    "countdown": Guard(PARSED, ARITHMETIC),
    "intermediate_integration": Guard(PARSED, CALCULUS, integrand),
    "number_sorting": Guard(
        "eval() of the reference, a list in Python's form", None, lambda entry: str(entry["answer"])
    ),
    "polynomial_multiplication": Guard(PARSED, POLYNOMIAL, lambda entry: str(entry["answer"])),
    "puzzle24": Guard(PARSED, ARITHMETIC),
    "simple_integration": Guard(PARSED, CALCULUS, integrand),
}
"scorers that evaluate text: it is looked at first, and evaluated in a worker"


@attrs.frozen
class Stricter:
    """What has to hold beside a score of 1."""

    why: str
    "what gets a score of 1, and should not"
    what: str
    "what is asked for here"
    holds: Callable[[Mapping[str, Any], str], bool]
    "of an entry and an answer that scored 1"


def close(entry: Mapping[str, Any], answer: str) -> bool:
    """Whether a probability is the right one, as closely as the scorer wants it."""
    from fractions import Fraction

    return abs(Fraction(answer.replace(",", "")) - Fraction(entry["answer"])) <= Fraction(1, 10_000)


def same_letters(entry: Mapping[str, Any], answer: str) -> bool:
    """Whether a word is the right one, but for case and spaces."""
    reference: str = entry["answer"]
    return answer.replace(" ", "").lower() == reference.strip().lower()


def same_numbers(entry: Mapping[str, Any], answer: str) -> bool:
    """Whether an expression has exactly the numbers of the problem."""
    return sorted(map(int, re.findall("[0-9]{1,9}", answer))) == sorted(entry["metadata"]["numbers"])


STRICTER = {
    "coin_flip": Stricter(
        "0, for any number that begins with it", "the number has to be as close as the scorer says", close
    ),
    "complex_arithmetic": Stricter("nan", "a number", lambda entry, answer: "nan" not in answer.lower()),
    "figlet_font": Stricter("ten right letters, whatever follows", "the word alone", same_letters),
    "puzzle24": Stricter("any four numbers of the range that make 24", "those of the problem", same_numbers),
}
"scorers that give 1 to answers which are plainly wrong, so that more is asked for"

LOOSE = {
    "fraction_simplification": "the first fraction in the answer counts, whatever stands beside it",
    "gsm_symbolic": "the first number in the answer counts, whatever stands beside it",
    "kakurasu": "every 0 and 1 of a line counts, whatever stands beside them",
    "knights_knaves": "what follows a name and a kind is not looked at",
    "letter_jumble": "words after the last one that was asked for are not looked at",
    "number_sorting": "each number may be off by 1",
    "propositional_logic": "where the premises contradict each other, everything follows",
    "quantum_lock": "every A, B and C in the answer counts as a button, whatever stands between them",
    "rush_hour": "every move in the answer counts, whatever stands between them",
    "sokoban": "every letter of a move counts, whatever stands between them",
    "time_intervals": "what follows the number of days is not looked at",
}
"scorers that take some answers which are not quite right: their score is the truth here"


def readable(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether the evaluated part of an entry is what it should be."""
    guard = GUARDED.get(name)
    if guard is None:
        return True
    text = guard.entry(entry)
    return ENTRIES.get(name, CALCULUS).fullmatch(text) is not None
