"""Prompts: fields are filled once, files are read, and what is missing in them is said."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core import registry
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.prompts import Prompt, PromptSet, fill, read_prompt_set

GOOD = """
name = "mine"
summary = "mine"
[final]
text = "{question}"
[attempts.plain]
text = "{question} Give {answer_kind}."
system = "You solve {answer_kind}s."
[reflections.check]
text = "{question} {attempt}"
[questions]
countdown = "Make {target} from {numbers}."
"""


def written(tmp_path: Path, text: str) -> PromptSet:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return read_prompt_set(path)


@given(st.text())
def test_a_value_is_never_filled_again(value: str) -> None:
    assert fill("<{question}>", {"question": value, "answer_kind": "x"}) == f"<{value}>"


@given(st.text())
def test_text_without_known_fields_stays_as_it_is(text: str) -> None:
    assert fill(text, {}) == text


def test_lists_are_written_with_commas() -> None:
    assert fill("from {numbers}", {"numbers": [3, 7]}) == "from 3, 7"


def test_braces_of_latex_stay() -> None:
    assert fill(r"\frac{a}{b} {question}", {"question": "?"}) == r"\frac{a}{b} ?"


def test_a_prompt_with_a_system_text_makes_two_messages(tmp_path: Path) -> None:
    (prompt,) = written(tmp_path, GOOD).attempts
    assert prompt.messages(question="Q", answer_kind="number") == [
        {"role": "system", "content": "You solve numbers."},
        {"role": "user", "content": "Q Give number."},
    ]


def test_a_set_may_word_a_tasks_questions_itself(tmp_path: Path) -> None:
    prompts = written(tmp_path, GOOD)
    assert prompts.question("countdown", {"target": 5, "numbers": [2, 3]}, "?") == "Make 5 from 2, 3."
    assert prompts.question("gsm8k", {"target": 5}, "How many?") == "How many?"


@pytest.mark.parametrize("part", ["name", "summary", "final", "attempts", "reflections"])
def test_a_missing_entry_is_said(tmp_path: Path, part: str) -> None:
    text = re.sub(rf"(?m)^(\[{part}.*\]\n(.+\n)+|{part} = .*\n)", "", GOOD)
    assert text != GOOD
    with pytest.raises(SkillFactoryError, match=rf"mine\.toml: missing.*{part}") as error:
        written(tmp_path, text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('text = "{question}"', "text = 3"),
        ('text = "{question}"', 'txt = "{question}"'),
        ('system = "You solve {answer_kind}s."', "system = 3"),
        ("[attempts.plain]", '[attempts."a/b"]'),
        ("[attempts.plain]", "[attempts]"),
        ("[reflections.check]", "[reflections]"),
        ('countdown = "Make {target} from {numbers}."', "countdown = 3"),
        ('name = "mine"', 'name = "mine"\nmood = "fine"'),
        ('summary = "mine"', 'summary = "mine"\nphrases = 3'),
        ('name = "mine"', 'name = "mine'),
    ],
)
def test_an_unfit_entry_is_one_line_that_names_the_file(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(SkillFactoryError, match=r"prompt file .*mine\.toml: ") as error:
        written(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["attempts", "reflections"])
def test_a_set_has_at_least_one_prompt_of_each_sort(tmp_path: Path, part: str) -> None:
    text = re.sub(rf"(?m)^\[{part}.*\]\n(.+\n)+", f"[{part}]\n", GOOD)
    with pytest.raises(SkillFactoryError, match=part):
        written(tmp_path, text)


def test_phrases_beside_the_file_come_with_it(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "closing.txt").write_text("So it is.\n")
    prompts = written(tmp_path, 'phrases = "words"\n' + GOOD)
    assert prompts.phrases["closing"][0].text == "So it is."


def installed() -> list[PromptSet]:
    return [record for record, _ in registry.registered(registry.PROMPTS).values()]


@pytest.mark.parametrize("prompts", installed(), ids=lambda prompts: prompts.name)
def test_installed_sets_ask_with_the_question_and_criticise_with_the_attempt(prompts: PromptSet) -> None:
    assert all("{question}" in p.text for p in (*prompts.attempts, prompts.final))
    assert all("{attempt}" in p.text and "{question}" in p.text for p in prompts.reflections)
    assert {p.name for p in prompts.attempts} == {"original", "plan_and_execute", "alternatively", "rephrase"}


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_prompts_name_fits_into_a_key(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Prompt(name, "text")
