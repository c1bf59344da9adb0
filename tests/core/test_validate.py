"""Every checkpoint answers validation problems; the best is kept and is a row beside the last."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import START, Outcome, spawn, tables_of

from skillfactory_core import registry
from skillfactory_core.arms import NAME
from skillfactory_core.choices import choose
from skillfactory_core.compute import tokens_of
from skillfactory_core.config import structure
from skillfactory_core.dry_run import predict
from skillfactory_core.engine import Request
from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.resolve import resolve
from skillfactory_core.results import summarise
from skillfactory_core.run import open_run
from skillfactory_core.stages.validate import checked, settle
from skillfactory_core.trainers.checkpoints import PIECES, keep, keeping
from skillfactory_tasks.countdown_solver import solve

Sf = Callable[..., Outcome]
ASKED = ("-s", "grpo.validation=7", "-s", "grpo.steps=12", "-s", "grpo.checkpoints=4")


@pytest.fixture
def leveled(world: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A trainer that leaves a checkpoint every third step, and an engine whose every model is as good as this says (step -> share)."""
    levels = {"3": 0.2, "6": 0.9, "9": 0.9, "12": 0.4}
    trainer, engine = registry.find(registry.TRAINER, "still"), registry.find(registry.ENGINE, "world")
    grpo, generate = trainer.grpo, ScriptedEngine.generate

    def trained(self: Any, model: str, questions: Any, reward: Any, folder: Path, *others: Any) -> None:
        grpo(self, model, questions, reward, folder, *others)
        shutil.rmtree(folder / "steps")
        for step in ("3", "6", "9"):
            (folder / "steps" / step).mkdir(parents=True)
            (folder / "steps" / step / "level").write_text(step)
        (folder / "model" / "level").write_text("12")

    def generated(self: Any, requests: Any, sampling: Any) -> Any:
        level = Path(self.model) / "level"
        if not level.is_file():
            return generate(self, requests, sampling)
        share = levels[level.read_text()]

        def reply(request: Request) -> str:
            if request.seed % 1000 < 1000 * share:
                return f"<answer>{solution(request)}</answer>"
            return "<answer>1</answer>"

        monkeypatch.setattr(self, "reply", reply)
        return generate(self, requests, sampling)

    monkeypatch.setattr(trainer, "grpo", trained)
    monkeypatch.setattr(engine, "generate", generated)
    return levels


def solution(request: Request) -> str | None:
    found = re.match(r"Make (\d+) from ([\d, ]+)\.", request.messages[-1]["content"])
    assert found
    return solve([int(n) for n in found[2].split(", ")], int(found[1]))


def test_the_best_checkpoint_is_the_earliest_of_those_that_are_right_most_often(
    sf: Sf, leveled: dict[str, float], tmp_path: Path
) -> None:
    outcome = sf(*START, tmp_path, *ASKED)
    assert outcome.code == 0, outcome.err
    run = open_run(tmp_path / "it")
    for arm in ("skillfactory", "rl-only"):
        found = json.loads((run.grpo(arm) / "validation.json").read_text())
        assert (found["best"], found["last"], list(found["steps"])) == (6, 12, ["3", "6", "9", "12"])
        assert found["steps"]["6"] == found["steps"]["9"]
        assert all(
            each["n"] == 7 and each["low"] <= each["accuracy"] <= each["high"] for each in found["steps"].values()
        )
        assert (run.grpo(arm) / "best" / "level").read_text() == "6"
        assert (run.grpo(arm) / "model" / "level").read_text() == "12"
        assert not (run.grpo(arm) / "steps").exists()
    accuracies = {method: by["4"]["accuracy"] for method, by in summarise(run)["methods"].items()}
    assert list(accuracies) == ["base", "sft", "skillfactory", "skillfactory-best", "rl-only", "rl-only-best"]
    assert accuracies["skillfactory-best"] > accuracies["skillfactory"]
    assert summarise(run)["validation"]["rl-only"]["best"] == 6
    assert "skillfactory-best" in outcome.out and "6: " in outcome.out
    page = (tmp_path / "it" / "report.html").read_text()
    assert "RL only, best on validation" in page and "share right, validation split" in page
    written = [tokens for table in checked(run, "rl-only") for (tokens,) in table.every("tokens")]
    assert len(written) == 4 * 7 and tokens_of(run, "rl-only-best")["validation"] == sum(written) > 0
    assert "validation" not in tokens_of(run, "rl-only")


def test_where_the_best_is_the_last_its_responses_are_those_of_the_last(
    sf: Sf, leveled: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leveled |= {"6": 0.1, "9": 0.1, "12": 1.0}
    assert sf(*START, tmp_path, *ASKED, "--until", "evaluate-skillfactory").code == 0

    def generate(*_: object) -> None:
        raise AssertionError("there is nothing to generate")

    monkeypatch.setattr(registry.find(registry.ENGINE, "world"), "generate", generate)
    outcome = sf("evaluate", tmp_path / "it", "--method", "skillfactory-best")
    assert outcome.code == 0, outcome.err
    run = open_run(tmp_path / "it")
    assert (run.grpo("skillfactory") / "best").resolve() == (run.grpo("skillfactory") / "model").resolve()
    for exam in ("3", "6"):
        last, best = list(run.responses("skillfactory", exam)), list(run.responses("skillfactory-best", exam))
        assert [r.text for r in last] == [r.text for r in best] and last
        assert {r.method for r in best} == {"skillfactory-best"}
        assert [r.key for r in best] == [f"skillfactory-best/{r.problem}/{r.k}" for r in last]


def test_validation_shares_no_problem_with_any_other_split(sf: Sf, tmp_path: Path) -> None:
    assert sf(*START, tmp_path, *ASKED, "--until", "problems").code == 0
    run = open_run(tmp_path / "it")
    splits = [{p.hash for p in run.problems(split, "3")} for split in ("train", "rl", "validation", "evaluation")]
    assert [len(split) for split in splits] == [8, 6, 7, 5]
    assert sum(map(len, splits)) == len(set().union(*splits))


def test_validation_that_was_killed_goes_on_and_ends_the_same(sf: Sf, world: None, tmp_path: Path) -> None:
    asked = (*ASKED, "-s", "grpo.validation=40")
    assert sf(*START, tmp_path / "whole", *asked).code == 0
    torn = tmp_path / "torn" / "it" / "7-grpo"
    process = spawn([*START, tmp_path / "torn", *asked], SCRIPTED_SLOW="0.004")
    first = torn / "skillfactory" / "validation" / "6" / "part-00003.parquet"
    deadline = time.monotonic() + 300
    while not first.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert first.exists() and not (torn / "skillfactory" / "validation.json").exists()
    stored = {path: path.stat().st_ino for path in torn.rglob("*.parquet")}
    assert sf(*START, tmp_path / "torn", *asked).code == 0
    assert {path: path.stat().st_ino for path in stored} == stored, "what was stored is not made again"
    assert tables_of(tmp_path / "torn" / "it") == tables_of(tmp_path / "whole" / "it")
    for arm in ("skillfactory", "rl-only"):
        both = [(tmp_path / name / "it" / "7-grpo" / arm / "validation.json").read_text() for name in ("torn", "whole")]
        assert both[0] == both[1]


@pytest.mark.parametrize("done", ["nothing", "renamed"])
def test_keeping_the_best_goes_on_after_a_kill(tmp_path: Path, done: str) -> None:
    for name in ("model", "steps/3", "steps/6"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "steps/3/weights").write_text("three")
    if done == "renamed":
        (tmp_path / "steps/3").rename(tmp_path / "best")
    settle(tmp_path, 3, False)
    settle(tmp_path, 3, False)
    assert (tmp_path / "best/weights").read_text() == "three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "model"]


def test_a_model_that_is_trained_again_is_validated_again(sf: Sf, leveled: dict[str, float], tmp_path: Path) -> None:
    assert sf(*START, tmp_path, *ASKED).code == 0
    folder = tmp_path / "it" / "7-grpo" / "skillfactory"
    before = tables_of(tmp_path / "it")
    shutil.rmtree(folder / "model")
    assert sf(*START, tmp_path, *ASKED).code == 0
    assert (folder / "best" / "level").read_text() == "6" and not (folder / "steps").exists()
    assert tables_of(tmp_path / "it") == before


def test_the_files_of_an_arm_are_not_those_of_its_best(sf: Sf, leveled: dict[str, float], tmp_path: Path) -> None:
    for _ in range(2):
        assert sf(*START, tmp_path, *ASKED).code == 0
        stages = open_run(tmp_path / "it").manifest()["stages"]
        assert not any("-best" in path for path in stages["evaluate-skillfactory"]["files"])
        assert all("-best" in path for path in stages["evaluate-skillfactory-best"]["files"])
        assert "7-grpo/skillfactory/validation/12/part-00000.parquet" in stages["validate-skillfactory"]["files"]
        shutil.rmtree(tmp_path / "it" / "8-evaluation" / "skillfactory-4")


def test_a_trainer_that_keeps_no_checkpoints_is_refused_before_any_work(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.find(registry.TRAINER, "still"), "keeps", False)
    outcome = sf(*START, tmp_path, *ASKED)
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert "trainer 'still' leaves only the last: set grpo.validation to 0" in outcome.err
    assert not (tmp_path / "it" / "1-problems").exists()


def test_a_dry_run_counts_what_the_checkpoints_will_be_asked(world: None) -> None:
    settings = {
        "model": "scripted",
        "grpo": {"validation": 7, "steps": 12, "checkpoints": 5},
        "rl_only": {"checkpoints": 1},
    }
    config = resolve("countdown", "default", None, {**settings, "instructed": True})
    costs = {cost.stage: cost.generations for cost in predict(config, choose(config))}
    # Every third step is saved, so there are four.
    assert [costs[f"validate-{arm}"] for arm in ("skillfactory", "rl-only", "rl-instructed")] == [4 * 7, 7, 4 * 7]
    assert costs["evaluate-rl-instructed-best"] == costs["evaluate-base"] and "grpo-rl-instructed" in costs


def test_one_arm_cannot_be_validated_otherwise_than_the_others() -> None:
    with pytest.raises(SkillFactoryError, match=r"rl_only.validation: every arm is validated alike"):
        structure({"task": "t", "rl_only": {"validation": 3}})


def test_a_run_without_validation_has_no_such_stage(sf: Sf, finished: Path) -> None:
    outcome = sf("validate", finished)
    assert outcome.code == 2 and "has no stage 'validate': it has problems" in outcome.err


@pytest.mark.parametrize("name", ["base", "sft", "rl-only", "rl-instructed", "mine-best", "rl-only-best", "Mine"])
def test_a_method_cannot_have_a_name_that_is_taken(name: str) -> None:
    assert not re.fullmatch(NAME, name)
    assert re.fullmatch(NAME, "best-of-mine") and re.fullmatch(NAME, "rl-only-mine")


def whole(folder: Path, step: int) -> Path:
    """A checkpoint as one process writes it."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for name in (*(names[0] for names in PIECES), "trainer_state.json", "training_args.bin", "tokenizer.json"):
        (path / name).write_text(f"{name} of {step}")
    return path


def test_of_a_checkpoint_weights_and_tokenizer_are_kept_under_the_number_of_the_step(tmp_path: Path) -> None:
    path = whole(tmp_path, 16)
    keep(path, tmp_path / "steps", 8)
    keep(path, tmp_path / "steps", 8)
    shutil.rmtree(path)
    assert sorted(os.listdir(tmp_path / "steps")) == ["2"]
    assert sorted(os.listdir(tmp_path / "steps" / "2")) == ["model.safetensors", "tokenizer.json"]
    assert (tmp_path / "steps/2/model.safetensors").read_text() == "model.safetensors of 16"


def test_the_last_checkpoint_is_the_model_and_is_not_kept_twice(tmp_path: Path) -> None:
    from types import SimpleNamespace

    callback = keeping(tmp_path / "steps", 1)
    for step in (2, 4):
        whole(tmp_path, step)
        state = SimpleNamespace(is_world_process_zero=True, global_step=step, max_steps=4)
        callback.on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    assert os.listdir(tmp_path / "steps") == ["2"]
