"""A run that is killed and started again ends with the same bytes as one that nobody disturbed."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import START, Outcome, spawn, tables_of

from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import open_run
from skillfactory_core.table import Table

KILLS = int(os.environ.get("SF_KILLS", "12"))
"moments at which the run is killed; SF_KILLS=200 takes a quarter of an hour"


def test_a_run_killed_again_and_again_ends_with_the_same_tables(finished: Path, tmp_path: Path) -> None:
    moments = random.Random(0)
    kills = number = 0
    while kills < KILLS:
        process = spawn([*START, tmp_path / str(number)], SCRIPTED_SLOW="0.002")
        # The first third of a second is Python's start; kills fall into the work after that.
        deadline = time.monotonic() + 0.3 + moments.expovariate(4)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
            kills += 1
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), err
        if process.returncode == 0:
            assert tables_of(tmp_path / str(number) / "it") == tables_of(finished)
            number += 1
    process = spawn([*START, tmp_path / str(number)])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert tables_of(tmp_path / str(number) / "it") == tables_of(finished)


def test_ctrl_c_says_how_to_go_on_and_keeps_what_is_done(finished: Path, tmp_path: Path) -> None:
    process = spawn([*START, tmp_path], SCRIPTED_SLOW="0.02")
    attempts = tmp_path / "it" / "2-attempts"
    deadline = time.monotonic() + 30
    while not list(attempts.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "sf: interrupted; what is done is kept: run the same command again to go on"
    assert "Traceback" not in err
    assert list(attempts.glob("*"))
    assert list(open_run(tmp_path / "it").events())[-1]["event"] == "stopped"


def test_ctrl_c_stops_the_default_engine_within_five_seconds_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    flags = ("--preset", "default", "--runs", tmp_path, "--name", "it")
    process = spawn(["run", "--task", "countdown", *flags])
    journal = tmp_path / "it" / "2-attempts" / "part-00000.jsonl"
    deadline = time.monotonic() + 120
    while not journal.exists() or not journal.stat().st_size:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    sent_at = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - sent_at < 5
    assert process.returncode == 130
    assert err.splitlines()[-1] == "sf: interrupted; what is done is kept: run the same command again to go on"
    assert "Traceback" not in err


def test_the_second_of_two_processes_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = spawn([*START, tmp_path], SCRIPTED_SLOW="0.05")
    while not (tmp_path / "it" / "config.toml").exists():
        time.sleep(0.01)
    second = spawn([*START, tmp_path])
    _, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert err.startswith("sf: ") and "in use by another process" in err
    time.sleep(0.1)
    assert first.poll() is None
    first.kill()
    first.communicate()


def test_running_a_finished_run_again_generates_nothing(
    sf: Callable[..., Outcome], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generate(*_: object) -> None:
        raise AssertionError("there is nothing to generate")

    before = tables_of(copied)
    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    assert sf(*START, copied.parent).code == 0
    assert tables_of(copied) == before


@pytest.mark.parametrize(
    "part",
    [
        "1-problems/train-3/part-00001.parquet",
        "1-problems/evaluation-4/part-00000.parquet",
        "2-attempts/part-00001.parquet",
        "3-grades/part-00000.parquet",
        "4-reflections/part-00002.parquet",
        "5-traces/part-00000.parquet",
        "8-evaluation/base-4/part-00001.parquet",
        "8-evaluation/rl-only-6/part-00000.parquet",
    ],
)
def test_a_deleted_part_is_made_again_with_the_same_bytes(sf: Callable[..., Outcome], copied: Path, part: str) -> None:
    before = tables_of(copied)
    (copied / part).unlink()
    outcome = sf(*START, copied.parent)
    assert outcome.code == 0, outcome.err
    assert tables_of(copied) == before


@pytest.mark.parametrize("model", ["6-sft/model", "7-grpo/skillfactory/model"])
def test_a_deleted_model_is_trained_again(sf: Callable[..., Outcome], copied: Path, model: str) -> None:
    shutil.rmtree(copied / model)
    assert sf(*START, copied.parent).code == 0
    assert (copied / model).is_dir()


@pytest.mark.parametrize("stage", ["sft", "grpo-skillfactory"])
def test_a_model_that_was_saved_just_before_a_kill_is_not_trained_again(
    sf: Callable[..., Outcome], copied: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from skillfactory_core import registry

    manifest = json.loads((copied / "manifest.json").read_text())
    before = manifest["stages"].pop(stage)
    (copied / "manifest.json").write_text(json.dumps(manifest))

    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    still = registry.find(registry.TRAINER, "still")
    monkeypatch.setattr(still, "sft", refuse)
    monkeypatch.setattr(still, "grpo", refuse)
    assert sf(*START, copied.parent).code == 0
    after = open_run(copied).finished(stage) or {}
    kept = [name for name in before if name not in ("seconds", "cpu_seconds", "peak_mb")]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_damaged_part_is_named_and_mended_as_the_error_says(sf: Callable[..., Outcome], copied: Path) -> None:
    before = tables_of(copied)
    damaged, later = copied / "2-attempts/part-00001.parquet", copied / "4-reflections/part-00001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:100])
    later.unlink()
    outcome = sf(*START, copied.parent)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith(f"sf: {damaged} is damaged")
    damaged.unlink()
    assert sf(*START, copied.parent).code == 0
    assert tables_of(copied) == before


def test_problems_that_were_interrupted_between_two_parts_are_completed(
    sf: Callable[..., Outcome], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, calls = Table.finish, []

    def interrupted(table: Table, number: int, records: list) -> None:  # type: ignore[type-arg]
        if len(calls) == 1:
            raise SkillFactoryError("pulled the plug")
        calls.append(number)
        finish(table, number, records)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "finish", interrupted)
        assert "pulled the plug" in sf(*START, tmp_path).err
    assert len(tables_of(tmp_path / "it")) == 1
    assert sf(*START, tmp_path).code == 0
    assert tables_of(tmp_path / "it") == tables_of(finished)


def test_every_process_gives_the_same_tables(finished: Path, tmp_path: Path) -> None:
    # A set's order differs between processes; no table may depend on it.
    process = spawn([*START, tmp_path], PYTHONHASHSEED="77")
    process.communicate(timeout=60)
    assert tables_of(tmp_path / "it") == tables_of(finished)


def test_another_seed_gives_other_attempts(sf: Callable[..., Outcome], finished: Path, tmp_path: Path) -> None:
    assert sf(*START, tmp_path, "--seed", "1").code == 0
    other, same = tables_of(tmp_path / "it"), tables_of(finished)
    assert all(other[f"2-attempts/part-0000{n}.parquet"] != same[f"2-attempts/part-0000{n}.parquet"] for n in range(3))
    problems = [path for path in same if path.startswith("1-problems/evaluation")]
    assert problems and all(other[path] == same[path] for path in problems)
