"""Read the LaTeX, or the plain text, of a mathematical answer: one spelling for each thing, its tokens, and its number.

Everything here is linear, because it meets any text that a model may write.
"""

import re
from collections.abc import Iterator, Sequence

from skillfactory_tasks.wrapping import BOLD, BOX, DOLLARS, LEAD, QUOTES, unwrap

MAX_LENGTH = 4096
"characters in an answer"
MAX_NESTING = 64
MAX_TOKENS = 512
MAX_DIGITS = 256
"in one number"
MAX_EXPONENT = 10_000
MAX_FACTORIAL = 10_000

Ratio = tuple[int, int]
"an exact rational: numerator and denominator, not reduced; the denominator is positive"

WRAPPINGS = (*BOLD, *DOLLARS, *BOX, *QUOTES)
SYMBOLS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "×": "*", "·": "*", "÷": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ",
        "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∈": r"\in ", "√": r"\sqrt ", "°": "", "±": r"\pm ", "²": "^2", "³": "^3",
        "\N{NO-BREAK SPACE}": " ",
    }
)  # fmt: skip
TEXT = r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox|operatorname)\s?"
END = r"(?![A-Za-z])"
FUNCTIONS = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi|max|min|gcd|lcm"
ARGUMENT = rf"((?!\\(?:frac|sqrt))\\[A-Za-z]+{END}|[A-Za-z0-9])"
"one that stands without braces"
SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (r"\{,\}|,\\!|(?<=[0-9])\\,(?=[0-9]{3})", ","),
        (r"\\(?:left|right)\s?\.(?![0-9])", " "),
        (rf"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits){END}|(?<!\\)\\[,;:! ]|~|\\q?quad{END}", " "),
        (r"\\[dtc]frac", r"\\frac"),
        (rf"\\(?:leq|leqslant){END}", r"\\le "),
        (rf"\\(?:geq|geqslant){END}", r"\\ge "),
        (rf"\\lt{END}", "<"),
        (rf"\\gt{END}", ">"),
        (rf"\\(?:neq){END}", r"\\ne "),
        (rf"\\[lr]?[vV]ert{END}|\\mid{END}", "|"),
        (rf"\\lbrace{END}", r"\\{"),
        (rf"\\rbrace{END}", r"\\}"),
        (rf"\\(?:cdot|times|ast){END}", "*"),
        (rf"\\div{END}", "/"),
        (r"\*\*", "^"),
        (r"\^\s?\{?\s?\\circ\s?\}?|\\degree|\\?%|\\?\$", " "),
        (rf"{TEXT}\{{\s?(?:and|or)\s?\}}|\b(?:and|or)\b", ","),
        (
            rf"(?<=[0-9A-Za-z)}}\]])\s?{TEXT}\{{\s?[A-Za-z][A-Za-z .,/]*\}}\s?(?:\^\s?\{{?\s?[0-9]\s?\}}?)?\s?\.?\s?$",
            "",
        ),
        (rf"{TEXT}\{{([^{{}}]*)\}}", r" \1 "),
        (rf"(?<![\\A-Za-z])({FUNCTIONS}){END}", r"\\\1 "),
        (r"\\sqrt\s?\(([^(){}]*)\)", r"\\sqrt{\1}"),
        (rf"(\\(?!sqrt|pi)(?:{FUNCTIONS}))\s?\(([0-9]+|[A-Za-z])\)\s?(?=[-+,=)}}\]]|$)", r"\1 \2"),
        (rf"(?<![\\A-Za-z])(?:infinity|inf){END}", r"\\infty "),
        (rf"\\(frac|sqrt)\s?{ARGUMENT}", r"\\\1{\2}"),
        (rf"(\\frac\s?\{{[^{{}}]*\}})\s?{ARGUMENT}", r"\1{\2}"),
        (r"([\^_])\s?\{\s?([A-Za-z]|[0-9]+)\s?\}", r"\1\2 "),
        (r",[\s,]*,", ","),
    )
)
"pattern -> what it means; the order matters"
PLAIN = re.compile(r"[-+]?[0-9]*\.?[0-9]*")

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|\S", re.DOTALL)
DIGITS = "0123456789"
OPENING, CLOSING = ("{", "(", "[", r"\{"), ("}", ")", "]", r"\}")
WORD = re.compile(r"(?<![\\A-Za-z])(?![pbvV]?matrix\b)[A-Za-z]{4,}")

UNIT = re.compile(
    r"(?<=[0-9}])\s?(?:(?:square|cubic|sq|cu|cm|mm|km|mi|ft|kg|lbs?|oz|ml|mph|inch|inches|foot|feet|yards?|miles?|units?|"
    r"(?:centi|milli|kilo)?met(?:er|re)s?|degrees?|deg|radians?|rad|dollars?|cents?|percent|hours?|hrs?|minutes?|seconds?|"
    r"days?|weeks?|months?|years?|people|students|ways|(?:kilo|milli)?grams?|pounds?|ounces?|lit(?:er|re)s?|gallons?)\b"
    r"\.?\s?(?:\^\s?[23]\s?)?)+$"
)
"units in plain text after a number; single letters may be variables, so they are none"
WHOLE = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9])|[0-9]++)"
FRACTION = re.compile(
    rf"(?P<sign>[-+]?)\s?(?:(?P<mixed>[0-9]++)\s?)?\\frac\s?\{{\s?(?P<top>[-+]?\s?{WHOLE})\s?\}}\s?\{{\s?(?P<bottom>[-+]?\s?{WHOLE})\s?\}}"
    rf"|(?P<sign2>[-+]?)\s?(?:(?P<mixed2>[0-9]++)\s)?(?P<top2>{WHOLE})\s?/\s?(?P<bottom2>[-+]?{WHOLE})"
)
DECIMAL = re.compile(
    rf"(?P<sign>[-+]?)\s?(?P<whole>{WHOLE})?(?:\.(?P<decimals>[0-9]*+)(?:\\overline\s?\{{(?P<repeated>[0-9]++)\}})?)?"
    r"(?:\s?\*\s?10\s?\^\s?\{?\s?(?P<power>[-+]?[0-9]{1,3})\s?\}?)?"
)


def clean(text: str) -> str:
    """The text in one spelling; what comes out is meant to be compared and read by the functions below."""
    text = unwrap(text, WRAPPINGS)
    lead = LEAD.match(text)
    if lead is not None and lead.end() < len(text):
        text = unwrap(text[lead.end() :], WRAPPINGS)
    if PLAIN.fullmatch(text):
        return text
    if not text.isascii():
        text = text.translate(SYMBOLS)
    text = " ".join(text.split())
    for pattern, meaning in SPELLINGS:
        text = pattern.sub(meaning, text)
    text = " ".join(text.split())
    return UNIT.sub("", text).strip()


def tokens(text: str) -> list[str]:
    """Commands, numbers and single characters."""
    return TOKEN.findall(text)


def literal(text: str) -> Ratio | None:
    """The number that a cleaned text writes: integer, decimal, fraction, mixed number, or a power of ten of those."""
    found = FRACTION.fullmatch(text)
    if found is not None:
        sign, mixed, top, bottom = (
            found[name] or found[f"{name}2"] or "" for name in ("sign", "mixed", "top", "bottom")
        )
        numerator, denominator = number(top), number(bottom)
        if denominator == 0 or (mixed and (numerator < 0 or denominator < 0)):
            return None
        numerator += int(mixed or "0") * denominator
        if (sign == "-") != (denominator < 0):
            numerator = -numerator
        return numerator, abs(denominator)
    found = DECIMAL.fullmatch(text)
    if found is None:
        return None
    decimals, repeated, power = found["decimals"] or "", found["repeated"] or "", int(found["power"] or "0")
    digits = (found["whole"] or "").replace(",", "") + decimals
    if not digits + repeated:
        return None
    numerator, denominator = int(digits or "0"), 10 ** len(decimals)
    if repeated:
        nines = 10 ** len(repeated) - 1
        numerator, denominator = numerator * nines + int(repeated), denominator * nines
    numerator, denominator = numerator * 10 ** max(power, 0), denominator * 10 ** max(-power, 0)
    return -numerator if found["sign"] == "-" else numerator, denominator


def number(digits: str) -> int:
    return int(digits.replace(",", "").replace(" ", ""))


def broken_limit(found: Sequence[str]) -> str:
    """'' for tokens that are safe to hand on, else the reason: unparsable (brackets) or limit."""
    depth = 0
    exponents: list[int] = []
    "how deep each exponent that is open began"
    for at, token in enumerate(found):
        if token in OPENING:
            depth += 1
        elif token in CLOSING:
            depth -= 1
            if depth < 0:
                return "unparsable"
            while exponents and exponents[-1] > depth:
                exponents.pop()
        elif token == "^":
            if (exponents or "^" in found[max(at - 2, 0) : at]) and numeric_exponent(found, at):
                return "limit"
            exponents.append(depth + 1)
            after = found[at + 1] if at + 1 < len(found) else ""
            if after not in OPENING:
                exponents.pop()
        elif token == "!" and at and found[at - 1][0] in DIGITS and float(found[at - 1][:9]) > MAX_FACTORIAL:
            return "limit"
        if depth > MAX_NESTING or (len(token) > MAX_DIGITS and token[-1] in DIGITS):
            return "limit"
    if large_exponent(found) or len(found) > MAX_TOKENS:
        return "limit"
    return "unparsable" if depth else ""


def numeric_exponent(found: Sequence[str], at: int) -> bool:
    """Whether a power within an exponent is one of numbers: a tower that nobody can compute."""
    return at > 0 and (found[at - 1][0] in DIGITS or found[at - 1] in CLOSING)


def large_exponent(found: Sequence[str]) -> bool:
    """Whether some number is raised to more than MAX_EXPONENT."""
    for base, hat, *rest in windows(found, 5):
        digits = next((token for token in rest if token not in ("{", "-", "(")), "")
        if (
            hat == "^"
            and (base[0] in DIGITS or base in CLOSING)
            and digits[:1] in DIGITS
            and len(digits.partition(".")[0]) > 4
        ):
            return float(digits[:20]) > MAX_EXPONENT
    return False


def windows(found: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(len(found) - 1):
        yield found[at : at + size]
