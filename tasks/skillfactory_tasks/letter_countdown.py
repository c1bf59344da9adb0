"""Letter Countdown: an English word of at least N letters from the given letters, each at most once."""

from collections import Counter
from collections.abc import Mapping
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

LONGEST = 12
"letters of a word to find, at most: there are thousands of common words of each such length"


@attrs.frozen
class LetterCountdown(Task):
    """Problems are made from a common word and a few letters of another one, so each has a solution."""

    name = "letter_countdown"
    summary = "an English word of at least N letters from the given letters"
    answer_kind = "one English word"

    length: int = attrs.field(default=4, validator=whole(2, LONGEST))
    "letters that the word needs at least"
    extra: int = attrs.field(default=3, validator=whole(0, 12))
    "letters given beyond those of the word that the problem was made from"

    def make(self, random: Random) -> dict[str, Any]:
        solution = random.choice(common_words(self.length))
        letters = list(solution)
        while len(letters) < self.length + self.extra:
            letters.append(random.choice(random.choice(common_words(self.length))))  # as frequent as in words
        random.shuffle(letters)
        return {"letters": letters, "length": self.length, "solution": solution}

    def canonical(self, params: Mapping[str, Any]) -> str:
        letters, length = given(params)
        return f"{length} of {''.join(sorted(letters))}"

    def question(self, params: Mapping[str, Any]) -> str:
        letters, length = given(params)
        return (
            f"Find an English word of at least {length} letters that can be written with these letters: "
            f"{', '.join(letters)}. Each letter may be used at most once (as often as it is listed), in any order; "
            "not all of them have to be used. Names and abbreviations do not count."
        )

    def ships(self) -> Mapping[str, str]:
        return word_list()

    def reference(self, params: Mapping[str, Any]) -> str:
        return known_word(self, params)

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        word, reason = read_word(answer)
        if reason:
            return Grade(False, None if reason == "no_answer" else answer, reason)
        affordable = Counter(word) <= Counter("".join(params["letters"]).lower())
        right = affordable and is_word(word, params["length"])
        return Grade(right, answer, "ok" if right else "wrong")

    def solve(self, params: Mapping[str, Any]) -> str | None:
        return search(self, params, "".join(given(params)[0]))

    def trivial(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        letters, length = given(params)
        return {"all letters as given": "".join(letters), "the first of them": "".join(letters[:length])}

    def variants(self) -> "Mapping[str, LetterCountdown]":
        return {str(length): attrs.evolve(self, length=length) for length in (4, 5)}

    @property
    def variant(self) -> str:
        return str(self.length)


def given(params: Mapping[str, Any]) -> tuple[list[str], int]:
    """The letters and the length, or an error that says what is wrong with a problem from a user's file."""
    letters, length = params.get("letters"), params.get("length")
    every = list(letters) if isinstance(letters, str | list) else []
    if not every or any(not (isinstance(c, str) and len(c) == 1 and c.isascii() and c.isalpha()) for c in every):
        raise SkillFactoryError(f"letter_countdown problem: letters is {letters!r:.80}: give letters from a to z")
    if type(length) is not int or length < 2:
        raise SkillFactoryError(f"letter_countdown problem: length is {length!r:.80}: give a whole number from 2")
    return [letter.lower() for letter in every], length


@hookimpl
def register_tasks() -> list[Task]:
    return [LetterCountdown()]
