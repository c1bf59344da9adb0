"""The shipped weights: what the card says is so, and the base shows no skill of its own."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from skillfactory_core import registry
from skillfactory_core.config import model_settings
from skillfactory_core.engine import Generation, Request, Sampling, stream_seed
from skillfactory_core.engines.transformers import TransformersEngine
from skillfactory_core.prompts import PromptSet
from skillfactory_core.tags import TagFormat
from skillfactory_pocket.card import EXAMS, measure, steps_right

QUESTIONS = (
    "Make 24 from 4, 6, 1.",
    "Make 80 from 3, 11, 7, 14.",
    "Make 9 from 15, 2, 8, 1, 3.",
    "Multiply 37 by 48.",
    "Spell 4 letters from a, r, t, s, o, e, n.",
    "Spell 4 initials from paint, sun, toast, orange, nest, eagle, ankle, rose.",
    "Ann has 12 pens. Ann buys 3 more pens. How many pens does Ann have now?",
)
TARGETS = {
    ("countdown", "3"): (0.10, 0.25),
    ("countdown", "4"): (0.02, 0.08),
    ("multiplication", "2"): (0.05, 0.60),
    ("multiplication", "3"): (0.05, 0.60),
    ("multiplication", "4"): (0.05, 0.60),
    ("letter_countdown", "4"): (0.05, 0.60),
    ("letter_countdown", "5"): (0.02, 0.60),
    ("acronym", "4"): (0.05, 0.60),
    ("acronym", "5"): (0.05, 0.60),
    ("word_problems", "2"): (0.05, 0.60),
    ("word_problems", "4"): (0.05, 0.60),
}
"task and difficulty -> between which shares of attempts are right: neither hopeless nor solved"
MODEL = registry.find(registry.MODEL, "pocket")
WEIGHTS = Path(MODEL.path)


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WEIGHTS / "card.json").read_text())
    return found


@pytest.fixture(scope="module")
def samples() -> list[Generation]:
    """Replies of the base to every prompt of its set, at temperature 1 for variety."""
    prompts: PromptSet = registry.find(registry.PROMPTS, "pocket")
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=320)
    requests = [
        Request(key, tuple(prompt.messages(question=question, attempt="")), stream_seed(0, key))
        for prompt in (*prompts.attempts, prompts.final)
        for question in QUESTIONS
        for k in range(20)
        for key in [f"{prompt.name}/{question}/{k}"]
    ]
    with TransformersEngine(str(WEIGHTS), seed=0) as engine:
        return [
            g
            for start in range(0, len(requests), 512)
            for g in engine.generate(requests[start : start + 512], sampling)
        ]


def test_the_base_never_retries_and_never_writes_a_trace(samples: list[Generation]) -> None:
    """Never where it is trained, on Countdown. Elsewhere a reply now and then slides into a worksheet or a check."""
    tags: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    slid = [
        sample
        for sample in samples
        if sample.text.count(f"<{tags.answer}>") > 1
        or f"<{tags.verdict}>" in sample.text
        or tags.parse(sample.text).tries
    ]
    assert not [sample.text for sample in slid if "/Make " in sample.key]
    assert len(slid) <= 0.01 * len(samples), [sample.text for sample in slid]


def test_the_base_answers_nearly_always(samples: list[Generation]) -> None:
    assert sum("</answer>" in sample.text for sample in samples) >= 0.97 * len(samples)


@pytest.mark.parametrize("exam", TARGETS, ids=" ".join)
def test_attempts_are_right_now_and_then(card: dict[str, Any], exam: tuple[str, str]) -> None:
    task, value = exam
    low, high = TARGETS[exam]
    assert low <= card["tasks"][task][value]["right_attempts"] <= high


@pytest.mark.parametrize("numbers", ["3", "4"])
def test_countdown_is_computed_and_judged_as_the_method_needs_it(card: dict[str, Any], numbers: str) -> None:
    figures = card["tasks"]["countdown"][numbers]
    assert figures["arithmetic_steps_right"] >= 0.99
    assert figures["verdict_right_on_wrong_attempts"] >= 0.97
    assert figures["verdict_right_on_right_attempts"] >= 0.95


def test_attempts_hold_one_answer(card: dict[str, Any]) -> None:
    for task, exams in card["tasks"].items():
        for figures in exams.values():
            assert figures["answers_per_attempt"] == pytest.approx(1.0, abs=0.005 if task == "word_problems" else 1e-4)


def test_measuring_again_agrees_with_the_card(card: dict[str, Any]) -> None:
    again = measure(WEIGHTS, problems=60, samples=4, tasks=["countdown"])["tasks"]["countdown"]
    for count in ("3", "4"):
        for name in ("arithmetic_steps_right", "verdict_right_on_wrong_attempts", "right_attempts"):
            assert again[count][name] == pytest.approx(card["tasks"]["countdown"][count][name], abs=0.06), (count, name)


def test_a_step_is_right_when_its_value_is() -> None:
    text = "8 * 3 = 24 + 5 + 0 = 29, 7 - 2 = 6: 3; 9 / 3 = 3. <answer>(9 / 3) + 1</answer>"
    assert steps_right(text) == [True, True, False, True]


def test_the_weights_are_a_few_megabytes() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.iterdir()) < 10_000_000


@pytest.mark.parametrize("task", EXAMS)
def test_the_settings_pocket_brings_are_settings_that_exist(task: str) -> None:
    from skillfactory_core.config import PRESETS, Config, merge, preset_settings, structure

    for preset in PRESETS:
        brought = model_settings(MODEL.settings, preset, task)
        config = structure(merge(merge(preset_settings(preset), brought), {"task": task}))
        assert isinstance(config, Config)
        assert attrs.asdict(config)["prompts"] == "pocket"
