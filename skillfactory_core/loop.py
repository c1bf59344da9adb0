"""Loop: whether a text says one thing over and over, as models do that no longer get anywhere. Exact repeats, nothing else.

A loop is one unit, of a character or of some thousand, four times or more in a row, without a letter's difference. What a
person would call repetitive is none: attempts that begin alike, a list, a refrain, a line of dashes.
"""

REPEATS = 4
"units in a row, at least"
SHORTEST = 300
"characters of a loop, at least: a line of dashes or a long decimal is none"
LONGEST_UNIT = 4096
"characters of a unit, at most"
PROBE = 32
STEP = 128
"""A loop of SHORTEST characters has its unit at most a quarter as long, so that a probe every STEP characters finds it:
SHORTEST * 3/4 - PROBE is more than STEP."""
TRIES = 16
"places to compare for a probe: what bounds the work for a text that is made to cost much"


def loops(text: str) -> bool:
    """Whether the text holds a loop. Linear in its length."""
    for at in range(0, len(text) - PROBE, STEP):
        probe = text[at : at + PROBE]
        again = at
        for _ in range(TRIES):
            again = text.find(probe, again + 1, at + LONGEST_UNIT + PROBE)
            if again < 0:
                break
            if stretch(text, at, again - at) >= max(SHORTEST, REPEATS * (again - at)):
                return True
    return False


def stretch(text: str, at: int, unit: int) -> int:
    """How many characters around a place repeat with a unit of that length, as far as it matters."""
    most = max(SHORTEST, REPEATS * unit)
    after = alike(text[at : at + most], text[at + unit : at + unit + most])
    before = alike(text[max(0, at - most) : at][::-1], text[max(0, at + unit - most) : at + unit][::-1])
    return before + after + unit


def alike(one: str, other: str) -> int:
    """Length of the common beginning, by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low
