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
from skillfactory_pocket.card import measure

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
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=200)
    requests = [
        Request(key, tuple(prompt.messages(question=question, attempt="")), stream_seed(0, key))
        for prompt in (*prompts.attempts, prompts.final)
        for question in ("Make 24 from 4, 6, 1.", "Make 80 from 3, 11, 7, 14.", "Make 9 from 15, 2, 8, 1, 3.")
        for k in range(40)
        for key in [f"{prompt.name}/{question}/{k}"]
    ]
    with TransformersEngine(str(WEIGHTS), seed=0) as engine:
        return [
            g
            for start in range(0, len(requests), 512)
            for g in engine.generate(requests[start : start + 512], sampling)
        ]


def test_the_base_never_retries_and_never_writes_a_trace(samples: list[Generation]) -> None:
    tags: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    for sample in samples:
        assert sample.text.count(f"<{tags.answer}>") <= 1, sample.text
        assert f"<{tags.verdict}>" not in sample.text
        assert not tags.parse(sample.text).tries


def test_the_base_answers_nearly_always(samples: list[Generation]) -> None:
    assert sum("</answer>" in sample.text for sample in samples) >= 0.97 * len(samples)


def test_the_card_reaches_what_the_method_needs_of_a_base(card: dict[str, Any]) -> None:
    three = card["by_numbers"]["3"]
    assert three["arithmetic_steps_right"] >= 0.97
    assert three["verdict_right_on_wrong_attempts"] >= 0.89
    assert three["verdict_right_on_right_attempts"] >= 0.95
    for figures in card["by_numbers"].values():
        assert figures["answers_per_attempt"] <= 1.0


def test_measuring_again_agrees_with_the_card(card: dict[str, Any]) -> None:
    again = measure(WEIGHTS, problems=60, samples=4)["by_numbers"]
    for count in ("3", "4"):
        for name in ("arithmetic_steps_right", "verdict_right_on_wrong_attempts", "right_attempts"):
            assert again[count][name] == pytest.approx(card["by_numbers"][count][name], abs=0.1), (count, name)


def test_the_weights_are_a_few_megabytes() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.iterdir()) < 8_000_000


def test_the_settings_pocket_brings_are_settings_that_exist() -> None:
    from skillfactory_core.config import PRESETS, Config, merge, preset_settings, structure

    for preset in PRESETS:
        brought = model_settings(MODEL.settings, preset, "countdown")
        config = structure(merge(merge(preset_settings(preset), brought), {"task": "countdown"}))
        assert isinstance(config, Config)
        assert attrs.asdict(config)["prompts"] == "pocket"
