"""The rules of Countdown a second time, in the most obvious way: recursive descent over Fractions.

Slow, and recursive, so for short texts only. Shared by the tests and the fuzzer.
"""

import re
from fractions import Fraction

SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"}


class NotAnExpression(Exception):
    pass


class Parser:
    """expression: product {(+|-) product}; product: factor {(*|/) factor}; factor: -factor, (expression), integer."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"[0-9]+|\S", text)
        self.divides_by_zero = False

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, *wanted: str) -> str:
        if self.peek() in wanted:
            return self.tokens.pop(0)
        return ""

    def expression(self) -> Fraction:
        result = self.product()
        while operator := self.take("+", "-"):
            operand = self.product()
            result = result + operand if operator == "+" else result - operand
        return result

    def product(self) -> Fraction:
        result = self.factor()
        while operator := self.take("*", "/"):
            operand = self.factor()
            if operator == "*":
                result *= operand
            elif operand == 0:
                self.divides_by_zero = True
            else:
                result /= operand
        return result

    def factor(self) -> Fraction:
        if self.take("-"):
            return -self.factor()
        if self.take("("):
            result = self.expression()
            if not self.take(")"):
                raise NotAnExpression
            return result
        return Fraction(self.integer())

    def integer(self) -> int:
        if not re.fullmatch("[0-9]+", self.peek()):
            raise NotAnExpression
        return int(self.tokens.pop(0))


def oracle(numbers: list[int], target: int, text: str) -> str:
    """ok, wrong, unparsable or no_answer; lengths are not its business."""
    for sign, meaning in SIGNS.items():
        text = text.replace(sign, meaning)
    if not text.strip():
        return "no_answer"
    stated = target
    parser = Parser(text)
    try:
        value = parser.expression()
        if parser.take("="):
            sign = -1 if parser.take("-") else 1
            stated = sign * parser.integer()
        if parser.tokens:
            raise NotAnExpression
    except NotAnExpression:
        return "unparsable"
    used = integers_before_equals(text)
    affordable = all(used.count(n) <= numbers.count(n) for n in used)
    right = affordable and not parser.divides_by_zero and value == target == stated
    return "ok" if right else "wrong"


def integers_before_equals(text: str) -> list[int]:
    return [int(digits) for digits in re.findall("[0-9]+", text.partition("=")[0])]
