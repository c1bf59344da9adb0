"""Read the one number that an answer in words holds: 'The answer is $29.00 per day.' is 29, exactly.

There has to be exactly one: an integer, perhaps in groups of three, a decimal, or a fraction a/b. Words, currency
signs, a percent sign and what models wrap answers in may stand around it; anything that would make it another
number may not: a further digit in any script, an operator, an exponent, a number in words, 'not', 'at least'.
"""

import re

from skillfactory_core.attempt import Grade
from skillfactory_tasks.wrapping import BOLD, BOX, DOLLARS, QUOTES, TEXT, unwrap

MAX_LENGTH = 512
"characters in an answer"

Ratio = tuple[int, int]
"an exact rational: numerator and denominator, not reduced; the denominator is positive"

WRAPPINGS = (*BOLD, *DOLLARS, *BOX, *TEXT, *QUOTES, ("(", ")"))
WHOLE = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9])|[0-9]++)"
NUMBER = re.compile(
    r"(?:(?P<sign>[-+])(?P<gap>\s?))?(?P<currency>[$€£¥₹]\s?)?(?P<inner>-?)"
    rf"(?:(?P<top>[0-9]++)\s?/\s?(?P<bottom>[0-9]++)(?!\.[0-9])|(?P<whole>{WHOLE})(?P<decimals>\.[0-9]++)?|(?P<part>\.[0-9]++))"
)
LATEX = (
    (re.compile(r"\\[dt]?frac\s?\{\s?([0-9]+)\s?\}\s?\{\s?([0-9]+)\s?\}"), r" \1/\2 "),
    (re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf|mbox)\s?\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\{,\}|,\\!"), ","),
    (re.compile(r"\^\s?\{?\s?\\circ\s?\}?"), "°"),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"\\[,;! ]|~"), " "),
)
"what LaTeX writes around and in numbers, and what it means; no other command is understood"

BEFORE = re.compile(r"(?:[A-Za-z\s,.:;'\"$€£¥₹]|(?<=[A-Za-z])-(?=[A-Za-z]))*+(?:=\s*)?")
AFTER = re.compile(r"\s?%?(?:(?:-|/\s?)(?=[A-Za-z]{2}))?(?:[A-Za-z\s,.:;'\"°$€£¥₹]|(?<=[A-Za-z])[-/](?=[A-Za-z]))*+")
PLAIN = re.compile(r"[^\\{}~]*+")
STARS = re.compile(r"(?<![0-9])\*\*|\*\*(?![0-9])")
"bold, not a power"
ASIDE = re.compile(r"(?<![A-Za-z0-9])\([A-Za-z][A-Za-z ]*\)")
"'(in dollars)'"
NOT_UNITS = re.compile(r"(?:[kmbxe]|st|nd|rd|th|bn|mn)(?![A-Za-z])", re.IGNORECASE | re.ASCII)
"letters that, written to a number, change it"
SYMBOL = re.compile(r"(?:^|[^A-Za-z])[A-Za-z][\s,.:;]*$")
"a single letter right before the number: 'x 5' and 'x -5' are no 'x = 5'"

REFUSED = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|\w*hundred\w*|thousand\w*|million\w*|billion\w*|trillion\w*|dozens?|half|halves|thirds?|quarter|fourths?"
    r"|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|k|bn|mn|squared|cubed|factorial|root|sqrt|power|pi|infinity|unknown"
    r"|not|never|isn|nor|or|than|least|most)\b",
    re.IGNORECASE | re.ASCII,
)
"words that make another number of it, or no claim"
REFUSED_BEFORE = re.compile(
    r"\b(?:about|approx\w*|around|roughly|nearly|almost|over|under|above|below|minus|negative|plus|times)\b",
    re.IGNORECASE | re.ASCII,
)


def read_number(text: str) -> Ratio | None:
    """The number in a text of at most MAX_LENGTH characters; None where there is not exactly one."""
    text = unwrap(text, WRAPPINGS).removeprefix("####")
    if "**" in text and text.count("**") % 2 == 0:
        text = STARS.sub("", text)
    if not PLAIN.fullmatch(text):
        for pattern, meaning in LATEX:
            text = pattern.sub(meaning, text)
    text = ASIDE.sub(" ", text.replace("\N{MINUS SIGN}", "-").strip())
    found = NUMBER.search(text)
    return ratio(found) if found and fits(text[: found.start()], found, text[found.end() :]) else None


def grade_number(answer: str, wanted: Ratio | None) -> Grade:
    """Whether the one number in an answer is the one that is wanted; nothing is, where that is None."""
    if len(answer) > MAX_LENGTH:
        return Grade(False, answer, "too_long")
    found = read_number(answer)
    if found is None:
        return Grade(False, answer, "unparsable") if answer.strip() else Grade(False, None, "no_answer")
    right = wanted is not None and found[0] * wanted[1] == wanted[0] * found[1]
    return Grade(right, answer, "ok" if right else "wrong")


def fits(before: str, found: re.Match[str], after: str) -> bool:
    """Whether nothing around a number makes it another one."""
    signed = bool(found["sign"])
    if (signed and found["inner"]) or not BEFORE.fullmatch(before) or not AFTER.fullmatch(after):
        return False
    stripped = before.rstrip()
    if stripped and signed and (found["gap"] or before == stripped) and stripped[-1] not in "=:":
        return False
    if before[-1:] == "." or (before[-1:].isalpha() and not found["currency"]):
        return False
    if NOT_UNITS.match(after) or (stripped[-1:] != "=" and SYMBOL.search(before)):
        return False
    return not (REFUSED.search(before) or REFUSED_BEFORE.search(before) or REFUSED.search(after))


def ratio(found: re.Match[str]) -> Ratio | None:
    """What a match is worth."""
    sign = -1 if "-" in (found["sign"], found["inner"]) else 1
    if found["top"]:
        top, bottom = int(found["top"]), int(found["bottom"])
        return (sign * top, bottom) if bottom else None
    decimals = (found["decimals"] or found["part"] or "")[1:]
    return sign * int((found["whole"] or "").replace(",", "") + decimals), 10 ** len(decimals)
