"""Pocket is an honest base: its corpus holds attempts and checks, never a second attempt at a problem, never a trace."""

import re
from itertools import islice
from random import Random

import pytest

from skillfactory_core import registry
from skillfactory_core.prompts import PromptSet
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task
from skillfactory_pocket.corpus import copying, countdown, exercise, lexicon, multiplication, word_problems, worksheet
from skillfactory_pocket.corpus.arithmetic import LARGEST_VALUE, apply
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.corpus.mixture import LAST_WEIGHTS, documents
from skillfactory_pocket.pretrain import Recipe
from skillfactory_pocket.tokenizer import build_tokenizer
from skillfactory_tasks.acronym import Acronym
from skillfactory_tasks.countdown import Countdown
from skillfactory_tasks.letter_countdown import LetterCountdown
from skillfactory_tasks.multiplication import Multiplication
from skillfactory_tasks.word_problems import SENTENCES, WordProblems

TASKS: dict[str, Task] = {
    task.name: task for task in (Countdown(), Multiplication(), LetterCountdown(), Acronym(), WordProblems())
}


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    """Of the last phase, which reads all that the others read."""
    return list(islice(documents(123, LAST_WEIGHTS), 12_000))


@pytest.fixture(scope="module")
def tags() -> TagFormat:
    found: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    return found


def asked(document: Document) -> dict[str, object]:
    """The problem that a document's prompt asks for, read from its words alone."""
    text = document.prompt
    if document.task == "countdown":
        target, *numbers = map(int, re.findall(r"\d+", text.split(".")[0]))
        return {"numbers": numbers, "target": target}
    if document.task == "multiplication":
        a, b = map(int, re.findall(r"\d+", text.split(".")[0]))
        return {"a": a, "b": b}
    length, _, listed = re.fullmatch(r"Spell (\d) (\w+) from ([a-z, ]+)\..*", text, re.DOTALL).groups()  # type: ignore[union-attr]
    return {"length": int(length), "letters" if "letters" in text.split(".")[0] else "words": listed.split(", ")}


def read_story(text: str) -> dict[str, object]:
    """A word problem from its sentences, by the task's own templates."""
    name, thing = re.match(r"(\w+) has \d+ (?:boxes with \d+ )?(\w+)", text).groups()  # type: ignore[union-attr]
    patterns = {
        kind: re.compile(re.escape(template.format(name=name, thing=thing, a="#a#", b="#b#")).replace(r"\#", "#"))
        for kind, template in (SENTENCES["starts"] | SENTENCES["events"]).items()
    }
    story = []
    for sentence in re.findall(r"[^.?]+[.?]", text.split(" How many")[0]):
        for kind, pattern in patterns.items():
            shape = pattern.pattern.replace("#a#", r"(?P<a>\d+)").replace("#b#", r"(?P<b>\d+)")
            if found := re.fullmatch(shape, sentence.strip()):
                story.append([kind, *(int(found[key]) for key in ("a", "b") if key in found.groupdict())])
    return {"name": name, "thing": thing, "story": story}


def params_of(document: Document) -> dict[str, object]:
    return read_story(document.prompt) if document.task == "word_problems" else asked(document)


def test_the_corpus_holds_an_attempt_and_a_check_of_every_task_and_every_kind(corpus: list[Document]) -> None:
    pairs = {(document.kind, document.task) for document in corpus}
    about_none = {(kind, "") for kind in ("drill", "markup", "worksheet", "exercise", "copying")}
    assert pairs == {(kind, task) for kind in ("attempt", "check") for task in TASKS} | about_none


def test_an_attempt_document_holds_one_answer_and_no_verdict(corpus: list[Document], tags: TagFormat) -> None:
    for document in (d for d in corpus if d.kind == "attempt"):
        assert f"<{tags.answer}>" not in document.prompt and f"<{tags.verdict}>" not in document.prompt
        assert document.completion.count(f"<{tags.answer}>") == 1
        assert f"<{tags.verdict}>" not in document.completion
        assert document.completion.endswith(f"</{tags.answer}>"), "nothing follows the answer"


def test_a_check_document_shows_one_attempt_and_one_verdict(corpus: list[Document], tags: TagFormat) -> None:
    for document in (d for d in corpus if d.kind == "check"):
        assert document.prompt.count(f"<{tags.answer}>") == 1
        assert document.completion.count(f"<{tags.verdict}>") == 1
        assert f"<{tags.answer}>" not in document.completion, "a check proposes no other answer"
        assert document.completion.endswith(f"</{tags.verdict}>"), "nothing follows the verdict"


def test_a_document_is_about_one_problem_and_asks_once(corpus: list[Document]) -> None:
    for document in (d for d in corpus if d.kind not in ("worksheet", "exercise")):
        questions = re.findall(r"\b(?:Make \d|Multiply \d|Spell \d|How many)", document.prompt + document.completion)
        assert len(questions) == (1 if document.task else 0), document


def test_no_document_contains_a_try_or_reads_as_a_trace(corpus: list[Document], tags: TagFormat) -> None:
    for document in corpus:
        text = document.prompt + document.completion
        parsed = tags.parse(document.completion)
        assert not parsed.well_formed
        if document.kind in ("worksheet", "exercise", "copying"):
            continue
        assert all(found.answer is None for found in parsed.tries), "markup never wraps an attempt"
        assert all(found.verdict is None for found in parsed.tries), "markup never wraps a check"
        assert text.count(f"</{tags.answer}>") + text.count(f"</{tags.verdict}>") <= 2


def test_no_document_has_a_glue_phrase(corpus: list[Document]) -> None:
    prompts: PromptSet = registry.find(registry.PROMPTS, "pocket")
    for bank, phrases in prompts.phrases.items():
        for document in corpus:
            text = document.prompt + document.completion
            assert not [p for p in phrases if p.text.strip() in text], (bank, document)


def test_drills_and_markup_hold_neither_answers_nor_verdicts(corpus: list[Document], tags: TagFormat) -> None:
    markup = [d.completion for d in corpus if d.kind == "markup"]
    assert any(f"<{tags.attempt}>" in text for text in markup)
    for document in (d for d in corpus if d.kind in ("drill", "markup")):
        assert document.prompt == ""
        assert f"<{tags.answer}>" not in document.completion
        assert f"<{tags.verdict}>" not in document.completion


@pytest.mark.parametrize("name", TASKS)
def test_verdicts_in_the_corpus_are_true(corpus: list[Document], tags: TagFormat, name: str) -> None:
    # Casting out nines and elevens misses a slip of a multiple of 99: those verdicts are of what can be seen.
    seen = {True: 0, False: 0}
    for document in (d for d in corpus if d.kind == "check" and d.task == name):
        answer = tags.extract(document.prompt, final=False)
        assert answer is not None
        params = params_of(document)
        truth, claimed = TASKS[name].grade(params, answer).correct, tags.read_verdict(document.completion)
        if name == "multiplication" and truth != claimed:
            assert claimed and (int(answer) - params["a"] * params["b"]) % 99 == 0  # type: ignore[operator]
            continue
        assert claimed == truth, document
        seen[truth] += 1
    assert min(seen.values()) > 0.25 * sum(seen.values()), seen


def test_the_slips_of_multiplication_that_a_check_misses_are_few() -> None:
    random = Random(5)
    missed = wrong = 0
    for _ in range(3000):
        a, b = multiplication.make_factors(random)
        answer = multiplication.make_rows(random, a, b, multiplication.FORGETS)[-1].total
        if answer != a * b:
            wrong += 1
            missed += (answer - a * b) % 99 == 0
    assert wrong > 1000 and missed / wrong < 0.02


@pytest.mark.parametrize("name", ["countdown", "multiplication", "letter_countdown", "acronym", "word_problems"])
def test_attempts_in_the_corpus_are_right_now_and_then_and_wrong_now_and_then(
    corpus: list[Document], tags: TagFormat, name: str
) -> None:
    grades = []
    for document in (d for d in corpus if d.kind == "attempt" and d.task == name):
        answer = tags.extract(document.completion, final=False)
        assert answer is not None
        grades.append(TASKS[name].grade(params_of(document), answer).correct)
    assert 0.1 < sum(grades) / len(grades) < 0.85, sum(grades) / len(grades)


def test_arithmetic_in_what_the_model_learns_is_right(corpus: list[Document]) -> None:
    for document in corpus:
        for left, operator, right, value in re.findall(r"(?<!\+ )\b(\d+) ([-+*/]) (\d+) = (\d+)", document.completion):
            computed = int(left) * int(right) if operator == "*" else apply(int(left), operator, int(right))
            assert computed == int(value), document
            assert int(value) <= LARGEST_VALUE
        for product, kept, before, value in re.findall(r"(\d+) \+ (\d+) \+ (\d+) = (\d+)", document.completion):
            assert int(product) + int(kept) + int(before) == int(value)


def test_an_attempt_at_countdown_ends_where_the_target_is_reached_or_no_number_is_left(corpus: list[Document]) -> None:
    ends = set()
    for document in (d for d in corpus if d.kind == "attempt" and d.task == "countdown"):
        params = params_of(document)
        numbers, target = params["numbers"], params["target"]
        assert isinstance(numbers, list)
        steps = re.findall(r"\d+ [-+*/] \d+ = (\d+)(?:: ([\d, ]+))?", document.completion)
        for place, (value, left) in enumerate(steps):
            last = place == len(steps) - 1
            assert len(left.split(", ")) == len(numbers) - place - 2 if left else place == len(numbers) - 2
            assert last == (int(value) == target or not left), document
        ends.add((int(steps[-1][0]) == target, bool(steps[-1][1])))
    assert ends == {(True, True), (True, False), (False, False)}


def test_a_check_of_countdown_follows_the_answer_and_not_the_steps_that_are_shown() -> None:
    chain = countdown.make_chain(Random(3), [3, 7, 9])
    shown = countdown.spoil(Random(1), chain, 50)
    assert shown.steps != chain.steps and shown.expression == chain.expression
    assert countdown.write_check([3, 7, 9], 50, chain).startswith(", ".join(map(str, chain.steps)))


def test_a_row_of_multiplication_that_forgets_carries_nothing() -> None:
    assert [row.total for row in multiplication.make_rows(Random(0), 37, 48, forgets=0)] == [296, 1776]
    assert multiplication.make_row(37, 8, 0, 0, forgets=True).total == 246


def test_a_story_is_read_right_or_misread() -> None:
    story = [["boxes", 4, 6], ["buy", 3], ["give_each", 2, 5]]
    right = word_problems.read(story, [False] * 3)
    assert [str(made) for made in right] == ["4 * 6 = 24", "24 + 3 = 27", "2 * 5 = 10", "27 - 10 = 17"]
    assert [str(made) for made in word_problems.read(story, [True] * 3)] == ["4 + 6 = 10", "10 - 3 = 7", "7 - 2 = 5"]


def test_a_claim_about_a_word_is_the_dictionarys() -> None:
    assert lexicon.claim("stone") == "STONE is a word" and lexicon.claim("stoen") == "STOEN is no word"


def test_known_words_are_common_words_of_their_length() -> None:
    for length in lexicon.LENGTHS:
        known = lexicon.known(length)
        assert len(set(known)) == lexicon.KNOWN[length] and all(len(word) == length for word in known)


def test_the_same_seed_gives_the_same_documents() -> None:
    assert list(islice(documents(7), 50)) == list(islice(documents(7), 50))
    assert list(islice(documents(7), 50)) != list(islice(documents(8), 50))


def test_the_tokenizer_survives_a_round_trip_and_spends_a_token_a_word() -> None:
    tokenizer = build_tokenizer(documents_read=2000)
    for text in ("é 日本 \n\n<x> 12345 <sample>", "Make 25 from 9, 3.", "<think>\n<sample>9 * 3 = 27.</sample>\n"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    pieces = [tokenizer.decode([i]) for i in tokenizer("9 * 3 = 27. <answer>9 * 3</answer>")["input_ids"]]
    assert pieces == ["9", " * ", "3", " = ", "27", ". ", "<answer>", "9", " * ", "3", "</answer>"]
    pieces = [tokenizer.decode([i]) for i in tokenizer("150 151 <answer>TONE</answer>")["input_ids"]]
    assert pieces == ["150", " ", "1", "5", "1", " ", "<answer>", "T", "O", "N", "E", "</answer>"]


def test_every_document_fits_into_a_row_and_what_holds_several_into_the_longest() -> None:
    tokenizer = build_tokenizer(documents_read=2000)
    random, recipe = Random(11), Recipe()
    short, *_, long = (max(phase.rows) for phase in recipe.phases)
    for writer in LAST_WEIGHTS:
        row = (
            long if writer in (worksheet.worksheet, worksheet.summed_up, exercise.exercise, copying.copying) else short
        )
        for document in (writer(random) for _ in range(150)):
            assert len(tokenizer(document.prompt + document.completion)["input_ids"]) + 3 < row, document
