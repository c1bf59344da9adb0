"""The mixture: which documents pretraining reads, and how many of each."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from skillfactory_pocket.corpus import (
    acronym,
    arithmetic,
    copying,
    countdown,
    exercise,
    letter_countdown,
    lexicon,
    markup,
    multiplication,
    word_problems,
    worksheet,
)
from skillfactory_pocket.corpus.document import Document

Writer = Callable[[Random], Document]
WEIGHTS: Mapping[Writer, int] = {
    countdown.attempt: 20,
    countdown.check: 28,
    multiplication.attempt: 6,
    multiplication.check: 7,
    letter_countdown.attempt: 5,
    letter_countdown.check: 6,
    acronym.attempt: 5,
    acronym.check: 5,
    word_problems.attempt: 6,
    word_problems.check: 7,
    arithmetic.drill_document: 6,
    multiplication.drill: 4,
    lexicon.drill: 7,
    lexicon.list_of_words: 2,
    markup.markup_document: 2,
    worksheet.worksheet: 24,
}
"documents of each kind, out of the sum"
LAST_WEIGHTS: Mapping[Writer, int] = {
    **WEIGHTS,
    worksheet.summed_up: 40,
    exercise.exercise: 40,
    copying.copying: 40,
}
"the same in the last phase, with what looks far back in its own reply"


def documents(seed: int, weighted: Mapping[Writer, int] = WEIGHTS) -> Iterator[Document]:
    """Endless documents; the same seed gives the same ones."""
    random = Random(seed)
    writers, weights = list(weighted), list(weighted.values())
    while True:
        yield random.choices(writers, weights)[0](random)
