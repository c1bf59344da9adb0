"""The dictionary, Letter Countdown and Acronym: the list itself, problems with a solution, and their errors."""

import time
from collections import Counter
from hashlib import sha256
from itertools import combinations, islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_tasks import acronym, dictionary, letter_countdown
from skillfactory_tasks.acronym import Acronym
from skillfactory_tasks.dictionary import common_words, words
from skillfactory_tasks.letter_countdown import LetterCountdown

LETTERS, INITIALS = LetterCountdown(), Acronym()
BOTH: list[Any] = [LETTERS, INITIALS]
A_TO_Z = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("word", ["spas", "asps", "real", "pass", "notes", "children", "colour", "color", "organise"])
def test_words_that_smaller_lists_lack_are_words(word: str) -> None:
    assert word in words()


@pytest.mark.parametrize("word", ["ssass", "realevate", "paris", "nasa", "cantt", "etc", "john's", "Real", ""])
def test_other_strings_are_not(word: str) -> None:
    assert word not in words()


def test_the_list_has_the_words_that_its_rules_give() -> None:
    assert len(words()) == 115_744
    common = {word for length in range(1, 46) for word in common_words(length)}
    assert len(common) == 63_723 and common < words()
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words())


def test_the_licence_notice_is_beside_the_list() -> None:
    notice = (dictionary.FILE.parent / "NOTICE").read_text(encoding="utf-8")
    assert "Kevin Atkinson" in notice and "Permission to use, copy, modify, distribute" in notice


def test_the_list_is_loaded_in_fifty_milliseconds_once() -> None:
    times = []
    for _ in range(10):
        dictionary.text.cache_clear()
        words.cache_clear()
        start = time.process_time()  # the machine may be busy
        loaded = words()
        times.append(time.process_time() - start)
    assert min(times) < 0.050
    assert words() is loaded


def test_a_changed_or_missing_list_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import gzip

    monkeypatch.setattr(dictionary, "FILE", tmp_path / "words.txt.gz")
    dictionary.text.cache_clear()
    try:
        with pytest.raises(SkillFactoryError, match=r"words\.txt\.gz cannot be read"):
            dictionary.text()
        dictionary.FILE.write_bytes(b"not packed")
        with pytest.raises(SkillFactoryError, match=r"cannot be read .* install skillfactory again"):
            dictionary.text()
        dictionary.FILE.write_bytes(gzip.compress(b"real\n\nlaser"))
        with pytest.raises(SkillFactoryError, match="is not the one that belongs here"):
            dictionary.text()
        assert sha256(b"real\n\nlaser").hexdigest() != dictionary.SHA256
    finally:
        dictionary.text.cache_clear()


@pytest.mark.parametrize("task", BOTH, ids=lambda task: task.name)
@pytest.mark.parametrize("length", range(2, 13))
def test_every_problem_has_a_solution_that_is_common(task: Any, length: int) -> None:
    import attrs

    task, random = attrs.evolve(task, length=length), Random(0)
    for _ in range(100):
        params = task.make(random)
        assert task.grade(params, params["solution"]).correct
        assert params["solution"] in common_words(length)
        given_things = params["letters" if task.name == "letter_countdown" else "words"]
        assert len(given_things) == length + task.extra
        assert task.reference(params) == params["solution"]


def test_the_words_of_an_acronym_problem_are_different() -> None:
    random = Random(0)
    for _ in range(200):
        listed = INITIALS.make(random)["words"]
        assert len(set(listed)) == len(listed)


def test_there_are_enough_words_for_the_initials_of_any_solution() -> None:
    rarest = Counter({letter: max(w.count(letter) for n in range(2, 13) for w in common_words(n)) for letter in "xzqj"})
    assert all(len(acronym.beginning_with(letter)) >= count for letter, count in rarest.items())
    assert all(acronym.beginning_with(letter) for letter in A_TO_Z)


def test_a_problem_without_a_stored_solution_is_solved_from_the_dictionary() -> None:
    for task in BOTH:
        params = task.make(Random(1))
        del params["solution"]
        assert task.grade(params, task.reference(params)).correct


def test_a_wrong_stored_solution_and_a_problem_without_solution_are_errors() -> None:
    with pytest.raises(SkillFactoryError, match="its solution 'zebra' is not right: remove it"):
        LETTERS.reference({"letters": ["a", "b"], "length": 2, "solution": "zebra"})
    with pytest.raises(SkillFactoryError, match="4 of xxzz: there is no solution"):
        LETTERS.reference({"letters": list("xzxz"), "length": 4})
    with pytest.raises(SkillFactoryError, match="its solution 'zebra' is not right: remove it"):
        INITIALS.reference({"words": ["ant", "bee"], "length": 2, "solution": "zebra"})
    with pytest.raises(SkillFactoryError, match="4 of zx: there is no solution"):
        INITIALS.reference({"words": ["zoo", "xenon"], "length": 4})


SOME = sorted(words())[::211]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SOME), st.text(A_TO_Z, max_size=5), st.randoms(use_true_random=False))
def test_a_word_can_be_written_with_its_own_letters_and_any_others(word: str, more: str, random: Random) -> None:
    letters = list(word + more)
    random.shuffle(letters)
    params = {"letters": letters, "length": min(len(word), 4)}
    assert LETTERS.grade(params, word).correct
    letters.remove(word[0])
    assert LETTERS.grade(params, word).correct == (word[0] in more)


@settings(max_examples=200, deadline=None)
@given(st.text("aenrst", min_size=3, max_size=7), st.text("aenrst", min_size=2, max_size=4))
def test_in_order_means_what_it_says(letters: str, word: str) -> None:
    chosen = {"".join(part) for part in combinations(letters, len(word))}
    params = {"words": [letter + "x" for letter in letters], "length": 2}
    assert INITIALS.grade(params, word).correct == (word in chosen and word in words())


def test_letters_in_another_order_are_the_same_problem_and_words_in_another_order_are_not() -> None:
    one, other = {"letters": list("real"), "length": 4}, {"letters": "LEAR", "length": 4}
    assert LETTERS.canonical(one) == LETTERS.canonical(other)
    assert LETTERS.canonical(one) != LETTERS.canonical({"letters": list("real"), "length": 3})
    one, other = {"words": ["ant", "bee"], "length": 2}, {"words": ["bee", "ant"], "length": 2}
    assert INITIALS.canonical(one) != INITIALS.canonical(other)
    assert INITIALS.canonical(one) == INITIALS.canonical({"words": ["apple", "bean"], "length": 2})


def test_the_questions_say_every_rule() -> None:
    question = LETTERS.question({"letters": list("laer"), "length": 4})
    assert all(part in question for part in ("at least 4 letters", "l, a, e, r", "at most once", "any order", "Names"))
    question = INITIALS.question({"words": ["ant", "bee", "cat"], "length": 2})
    assert all(part in question for part in ("at least 2 letters", "ant, bee, cat", "without changing their order"))


@pytest.mark.parametrize(
    ("task", "params"),
    [
        (LETTERS, {"length": 4}),
        (LETTERS, {"letters": [], "length": 4}),
        (LETTERS, {"letters": ["ab"], "length": 4}),
        (LETTERS, {"letters": ["é"], "length": 4}),
        (LETTERS, {"letters": [1], "length": 4}),
        (LETTERS, {"letters": "ab c", "length": 4}),
        (LETTERS, {"letters": "abc", "length": "4"}),
        (LETTERS, {"letters": "abc", "length": 1}),
        (INITIALS, {"length": 4}),
        (INITIALS, {"words": "ant bee", "length": 2}),
        (INITIALS, {"words": [], "length": 2}),
        (INITIALS, {"words": ["ant", ""], "length": 2}),
        (INITIALS, {"words": ["ant", 2], "length": 2}),
        (INITIALS, {"words": ["ant", "été"], "length": 2}),
        (INITIALS, {"words": ["ant", "bee"], "length": True}),
    ],
    ids=str,
)
def test_a_problem_that_makes_no_sense_is_an_error_when_it_is_loaded(task: Task, params: dict[str, Any]) -> None:
    for read in (task.canonical, task.question, task.reference):
        with pytest.raises(SkillFactoryError, match=rf"^{task.name} problem: (letters|words|length) is "):
            read(params)


@pytest.mark.parametrize("task", [LetterCountdown, Acronym])
@pytest.mark.parametrize(
    "options", [{"length": 1}, {"length": 13}, {"length": "4"}, {"extra": -1}, {"extra": 21}], ids=str
)
def test_a_bad_option_is_named_in_one_line(task: Any, options: dict[str, Any]) -> None:
    with pytest.raises(SkillFactoryError, match=rf"^task '{task.name}': \w+ is .*: give a whole number from "):
        task(**options)


@pytest.mark.parametrize("task", BOTH, ids=lambda task: task.name)
def test_the_variants_ask_for_four_and_five_letters(task: Any) -> None:
    assert {name: one.length for name, one in task.variants().items()} == {"4": 4, "5": 5}
    assert all(one.variant == name for name, one in task.variants().items())


@pytest.mark.parametrize("task", BOTH, ids=lambda task: task.name)
def test_the_splits_hold_different_problems_and_a_seed_gives_the_same_ones(task: Any) -> None:
    splits = {split: [p.hash for p in islice(task.problems(0, split), 40)] for split in ("train", "rl", "evaluation")}
    assert len({digest for hashes in splits.values() for digest in hashes}) == 120
    assert splits["train"] == [p.hash for p in islice(task.problems(0, "train"), 40)]


def test_the_plugins_register_their_tasks() -> None:
    assert letter_countdown.register_tasks() == [LETTERS]
    assert acronym.register_tasks() == [INITIALS]
