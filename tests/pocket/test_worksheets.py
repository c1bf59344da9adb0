"""Texts of pocket's corpus that hold several attempts: each at a problem of its own."""

import re
from collections import Counter
from itertools import islice

import pytest

from skillfactory_core import registry
from skillfactory_core.tags import TagFormat
from skillfactory_pocket.corpus import copying, exercise, worksheet
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.corpus.mixture import LAST_WEIGHTS, documents


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    return list(islice(documents(124, LAST_WEIGHTS), 12_000))


@pytest.fixture(scope="module")
def tags() -> TagFormat:
    found: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    return found


def without_the_answer_again(document: Document, tags: TagFormat) -> tuple[str, str, str]:
    """(request, form, reply), where they end in the last answer once more without that."""
    asked, _, form = document.prompt.partition("\nWrite it like this:\n")
    end = f"\n<{tags.answer}>{worksheet.BLANK}</{tags.answer}>"
    if not form.endswith(end):
        return asked, form, document.completion
    reply, _, again = document.completion.rpartition("\n")
    assert re.findall(rf"<{tags.answer}>.*?</{tags.answer}>", reply)[-1] == again
    return asked, form.removesuffix(end), reply


def test_a_worksheet_asks_for_different_problems_and_answers_each_once_in_the_tags_of_its_form(
    corpus: list[Document], tags: TagFormat
) -> None:
    """So nothing is tried twice, and no check is of an attempt in the same reply."""
    seen = set()
    for document in (d for d in corpus if d.kind == "worksheet"):
        asked, form, completion = without_the_answer_again(document, tags)
        items = [re.sub(r"^<[a-z]+>|</[a-z]+>$", "", item) for item in asked.split("\n")]
        ends = r" (?:Check:|Is this right\?|Plan first|Name two starts|Say it again first)|$"
        problems = [re.split(ends, item)[0] for item in items]
        attempts = [problem for problem, item in zip(problems, items, strict=True) if f"<{tags.answer}>" not in item]
        assert len(set(attempts)) == len(attempts), document
        assert len(items) == form.count(worksheet.BLANK)
        replies = [re.sub(r"^<[a-z]+>|</[a-z]+>$", "", line) for line in completion.split("\n")]
        replies = [reply for reply in replies if "</" in reply]
        assert len(replies) == len(items)
        for item, reply in zip(items, replies, strict=True):
            checks = f"<{tags.answer}>" in item
            assert reply.count(f"<{tags.verdict}>") == checks and reply.count(f"<{tags.answer}>") == (not checks)
        blank = re.sub(r"^(<[a-z]+>).*</.*(</[a-z]+>)$", rf"\1{worksheet.BLANK}\2", completion, flags=re.M)
        assert blank == form, "the tags of the form, and nothing beside them"
        seen.add(len(items))
    assert seen == set(worksheet.COUNTS)


def test_an_exercise_asks_for_different_targets_and_tries_each_once(corpus: list[Document], tags: TagFormat) -> None:
    """The numbers are given once. The checks between the attempts are of attempts that the request shows."""
    seen = set()
    for document in (d for d in corpus if d.kind == "exercise"):
        asked, _, completion = without_the_answer_again(document, tags)
        question, *checks = asked.split("\n")
        targets, numbers = re.fullmatch(r"(?:Make|Multiply) ([\d, ]+) (?:from|by) ([\d, ]+)\.", question).groups()  # type: ignore[union-attr]
        wanted, given = targets.split(", "), numbers.split(", ")
        answers = re.findall(rf"<{tags.answer}>(.*?)</{tags.answer}>", completion)
        problems = given if question.startswith("Multiply") else wanted
        assert len(set(problems)) == len(problems) == len(answers)
        assert document.completion.count(f"<{tags.verdict}>") == len(checks)
        assert all(check.count(f"<{tags.answer}>") == 1 for check in checks)
        if question.startswith("Make"):
            seen.add((len(given), len(wanted)))
            assert all(not Counter(re.findall(r"\d+", answer)) - Counter(given) for answer in answers)
    assert {count for count, _ in seen} == {2, 3, 4, 5, 6} and {count for _, count in seen} >= set(exercise.TARGETS)


def test_what_is_copied_is_an_answer_to_nothing_and_stands_there_twice(corpus: list[Document], tags: TagFormat) -> None:
    for document in (d for d in corpus if d.kind == "copying"):
        answers = re.findall(rf"<{tags.answer}>(.*?)</{tags.answer}>", document.completion)
        assert document.prompt == "" and f"<{tags.verdict}>" not in document.completion
        assert answers and answers[::2] == answers[1::2] and len(answers) // 2 in copying.COUNTS
