"""Compare two expressions exactly, without a computer algebra system, where they are simple enough.

Understood: numbers, variables, + - * /, powers with whole exponents, fractions and square roots. Such an expression
is a quotient of two polynomials in its variables, in pi and in the square roots of primes (and of -1), where the square
of a root is replaced by its number. These roots are linearly independent, so that two quotients are equal exactly when
a/b and c/d give the polynomial a*d - c*b with no terms left. For the root of anything else a new symbol stands: equal
is then still equal, but different is not certain. What is not understood raises Unclear, and somebody else decides.

No recursion: the verdict may not depend on the stack of the caller. No limits of time: work is counted.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

Monomial = tuple[tuple[str, int], ...]
"(symbol, exponent) pairs in the order of their symbols"
Polynomial = dict[Monomial, int]
Quotient = tuple[Polynomial, Polynomial]

MAX_WORK = 6_000
"products of terms for one comparison: ten milliseconds"
MAX_EXPONENT = 40
MAX_BITS = 20_000
MAX_RADICAND = 10**6
DIGITS = "0123456789"
ROOT, OPAQUE = "√", "?"
ONE: Polynomial = {(): 1}
RANK = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2, "neg": 2, "^": 4, "√": 5}
GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "phi", "rho", "sigma", "tau", "omega", "pi")


class Unclear(Exception):
    """Not decided here."""


class Work:
    """The arithmetic of quotients, with a count of what it costs."""

    def __init__(self) -> None:
        self.done = 0

    def product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        self.done += len(a) * len(b)
        if self.done > MAX_WORK:
            raise Unclear
        result: Polynomial = {}
        for left, p in a.items():
            for right, q in b.items():
                monomial, factor = joined(left, right) if left and right else (left or right, 1)
                result[monomial] = result.get(monomial, 0) + p * q * factor
        if any(abs(coefficient).bit_length() > MAX_BITS for coefficient in result.values()):
            raise Unclear
        return {monomial: coefficient for monomial, coefficient in result.items() if coefficient}

    def times(self, a: Quotient, b: Quotient) -> Quotient:
        return self.product(a[0], b[0]), self.product(a[1], b[1])

    def over(self, a: Quotient, b: Quotient) -> Quotient:
        if not b[0]:
            raise Unclear
        return self.times(a, (b[1], b[0]))

    def plus(self, a: Quotient, b: Quotient, sign: int = 1) -> Quotient:
        if a[1] == b[1]:
            return combined(a[0], b[0], sign), a[1]
        return combined(self.product(a[0], b[1]), self.product(b[0], a[1]), sign), self.product(a[1], b[1])

    def power(self, base: Quotient, exponent: Quotient) -> Quotient:
        top, bottom = constant(exponent[0]), constant(exponent[1])
        if top is None or bottom is None:
            raise Unclear
        if top % bottom:
            if 2 * top == bottom:
                return self.root(base)
            raise Unclear
        times = top // bottom
        if abs(times) > MAX_EXPONENT or (times <= 0 and not base[0]):
            raise Unclear
        result: Quotient = (ONE, ONE)
        for _ in range(abs(times)):
            result = self.times(result, base)
        return result if times >= 0 else (result[1], result[0])

    def root(self, of: Quotient) -> Quotient:
        top, bottom = constant(of[0]), constant(of[1])
        if top is None or bottom is None:
            return {((OPAQUE + repr((sorted(of[0].items()), sorted(of[1].items()))), 1),): 1}, ONE
        outside, symbols = square_root(top * bottom)
        return {symbols: outside} if outside else {}, {(): abs(bottom)}

    def apply(self, operator: str, values: list[Quotient]) -> None:
        """Replace the operands on top of the stack by their result."""
        if len(values) < (1 if operator in ("neg", "√") else 2):
            raise Unclear
        b = values.pop()
        if operator == "neg":
            values.append(({monomial: -coefficient for monomial, coefficient in b[0].items()}, b[1]))
        elif operator == "√":
            values.append(self.root(b))
        else:
            a = values.pop()
            if operator in "+-":
                values.append(self.plus(a, b, 1 if operator == "+" else -1))
            else:
                values.append({"*": self.times, "/": self.over, "^": self.power}[operator](a, b))


def constant(polynomial: Polynomial) -> int | None:
    """The integer that a polynomial is, None if it is none."""
    if not polynomial:
        return 0
    return polynomial.get(()) if len(polynomial) == 1 else None


def combined(a: Polynomial, b: Polynomial, sign: int) -> Polynomial:
    result = dict(a)
    for monomial, coefficient in b.items():
        result[monomial] = result.get(monomial, 0) + sign * coefficient
    return {monomial: coefficient for monomial, coefficient in result.items() if coefficient}


def joined(left: Monomial, right: Monomial) -> tuple[Monomial, int]:
    """The product of two monomials, and the number that squares of roots become."""
    exponents = dict(left)
    factor = 1
    for symbol, exponent in right:
        exponent += exponents.get(symbol, 0)
        if symbol[0] == ROOT and exponent > 1:
            factor *= int(symbol[1:]) ** (exponent // 2)
            exponent %= 2
        exponents[symbol] = exponent
    return tuple(sorted((symbol, exponent) for symbol, exponent in exponents.items() if exponent)), factor


@lru_cache(maxsize=1024)
def square_root(radicand: int) -> tuple[int, Monomial]:
    """12 as 2 and the root of 3; -4 as 2 and the root of -1."""
    if abs(radicand) > MAX_RADICAND:
        raise Unclear
    roots = ["-1"] if radicand < 0 else []
    rest, outside, divisor = abs(radicand), 1, 2
    while divisor * divisor <= rest:
        while rest % (divisor * divisor) == 0:
            rest //= divisor * divisor
            outside *= divisor
        if rest % divisor == 0:
            rest //= divisor
            roots.append(str(divisor))
        divisor += 1
    if rest > 1:
        roots.append(str(rest))
    return outside if radicand else 0, tuple(sorted((ROOT + root, 1) for root in roots))


def flat(tokens: Sequence[str]) -> list[str]:
    """LaTeX tokens as one line with parentheses: `\\frac{a}{b}` is ((a)/(b))."""
    result: list[str] = []
    fractions: list[int] = []
    "arguments that each open fraction still expects"
    groups: list[bool] = []
    "whether each open brace is an argument of a fraction"
    due = False
    for at, token in enumerate(tokens):
        if due and token != "{":
            raise Unclear
        if token == "\\frac":
            if at and tokens[at - 1][0] in DIGITS:
                raise Unclear  # 3\frac{1}{2} may be a mixed number
            result.append("(")
            fractions.append(2)
            due = True
        elif token == "{":
            result.append("(")
            groups.append(due)
            due = False
        elif token == "}":
            if not groups:
                raise Unclear
            result.append(")")
            if groups.pop():
                fractions[-1] -= 1
                due = fractions[-1] == 1
                result.append("/" if due else ")")
                if not due:
                    fractions.pop()
        elif token == "_":
            if not at or not tokens[at - 1].isalpha() or at + 1 == len(tokens) or not tokens[at + 1].isalnum():
                raise Unclear
        elif at and tokens[at - 1] == "_":
            result[-1] += f"_{token}"
        else:
            result.append(ROOT if token == "\\sqrt" else token)
    return result


def read(tokens: Sequence[str], work: Work) -> Quotient:
    """The value of an expression, by two stacks."""
    values: list[Quotient] = []
    operators: list[str] = []

    def reduce(rank: int) -> None:
        while operators and RANK[operators[-1]] >= rank:
            work.apply(operators.pop(), values)

    operand_due = True
    before = ""
    for token in flat(tokens):
        is_value = (token[-1].isalnum() and (token[0].isalnum() or token[0] == ".")) or token[1:] in GREEK
        if not operand_due and (is_value or token in ("(", ROOT)):
            if token[0] in DIGITS or token[0] == "." or "/" in operators[-1:]:
                raise Unclear  # x2, or 1/2x
            reduce(RANK["*"])
            operators.append("*")
            operand_due = True
        if is_value:
            values.append(value(token))
            operand_due = False
        elif token in ("(", ROOT):
            operators.append(token)
        elif token == ")":
            if operand_due:
                raise Unclear
            reduce(1)
            if not operators:
                raise Unclear
            operators.pop()
        elif token in ("+", "-") and operand_due:
            if before in ("*", "/"):
                raise Unclear
            operators.extend(["neg"] if token == "-" else [])
        elif token in ("+", "-", "*", "/", "^") and not operand_due:
            reduce(RANK[token] + (token == "^"))
            operators.append(token)
            operand_due = True
        else:
            raise Unclear
        before = token
    reduce(1)
    if operand_due or operators or len(values) != 1:
        raise Unclear
    return values[0]


def value(token: str) -> Quotient:
    if token[0] not in DIGITS and token[0] != ".":
        if not token.isascii():
            raise Unclear
        return {((f"{ROOT}-1" if token == "i" else token, 1),): 1}, ONE
    whole, _, decimals = token.partition(".")
    number = int(whole + decimals)
    return {(): number} if number else {}, {(): 10 ** len(decimals)}


def symbols(polynomials: Iterable[Polynomial]) -> set[str]:
    return {symbol for polynomial in polynomials for monomial in polynomial for symbol, _ in monomial}


def equal(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two expressions, as tokens, are the same quotient; Unclear where that cannot be said."""
    work = Work()
    one, other = read(a, work), read(b, work)
    difference, _ = work.plus(one, other, -1)
    if not difference:
        return True
    there = symbols((*one, *other))
    if any(symbol[0] == OPAQUE for symbol in there) or {"e", "\\pi"} <= there:
        raise Unclear
    return False


def proportional(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two equations, as tokens with one = each, are the same up to a constant factor; else Unclear."""
    work = Work()
    sides = [read(side, work) for tokens in (a, b) for side in halves(tokens)]
    one, other = work.plus(sides[0], sides[1], -1), work.plus(sides[2], sides[3], -1)
    if constant(one[1]) is None or constant(other[1]) is None or one[0].keys() != other[0].keys() or not one[0]:
        raise Unclear
    first = next(iter(one[0]))
    p, q = one[0][first], other[0][first]
    if any(coefficient * q != other[0][monomial] * p for monomial, coefficient in one[0].items()):
        raise Unclear
    return True


def halves(tokens: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    at = list(tokens).index("=")
    return tokens[:at], tokens[at + 1 :]
