"""Acronym: an English word of at least N letters spelled by the initials of some of the given words, in order."""

from collections.abc import Iterable, Mapping
from functools import cache
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_tasks.dictionary import common_words, word_list
from skillfactory_tasks.option import whole
from skillfactory_tasks.word_answer import is_word, known_word, read_word, search

LISTED = range(4, 9)
"letters of the words that a problem lists"


@cache
def beginning_with(letter: str) -> tuple[str, ...]:
    return tuple(word for length in LISTED for word in common_words(length) if word[0] == letter)


@cache
def listed_words() -> tuple[str, ...]:
    return tuple(word for length in LISTED for word in common_words(length))


@attrs.frozen
class Acronym(Task):
    """Problems are made from a common word: a word for each of its letters, with others in between."""

    name = "acronym"
    summary = "initials of some of the given words, in order, that spell an English word of at least N letters"
    answer_kind = "one English word"

    length: int = attrs.field(default=4, validator=whole(2, 12))
    "letters that the acronym needs at least"
    extra: int = attrs.field(default=4, validator=whole(0, 20))
    "words given beyond those that the problem was made from"

    def make(self, random: Random) -> dict[str, Any]:
        solution = random.choice(common_words(self.length))
        chosen: list[str] = []
        for letter in solution:
            chosen.append(another(random, beginning_with(letter), chosen))
        for _ in range(self.extra):
            chosen.insert(random.randint(0, len(chosen)), another(random, listed_words(), chosen))
        return {"words": chosen, "length": self.length, "solution": solution}

    def canonical(self, params: Mapping[str, Any]) -> str:
        """The initials: two lists with the same initials have the same answers."""
        listed, length = given(params)
        return f"{length} of {initials(listed)}"

    def question(self, params: Mapping[str, Any]) -> str:
        listed, length = given(params)
        return (
            f"Here are {len(listed)} words: {', '.join(listed)}. Choose some of them, without changing their order, so "
            f"that their first letters spell an English word of at least {length} letters. Each word may be used once. "
            "Names and abbreviations do not count. Give the word that the first letters spell."
        )

    def ships(self) -> Mapping[str, str]:
        return word_list()

    def reference(self, params: Mapping[str, Any]) -> str:
        return known_word(self, params)

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        word, reason = read_word(answer)
        if reason:
            return Grade(False, None if reason == "no_answer" else answer, reason)
        right = in_order(word, initials(params["words"])) and is_word(word, params["length"])
        return Grade(right, answer, "ok" if right else "wrong")

    def solve(self, params: Mapping[str, Any]) -> str | None:
        return search(self, params, initials(given(params)[0]))

    def trivial(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        listed, length = given(params)
        return {
            "all initials": initials(listed),
            "the first of them": initials(listed[:length]),
            "a given word": listed[0],
        }

    def variants(self) -> "Mapping[str, Acronym]":
        return {str(length): attrs.evolve(self, length=length) for length in (4, 5)}

    @property
    def variant(self) -> str:
        return str(self.length)


def another(random: Random, candidates: tuple[str, ...], chosen: list[str]) -> str:
    """A word that is not among the chosen ones; the rarest initial, x, has enough for any solution."""
    while (word := random.choice(candidates)) in chosen:
        pass
    return word


def initials(listed: Iterable[str]) -> str:
    return "".join(word[0] for word in listed).lower()


def in_order(word: str, letters: str) -> bool:
    """Whether the word is left when some of the letters are crossed out."""
    rest = iter(letters)
    return all(letter in rest for letter in word)


def given(params: Mapping[str, Any]) -> tuple[list[str], int]:
    """The words and the length, or an error that says what is wrong with a problem from a user's file."""
    listed, length = params.get("words"), params.get("length")
    if not isinstance(listed, list) or not listed or any(not isinstance(w, str) or not w.strip() for w in listed):
        raise SkillFactoryError(f"acronym problem: words is {listed!r:.80}: give a list of words")
    if any(not (word[0].isascii() and word[0].isalpha()) for word in listed):
        raise SkillFactoryError(f"acronym problem: words is {listed!r:.80}: each begins with a letter from a to z")
    if type(length) is not int or length < 2:
        raise SkillFactoryError(f"acronym problem: length is {length!r:.80}: give a whole number from 2")
    return listed, length


@hookimpl
def register_tasks() -> list[Task]:
    return [Acronym()]
