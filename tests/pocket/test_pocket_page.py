"""The page about pocket says what the corpus and the training loop do."""

import re
from itertools import islice
from pathlib import Path

from skillfactory_pocket.corpus import acronym, letter_countdown, lexicon, multiplication, word_problems
from skillfactory_pocket.corpus.mixture import documents
from skillfactory_pocket.pretrain import Recipe

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "pocket.md").read_text(encoding="utf-8")
SAID = " ".join(PAGE.split())


def test_the_texts_on_the_page_are_of_the_corpus() -> None:
    (shown,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    texts = [(document.prompt, document.completion) for document in islice(documents(0), 100)]
    assert all(tuple(text.strip().split("\n")) in texts for text in shown.split("\n\n"))


def test_the_page_says_how_long_the_rows_of_training_are() -> None:
    first, *long = Recipe().phases
    short, middle = first.rows
    assert f"in rows of {short} tokens, those that are too long for that in rows of {middle}," in SAID
    assert all(phase.rows == (1536,) for phase in long) and "have rows of 1,536 tokens" in SAID
    assert f"Its last {sum(phase.steps for phase in long):,} steps" in SAID
    assert [phase.last for phase in Recipe().phases] == [False, False, True]
    assert f"Both are read in the last {long[-1].steps} steps." in SAID


def test_the_page_says_how_often_a_slip_is_made_and_how_many_words_are_known() -> None:
    slips = {
        multiplication.FORGETS,
        word_problems.MISREADS,
        1 - letter_countdown.SOLVED_SHARE,
        1 - acronym.SOLVED_SHARE,
    }
    assert "three or four choices of ten" in SAID and all(0.3 <= round(slip, 2) <= 0.4 for slip in slips)
    assert f"knows {sum(lexicon.KNOWN.values()):,} words" in SAID
