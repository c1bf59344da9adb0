"""Read and evaluate the arithmetic expression that a model wrote, without `eval`, `ast` or recursion.

Two steps, each linear. `read` decides with one regular expression whether tokens follow one another as they do
in an expression. `value` walks the tokens once with exact integers and gives up at the first number that it
does not have. Nothing depends on the caller's stack, and no integer in the walk has more digits than the text
has characters, give or take one per token.

Understood: integers in ASCII digits (leading zeros change nothing), + - * /, parentheses, unary minus, white
space, the signs × · ÷ and the typographic minus and en dash, and one trailing `= integer`.
"""

import re
from collections.abc import Iterable

MAX_LENGTH = 512
"characters in a text"
MAX_TOKENS = 256
"numbers, operators and parentheses in an expression"

SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})
OPERAND = r"[\s(-]*+[0-9]++[\s)]*+"
SHAPE = re.compile(rf"({OPERAND}(?:[-+*/]{OPERAND})*+)(?:=\s*(-?\s*[0-9]+)\s*)?")
"which characters may follow which; nothing in it gives back what it took, so matching is linear"

Ratio = tuple[int, int]
"an exact rational: numerator and denominator, not reduced; the denominator is never 0"


class Unreadable(Exception):
    """The text is no expression; carries the reason of the grade: no_answer, too_long, limit or unparsable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(text: str) -> tuple[list[str], int | None]:
    """The tokens of an expression, and the integer after the equals sign if it has one."""
    if len(text) > MAX_LENGTH:
        raise Unreadable("too_long")
    shape = SHAPE.fullmatch(text if text.isascii() else text.translate(SIGNS))
    if shape is None:
        raise Unreadable("unparsable" if text.strip() else "no_answer")
    left, stated = shape.groups()
    spaced = left.replace("(", "( ").replace(")", " )").replace("+", " + ").replace("-", " - ")
    tokens = spaced.replace("*", " * ").replace("/", " / ").split()  # half the time of a regular expression
    if len(tokens) > MAX_TOKENS:
        raise Unreadable("limit")
    return tokens, None if stated is None else int("".join(stated.split()))


def value(tokens: list[str], numbers: Iterable[int]) -> Ratio | None:
    """What an expression is worth; None where it divides by zero or takes a number that is not left.

    Inside each pair of parentheses there is a sum so far and a product under way, over one common denominator.
    Three integers are all that precedence and exact division need: * grows the product, / grows the sum and
    the denominator, + and - add the product to the sum and start another. A unary minus turns the product's
    sign, wherever in the product it stands.
    """
    left = list(numbers)
    total, product, bottom, dividing = 0, 1, 1, False
    enclosing: list[tuple[int, int, int, bool]] = []
    operand_due = True
    for token in tokens:
        if token >= "0":  # a number: the operators and parentheses all sort before the digits
            number = int(token)
            if number not in left or (dividing and number == 0):
                break
            left.remove(number)
            if dividing:
                total, bottom = total * number, bottom * number
            else:
                product *= number
            operand_due = False
        elif token == "(":
            enclosing.append((total, product, bottom, dividing))
            total, product, bottom, dividing = 0, 1, 1, False
        elif token == ")":
            if not enclosing:
                break
            inner, under = total + product, bottom
            total, product, bottom, dividing = enclosing.pop()
            if dividing:
                if inner == 0:
                    break
                inner, under = under, inner
            total, product, bottom = total * under, product * inner, bottom * under
        elif operand_due:
            product = -product
        else:
            operand_due = True
            dividing = token == "/"
            if token == "+":
                total, product = total + product, bottom
            elif token == "-":
                total, product = total + product, -bottom
    else:
        if not enclosing:
            return total + product, bottom
    if not balanced(tokens):
        raise Unreadable("unparsable")
    return None


def balanced(tokens: list[str]) -> bool:
    """Whether every parenthesis has its partner."""
    depth = 0
    for token in tokens:
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0
