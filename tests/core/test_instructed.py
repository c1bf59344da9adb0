"""RL only with instructions: an arm from the base whose prompt explains the tags, in training and in evaluation alike."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import START, Outcome

from skillfactory_core import registry
from skillfactory_core.compute import tokens_of
from skillfactory_core.config import structure
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.run import open_run
from skillfactory_core.stages.grpo import settings_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.testing import check_prompt_set
from skillfactory_pocket.corpus.markup import WORDS

Sf = Callable[..., Outcome]
SET = """
name = "mine"
summary = "mine"
[final]
text = "{question}"
[attempts.one]
text = "{question}"
[reflections.one]
text = "{question} {attempt}"
[instruct]
system = "As {form} says."
text = "{question} {form} {answer_kind} {other}"
"""


@pytest.fixture
def tags() -> TagFormat:
    return registry.find_tags("sample-reflect")


def test_the_arm_is_trained_from_the_base_and_asked_alike_in_training_and_evaluation(
    sf: Sf, tags: TagFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: dict[str, tuple[str, set[str]]] = {}
    answered: dict[str, set[str]] = {}
    trainer, engine = registry.find(registry.TRAINER, "still"), registry.find(registry.ENGINE, "world")
    grpo, generate = trainer.grpo, engine.generate

    def grpo_seen(self: Any, model: str, questions: Any, reward: Any, folder: Path, *others: Any) -> None:
        trained[folder.name] = Path(model).name, {q.messages[-1]["content"] for q in questions}
        grpo(self, model, questions, reward, folder, *others)

    def generate_seen(self: Any, requests: Any, sampling: Any) -> Any:
        for request in requests:
            answered.setdefault(request.key.split("/")[0], set()).add(request.messages[-1]["content"])
        return generate(self, requests, sampling)

    monkeypatch.setattr(trainer, "grpo", grpo_seen)
    monkeypatch.setattr(engine, "generate", generate_seen)
    outcome = sf(*START, tmp_path, "-s", "instructed=true")
    assert outcome.code == 0, outcome.err
    assert trained["rl-instructed"][0] == trained["rl-only"][0] == "scripted"
    assert "<think>" not in "".join(answered["rl-only"] | trained["rl-only"][1] | answered["skillfactory"])
    for text in trained["rl-instructed"][1] | answered["rl-instructed"]:
        assert text.endswith(tags.form) and text.startswith("Make ")
    run = open_run(tmp_path / "it")
    assert run.config.arms == ("base", "sft", "skillfactory", "rl-only", "rl-instructed")
    assert run.responses("rl-instructed", "6").count()
    assert tokens_of(run, "rl-instructed")["sft"] == tokens_of(run, "rl-instructed")["attempts"] == 0
    page = run.report.read_text()
    assert "RL only, instructed" in page and "Reinforce, instructed" in page
    assert sf("export", "inspect", run.folder, "-o", tmp_path / "out").code == 0
    assert asked_in(tmp_path / "out" / "rl-instructed-4.eval").endswith(tags.form)
    assert "<think>" not in asked_in(tmp_path / "out" / "rl-only-4.eval")
    assert "rl-instructed" in sf("compare", run.folder).out


def asked_in(log: Path) -> str:
    """What the first response in a log of inspect answers."""
    with zipfile.ZipFile(log) as archive:
        name = next(name for name in archive.namelist() if name.startswith("samples/"))
        content: str = json.loads(archive.read(name))["input"][-1]["content"]
    return content


@pytest.mark.parametrize("name", [name for name in registry.registered(registry.TAGS) if name != "plain"])
def test_the_form_is_a_trace_of_a_wrong_attempt_and_a_right_one(name: str) -> None:
    tags = registry.find_tags(name)
    parsed = tags.parse(tags.form)
    assert parsed.well_formed and parsed.answer == "..."
    assert [(each.answer, each.verdict) for each in parsed.tries] == [("...", False), ("...", True)]
    assert not re.search(r"\w", re.sub(rf"<[^>]*>|{tags.correct}|{tags.incorrect}", "", tags.form)), (
        "no words but the tags'"
    )


def test_the_tags_come_from_the_format_and_the_words_from_the_set(tmp_path: Path, tags: TagFormat) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SET)
    made = read_prompt_set(path).instructed(tags.form)
    system, asked = made.final.messages(question="Q?", answer_kind="a number")
    assert system["content"] == f"As {tags.form} says."
    assert asked["content"] == f"Q? {tags.form} a number {{other}}"
    assert made.attempts == read_prompt_set(path).attempts


def test_a_set_that_explains_without_the_form_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SET.replace(" {form}", "").replace("{other}", ""))
    with pytest.raises(AssertionError, match="prompt set 'mine', prompt 'instruct' does not say the form"):
        check_prompt_set(read_prompt_set(path))


@pytest.mark.parametrize("name", ["paper", "pocket"])
def test_our_sets_explain_the_tags(name: str, tags: TagFormat) -> None:
    ours: PromptSet = registry.find(registry.PROMPTS, name)
    assert ours.instruct is not None
    assert not re.search(r"<\w", ours.instruct.text), "tags come from the format"
    content = ours.instructed(tags.form).final.messages(question="Q?", answer_kind="a number")[-1]["content"]
    assert content.startswith("Q?") and tags.form in content


def test_pocket_is_instructed_in_words_that_it_knows() -> None:
    ours: PromptSet = registry.find(registry.PROMPTS, "pocket")
    assert ours.instruct is not None
    said = re.findall(r"[a-z]+", re.sub(r"{\w+}", "", ours.instruct.text).lower())
    assert said and set(said) <= set(WORDS)


def test_a_set_without_such_a_prompt_is_refused_before_any_work(sf: Sf, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SET.split("[instruct]")[0])
    outcome = sf(*START, tmp_path, "-s", "instructed=true", "-s", f"prompts={path}")
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert "prompt set 'mine' has no prompt that explains the tags: add [instruct]" in outcome.err
    assert not (tmp_path / "it").exists()
    path.write_text(SET.replace('text = "{question} {form}', 'texts = "{question} {form}'))
    with pytest.raises(SkillFactoryError, match=r"prompt file .* unexpected keyword argument 'texts'"):
        read_prompt_set(path)


def test_the_settings_of_rl_only_are_not_those_of_the_instructed_arm() -> None:
    config = structure({"task": "t", "instructed": True, "rl_only": {"max_tokens": 9}})
    assert settings_of(config, "rl-instructed") == config.grpo
    assert settings_of(config, "rl-only").max_tokens == 9


@pytest.mark.parametrize(
    ("settings", "arms"),
    [
        ({}, ("base", "sft", "skillfactory", "rl-only")),
        ({"instructed": True, "baselines": False}, ("base", "sft", "skillfactory", "rl-instructed")),
        ({"instructed": True, "trains": False, "grpo": {"validation": 3}}, ("base",)),
        (
            {"grpo": {"validation": 3}},
            ("base", "sft", "skillfactory", "skillfactory-best", "rl-only", "rl-only-best"),
        ),
    ],
    ids=str,
)
def test_the_arms_of_a_run_are_those_that_its_settings_ask_for(settings: dict[str, Any], arms: tuple[str, ...]) -> None:
    assert structure({"task": "t", **settings}).arms == arms


def test_a_run_that_is_instructed_does_not_go_on_in_other_words(sf: Sf, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SET)
    for instructed, code in (("false", 0), ("true", 2)):
        path.write_text(SET)
        again = ("-s", f"prompts={path}", "-s", f"instructed={instructed}", "--until", "problems")
        assert sf(*START, tmp_path / instructed, *again).code == 0
        path.write_text(SET.replace("{other}", "now"))
        assert sf(*START, tmp_path / instructed, *again).code == code
