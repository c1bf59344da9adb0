"""Trackers: what TensorBoard gets to see of a training, and what is said where a tracker is unknown or absent."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_run import TAGS, Sums, attempt, thinking

from skillfactory_core.choices import find_model
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.grpo import skill_figures
from skillfactory_core.stages.log import StepLog
from skillfactory_core.trainer import GrpoSettings, Lesson, Question, Reward, SftSettings
from skillfactory_core.trainers import trackers
from skillfactory_core.trainers.rollouts import score
from skillfactory_core.trainers.trl import TrlTrainer

PARAMS = {"numbers": [3, 4, 5], "target": 2}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_a_tracker_that_is_unknown_is_one_line() -> None:
    with pytest.raises(
        SkillFactoryError, match="report_to = 'tensorbord': choose none, or some of tensorboard, trackio, wandb"
    ):
        TrlTrainer(report_to="tensorbord")
    with pytest.raises(SkillFactoryError, match="report_to = 3: choose"):
        TrlTrainer(report_to=3)  # type: ignore[arg-type]


def test_a_tracker_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(SkillFactoryError, match="'wandb': it is not installed; pip install wandb"):
        TrlTrainer(report_to=["wandb"])


def test_without_trackers_nobody_is_told(tmp_path: Path) -> None:
    assert trackers.callbacks(TrlTrainer().trackers, tmp_path) == []
    assert TrlTrainer(report_to="none").trackers == TrlTrainer(report_to=[]).trackers == ()
    assert not list(tmp_path.iterdir())


def test_a_training_is_called_after_its_place(tmp_path: Path) -> None:
    named = trackers.naming(tmp_path / "it" / "7-grpo" / "skillfactory")
    assert named["run_name"] == "it/7-grpo/skillfactory"
    assert named["trackio_static_space_id"] is False, "trackio would offer the figures to the Hub at the end"


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard reads: name -> step -> value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: {each.step: each.value for each in events.Scalars(name)} for name in events.Tags()["scalars"]}


def test_tensorboard_shows_the_steps_of_sft(tmp_path: Path) -> None:
    lessons = [
        Lesson(({"role": "user", "content": f"Make {n} from 1, 2."},), "<answer>1 + 2</answer>") for n in range(4)
    ]
    with StepLog(tmp_path, "test") as log:
        trainer = TrlTrainer(report_to="tensorboard")
        trainer.sft(find_model("pocket").path, lessons, tmp_path, SftSettings(batch=2, checkpoints=1), 0, log)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    shown = scalars(tmp_path / "tensorboard")
    assert shown["train/loss"] == pytest.approx({line["step"]: line["loss"] for line in lines})
    assert len(lines) == 2 and not (tmp_path / "checkpoints").exists()


def test_the_log_and_tensorboard_show_the_use_of_the_skill_during_grpo(tmp_path: Path) -> None:
    texts = [
        thinking([attempt("1", "Bad"), attempt("3+4-5", "Good")], "3+4-5"),
        thinking([attempt("1", "Good")], "1"),
        "<out>1</out>",
    ]
    seen: list[dict[str, float]] = []

    def reward(key: str, completion: str, finish: str) -> Reward:
        figures = skill_figures(texts[len(seen) % 3], TAGS, lambda answer: Sums().grade(PARAMS, answer), False)
        seen.append(figures)
        return Reward(float(len(seen) % 2), figures)

    questions = [Question(str(n), ({"role": "user", "content": f"Make {n} from 1, 2."},)) for n in range(2)]
    settings = GrpoSettings(steps=2, prompts=2, minibatch=2, rollouts=3, micro_batch=6, max_tokens=8, checkpoints=1)
    with StepLog(tmp_path, "test") as log:
        TrlTrainer(report_to="tensorboard").grpo(
            find_model("pocket").path, questions, reward, tmp_path, settings, 0, log
        )
    first = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    expected = {
        "answers": 4 / 3,
        "reflections": 1,
        "well_formed": 2 / 3,
        "retry_after_incorrect": 1,
        "verdict_agreement": 0.5,
    }
    assert {name: first[name] for name in expected} == pytest.approx(expected)
    assert first["stop_after_correct"] == 1
    shown = scalars(tmp_path / "tensorboard")
    assert shown["train/verdict_agreement"] == pytest.approx({1: 0.5, 2: 0.5})
    assert "train/reward" in shown


def test_a_figure_is_the_mean_over_the_completions_that_have_it() -> None:
    told: list[tuple[str, float]] = []
    figures = {"a": {"answers": 1.0}, "b": {"answers": 3.0, "verdict_agreement": 0.5}}

    class Tokenizer:
        eos_token_id = 0

    rewards = score(
        lambda key, completion, finish: Reward(float(finish == "stop"), figures[key]),
        Tokenizer(),
        ["", ""],
        [[{"content": "x"}], [{"content": "y"}]],
        [[1, 0], [1]],
        ["a", "b"],
        lambda name, value: told.append((name, value)),
    )
    assert rewards == [1.0, 0.0]
    assert told == [("answers", 1.0), ("answers", 3.0), ("verdict_agreement", 0.5)]


def test_weights_and_biases_stay_on_the_machine_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(
        "transformers.integrations.get_reporting_integration_callbacks", lambda names: told.append(names) or []
    )
    monkeypatch.delenv("WANDB_MODE", raising=False)
    trackers.callbacks(("wandb",), tmp_path / "6-sft")
    assert told == [["wandb"]]
    assert (os.environ["WANDB_MODE"], os.environ["WANDB_DIR"]) == ("offline", str(tmp_path / "6-sft"))
    monkeypatch.setenv("WANDB_MODE", "online")
    trackers.callbacks(("wandb",), tmp_path / "6-sft")
    assert os.environ["WANDB_MODE"] == "online"
