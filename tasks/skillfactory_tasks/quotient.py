"""Exact arithmetic with quotients of polynomials, whose symbols are variables, constants and roots of primes.

A symbol is a variable such as `x`, the constant `\\pi` or `e`, the square root of a prime or of -1 (`√2`, `√-1`), or a
power with a variable exponent (`^2:n` is 2 to the n). These are algebraically independent, but for the squares of roots,
which are replaced by their numbers, and as far as anybody knows `\\pi` and `e`: so a polynomial is zero exactly when it has no
terms. For the root of anything else a symbol stands that is not (`?…`). No limits of time: work is counted.
"""

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
ROOT, OPAQUE, POWER = "√", "?", "^"
ONE: Polynomial = {(): 1}


class Unclear(Exception):
    """Not decided here."""


class Work:
    """The arithmetic of quotients, with a count of what it costs."""

    def __init__(self) -> None:
        self.done = 0
        self.opaque: dict[tuple[tuple[tuple[Monomial, int], ...], ...], str] = {}
        "what stands for the root of what"

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
            return self.exponential(base, exponent)
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

    def exponential(self, base: Quotient, exponent: Quotient) -> Quotient:
        """A whole number or e to a polynomial: 6^(n+1) is 6 times 2^n times 3^n."""
        number, bottom = constant(base[0]), constant(exponent[1])
        if base[1] != ONE or bottom is None or any(coefficient % bottom for coefficient in exponent[0].values()):
            raise Unclear
        if base[0] == {(("e", 1),): 1}:
            factors = ["e"]
        elif number is not None and 1 < number <= MAX_RADICAND:
            factors = primes(number)
        else:
            raise Unclear
        result: Quotient = (ONE, ONE)
        for monomial, coefficient in exponent[0].items():
            times = coefficient // bottom
            if not monomial:
                result = self.times(result, self.power(base, ({(): times}, ONE)))
                continue
            if any(symbol[0] in (ROOT, OPAQUE, POWER) or symbol in ("e", "\\pi") for symbol, _ in monomial):
                raise Unclear  # e to the i pi
            for factor in factors:
                power: Polynomial = {((f"{POWER}{factor}:{monomial}", abs(times)),): 1}
                result = self.times(result, (power, ONE) if times > 0 else (ONE, power))
        return result

    def root(self, of: Quotient) -> Quotient:
        top, bottom = constant(of[0]), constant(of[1])
        if top is None or bottom is None:
            of_what = (tuple(sorted(of[0].items())), tuple(sorted(of[1].items())))
            symbol = self.opaque.setdefault(of_what, f"{OPAQUE}{len(self.opaque)}")
            return {((symbol, 1),): 1}, ONE
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


def square_root(radicand: int) -> tuple[int, Monomial]:
    """12 as 2 and the root of 3; -4 as 2 and the root of -1."""
    if abs(radicand) > MAX_RADICAND:
        raise Unclear
    roots = ["-1"] if radicand < 0 else []
    outside = 1
    for prime in primes(abs(radicand)):
        if prime in roots:
            roots.remove(prime)
            outside *= int(prime)
        else:
            roots.append(prime)
    return outside if radicand else 0, tuple(sorted((ROOT + root, 1) for root in roots))


@lru_cache(maxsize=1024)
def primes(number: int) -> list[str]:
    """The prime factors of a number, in order, as often as they divide it."""
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            number //= divisor
            found.append(str(divisor))
        divisor += 1
    return [*found, str(number)] if number > 1 else found
