"""Compare two expressions exactly, without a computer algebra system, where they are simple enough.

Understood: numbers, variables, + - * /, fractions, square roots, powers with whole exponents, and powers of whole numbers
and of e. Such an expression is a quotient of polynomials (quotient.py): a/b equals c/d exactly when a*d - c*b has no terms
left. With the root of something that is no number, equal is still equal, but different is not certain. What is not
understood or not certain raises Unclear, and somebody else decides.

No recursion: the verdict may not depend on the stack of the caller.
"""

from collections.abc import Iterable, Sequence

from skillfactory_tasks.quotient import ONE, OPAQUE, POWER, ROOT, Polynomial, Quotient, Unclear, Work, constant

DIGITS = "0123456789"
RANK = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2, "neg": 2, "^": 4, "√": 5}
GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "phi", "rho", "sigma", "tau", "omega", "pi")


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


def same_equation(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two equations, as tokens with one = each, have the same solutions; Unclear where that cannot be said."""
    work = Work()
    sides = [read(side, work) for tokens in (a, b) for side in halves(tokens)]
    one, other = work.plus(sides[0], sides[1], -1), work.plus(sides[2], sides[3], -1)
    if constant(one[1]) is None or constant(other[1]) is None or not one[0] or not other[0]:
        raise Unclear
    first = next(iter(one[0]))
    p, q = one[0][first], other[0].get(first, 0)
    if one[0].keys() == other[0].keys() and all(c * q == other[0][m] * p for m, c in one[0].items()):
        return True
    if linear(one[0]) and linear(other[0]):
        return False
    raise Unclear


def linear(polynomial: Polynomial) -> bool:
    """A line or a plane with whole coefficients: another one that is not a multiple has other points."""
    plain = all(len(m) <= 1 and all(e == 1 and s[0] not in (ROOT, OPAQUE, POWER) for s, e in m) for m in polynomial)
    return plain and not symbols([polynomial]) & {"\\pi", "e"} and len(polynomial) > (() in polynomial)


def halves(tokens: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    if "=" not in tokens:
        raise Unclear  # \\= is an accent
    at = tokens.index("=")
    return tokens[:at], tokens[at + 1 :]
