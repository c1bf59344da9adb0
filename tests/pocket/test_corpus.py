"""Pocket is an honest base: its corpus holds single attempts and single checks, never a retry, never a trace."""

import re
from itertools import islice

import pytest

from skillfactory_core import registry
from skillfactory_core.tags import TagFormat
from skillfactory_pocket.corpus import KINDS, LARGEST_VALUE, Document, apply, documents
from skillfactory_pocket.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    return list(islice(documents(seed=123), 8000))


@pytest.fixture(scope="module")
def tags() -> TagFormat:
    found: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    return found


def test_the_corpus_holds_every_kind_of_document(corpus: list[Document]) -> None:
    assert {document.kind for document in corpus} == set(KINDS)


def test_an_attempt_document_holds_one_answer_and_no_verdict(corpus: list[Document], tags: TagFormat) -> None:
    for document in (d for d in corpus if d.kind == "attempt"):
        assert document.completion.count(f"<{tags.answer}>") == 1
        assert tags.verdict not in document.completion
        assert document.completion.endswith(f"</{tags.answer}>"), "nothing follows the answer"


def test_a_check_document_shows_one_attempt_and_one_verdict(corpus: list[Document], tags: TagFormat) -> None:
    for document in (d for d in corpus if d.kind == "check"):
        assert document.prompt.count(f"<{tags.answer}>") == 1
        assert document.completion.count(f"<{tags.verdict}>") == 1
        assert f"<{tags.answer}>" not in document.completion, "a check proposes no other answer"
        assert document.completion.endswith(f"</{tags.verdict}>"), "nothing follows the verdict"


def test_no_document_contains_a_try_or_reads_as_a_trace(corpus: list[Document], tags: TagFormat) -> None:
    for document in corpus:
        text = document.prompt + document.completion
        parsed = tags.parse(document.completion)
        assert not parsed.well_formed
        assert all(found.answer is None for found in parsed.tries), "markup never wraps an attempt"
        assert all(found.verdict is None for found in parsed.tries), "markup never wraps a check"
        assert text.count(f"</{tags.answer}>") + text.count(f"</{tags.verdict}>") <= 2


def test_markup_documents_use_the_trace_tags_but_neither_answers_nor_verdicts(
    corpus: list[Document], tags: TagFormat
) -> None:
    markup = [d.completion for d in corpus if d.kind == "markup"]
    assert any(f"<{tags.attempt}>" in text for text in markup)
    for text in markup:
        assert f"<{tags.answer}>" not in text
        assert f"<{tags.verdict}>" not in text


def test_verdicts_in_the_corpus_are_true(corpus: list[Document], tags: TagFormat) -> None:
    task = registry.find(registry.TASK, "countdown")
    seen = set()
    for document in (d for d in corpus if d.kind == "check"):
        target, *_ = map(int, re.findall(r"\d+", document.prompt))
        listed = document.prompt.split(" from ", 1)[1].split(".", 1)[0]
        params = {"numbers": [int(n) for n in listed.split(", ")], "target": target}
        answer = tags.extract(document.prompt, final=False)
        assert answer is not None
        truth = task.grade(params, answer).correct
        assert tags.read_verdict(document.completion) == truth, document
        seen.add(truth)
    assert seen == {True, False}


def test_arithmetic_in_what_the_model_learns_is_right(corpus: list[Document]) -> None:
    for document in corpus:
        for left, operator, right, value in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", document.completion):
            assert apply(int(left), operator, int(right)) == int(value), document
            assert int(value) <= LARGEST_VALUE


def test_the_same_seed_gives_the_same_documents() -> None:
    assert list(islice(documents(7), 50)) == list(islice(documents(7), 50))
    assert list(islice(documents(7), 50)) != list(islice(documents(8), 50))


def test_the_tokenizer_survives_a_round_trip_and_spends_a_token_a_word() -> None:
    tokenizer = build_tokenizer(documents_read=2000)
    for text in ("é 日本 \n\n<x> 12345 <sample>", "Make 25 from 9, 3.", "<think>\n<sample>9 * 3 = 27.</sample>\n"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    pieces = [tokenizer.decode([i]) for i in tokenizer("9 * 3 = 27. <answer>9 * 3</answer>")["input_ids"]]
    assert pieces == ["9", " * ", "3", " = ", "27", ". ", "<answer>", "9", " * ", "3", "</answer>"]
