"""Decide whether two mathematical answers mean the same: by spelling, by exact numbers, by algebra, and by sympy last.

An answer is read as a structure first: a point, interval or matrix has parts in order; a set or a list of solutions has
parts in any order. Structures of different kinds are different; the parts are compared one by one. Only parts that
nothing cheap and exact can decide go to the symbolic workers.
"""

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

import attrs

from skillfactory_tasks import algebra, intervals, latex, symbolic
from skillfactory_tasks.quotient import Unclear

MATRIX = re.compile(r"\\begin\s?\{[pb]?matrix\}(.*)\\end\s?\{[pb]?matrix\}")
RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|in|cup|cap|setminus|subset|to)(?![A-Za-z])")
NAMED = re.compile(r"(?:[A-Za-z](?:_[A-Za-z0-9])?|\\[a-z]+|[A-Za-z]\s?\([A-Za-z]\))\s?(?:=|\\in(?![A-Za-z]))\s?(?=\S)")
"'x =' or 'f(x) =' before an answer"
INDEX = re.compile(r"\{[^{}]*\}")
LETTERS = re.compile(r"[A-Za-z .,'-]{2,}")
INFINITY = (["\\infty"], ["+", "\\infty"], ["-", "\\infty"])
FUNCTION = re.compile(rf"\\?(?:{latex.FUNCTIONS})")
SCALAR, SET, WHOLE = "scalar", "set", "whole"


@attrs.frozen(slots=False)
class Part:
    """One expression of an answer, cleaned."""

    text: str

    @cached_property
    def tokens(self) -> list[str]:
        return latex.tokens(self.text)

    @cached_property
    def number(self) -> latex.Ratio | None:
        return latex.literal(self.text)

    @cached_property
    def equation(self) -> bool:
        """It has an equals sign outside braces, where sums have theirs."""
        return "=" in self.text and "=" in INDEX.sub("", self.text)

    def unnamed(self) -> "Part":
        """Without 'x ='."""
        return Part(NAMED.sub("", self.text, count=1)) if NAMED.match(self.text) else self


@attrs.frozen
class Reading:
    """An answer taken apart."""

    text: str
    "cleaned"
    kind: str
    "scalar, set, a pair of brackets, a matrix's shape, or whole: a relation, which is not taken apart"
    parts: tuple[Part, ...]
    problem: str
    "why it cannot be compared: unparsable or limit; '' if it can"
    words: bool
    "it is text and no mathematics"


@lru_cache(maxsize=8192)
def read(answer: str) -> Reading:
    """Take an answer of at most latex.MAX_LENGTH characters apart."""
    text = latex.clean(answer)
    if latex.literal(text) is not None:
        return Reading(text, SCALAR, (Part(text),), "", False)
    problem = latex.broken_limit(latex.tokens(text)) if text else "unparsable"
    words = bool(latex.WORD.search(text)) or (r"\text{" in answer and LETTERS.fullmatch(text) is not None)
    if problem or words:
        return Reading(text, WHOLE, (), problem, words)
    kind, parts = taken_apart(text)
    return Reading(text, kind, tuple(Part(part) for part in parts), "", False)


def taken_apart(text: str) -> tuple[str, list[str]]:
    """The kind of a cleaned text and the texts of its parts."""
    text = re.sub(r"^[A-Za-z]\s?\\in(?![A-Za-z])\s?", "", text)
    matrix = MATRIX.fullmatch(text)
    if matrix is not None:
        rows = [row.split("&") for row in matrix[1].strip().removesuffix("\\\\").split("\\\\")]
        return f"matrix {[len(row) for row in rows]}", [entry.strip() for row in rows for entry in row]
    if RELATION.search(text):
        return WHOLE, [text]
    opening = next((mark for mark in ("(", "[", r"\{") if text.startswith(mark)), "")
    closing = next((mark for mark in (")", "]", r"\}") if text.endswith(mark)), "")
    if opening and closing and (opening == r"\{") == (closing == r"\}"):
        inner = text[len(opening) : -len(closing)]
        parts = split(inner)
        if parts is not None:
            if len(parts) == 1 and opening == "(" and closing == ")":
                return taken_apart(inner.strip()) if len(text) > 2 else (WHOLE, [text])
            return SET if opening == r"\{" else opening + closing, parts
    parts = [alternative for part in split(text) or [text] for alternative in both_signs(part)]
    return (SCALAR if len(parts) == 1 else SET), parts


def split(text: str) -> list[str] | None:
    """The parts between commas outside all brackets; None where brackets close that were not opened."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif character == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def both_signs(text: str) -> list[str]:
    """Plus-minus written out."""
    if text.count(r"\pm") != 1:
        return [text]
    return [text.replace(r"\pm", sign).strip().removeprefix("+").strip() for sign in "+-"]


def compare(gold: str, answer: str, deadline: float) -> str:
    """The reason of the grade."""
    right, given = read(gold), read(answer)
    if given.problem:
        return given.problem
    if right.words or given.words:
        if right.words and plain(right.text) == plain(given.text):
            return "ok"
        return "wrong" if right.words else "unparsable"
    if right.text == given.text or latex.tokens(right.text) == latex.tokens(given.text):
        return "ok"
    if right.kind != given.kind and SET in (right.kind, given.kind):
        right, given = as_list(right), as_list(given)  # 5,100 is a number beside a number and a list beside a list
    if WHOLE in (right.kind, given.kind):
        if right.kind == SCALAR and "=" not in right.text:
            return "wrong"
        unions = intervals.union(right.text), intervals.union(given.text)
        if None not in unions:
            return "ok" if unions[0] == unions[1] else "wrong"
        return symbolic.compare((right.text,), (given.text,), deadline)
    if right.kind != given.kind or len(right.parts) != len(given.parts):
        return "wrong"
    open_parts = matched(right.parts, given.parts) if right.kind == SET else paired(right.parts, given.parts)
    if open_parts is None:
        return "wrong"
    golds, answers = open_parts
    return symbolic.compare(texts(golds), texts(answers), deadline, right.kind == SET) if golds else "ok"


def plain(text: str) -> str:
    return "".join(text.casefold().split()).strip(".,'\"")


def as_list(reading: Reading) -> Reading:
    parts = split(reading.text) or []
    if reading.kind != SCALAR or len(parts) < 2:
        return reading
    return Reading(reading.text, SET, tuple(Part(part) for part in parts), "", False)


def texts(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(part.text for part in parts)


Undecided = tuple[list[Part], list[Part]]


def paired(golds: Sequence[Part], answers: Sequence[Part]) -> Undecided | None:
    """The pairs that nothing here can decide; None if some pair differs."""
    open_golds, open_answers = [], []
    for gold, answer in zip(golds, answers, strict=True):
        verdict = same(gold, answer)
        if verdict is False:
            return None
        if verdict is None:
            open_golds.append(gold)
            open_answers.append(answer)
    return open_golds, open_answers


def matched(golds: Sequence[Part], answers: Sequence[Part]) -> Undecided | None:
    """What is left when equal parts are crossed out; None if some part is different from all that are left."""
    open_golds, left = [], list(answers)
    for gold in golds:
        twin = next((answer for answer in left if same(gold, answer)), None)
        if twin is None:
            open_golds.append(gold)
        else:
            left.remove(twin)
    if any(all(same(gold, answer) is False for answer in left) for gold in open_golds):
        return None
    return open_golds, left


def same(gold: Part, answer: Part) -> bool | None:
    """Whether two expressions are the same; None if that takes more than algebra."""
    if gold.tokens == answer.tokens:
        return True
    equations = gold.equation + answer.equation
    if equations == 1:
        gold, answer = gold.unnamed(), answer.unnamed()
        if gold.equation or answer.equation:
            return False
    if gold.number is not None:
        if answer.number is not None:
            return gold.number[0] * answer.number[1] == answer.number[0] * gold.number[1]
        if gold.number[0] % gold.number[1] == 0:
            return False
    if gold.tokens in INFINITY or answer.tokens in INFINITY:
        return gold.text.lstrip("+ ") == answer.text.lstrip("+ ")
    if based(gold) or based(answer) or (":" in gold.text) != (":" in answer.text):
        return False
    try:
        if equations == 2:
            return algebra.same_equation(gold.tokens, answer.tokens)
        return algebra.equal(gold.tokens, answer.tokens)
    except Unclear:
        return None


def based(part: Part) -> bool:
    """Whether a number has an index, as in 101_2: readers of LaTeX drop it, so only its spelling counts."""
    return any(token == "_" and part.tokens[at - 1][0] in latex.DIGITS for at, token in enumerate(part.tokens) if at)
