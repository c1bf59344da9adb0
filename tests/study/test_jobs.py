"""sf study --jobs: several runs at a time end in the results of one after the other; one run alone; what fails, what is stopped."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Outcome, spawn
from toy_study import WAYS, timeless, written

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import held, open_run
from skillfactory_core.study.jobs import has_shared, share

Sf = Callable[..., Outcome]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, WAYS)


def has_stopped(log: Path) -> bool:
    """Whether a run has let go of its folder and said so."""
    try:
        with held(log.with_suffix("") / "run.lock", "in use"):
            return log.read_text().endswith("run the same command again to go on\n")
    except SkillFactoryError:
        return False


def test_runs_beside_one_another_end_in_the_same_results(sf: Sf, file: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert sf("study", file, "--to", one).code == 0
    outcome = sf("study", file, "--to", two, "--jobs", "2")
    assert outcome.code == 0, outcome.err
    assert timeless(one) == timeless(two)
    assert (two / "results.md").read_text().splitlines()[0] == "# Two ways"
    assert "any-order-1 is done, " in outcome.out and "4 of 4" in outcome.out
    assert "evaluate no-sample-order: 40/40" in (two / "any-order-1.log").read_text()
    # The others of a seed take over what its first run has made.
    assert open_run(two / "any-order-1").manifest()["forked_from"].endswith("skillfactory-1")


def test_the_others_of_a_seed_begin_when_there_is_something_to_take_over(
    sf: Sf, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    assert sf("study", file, "--to", folder, "--only", "skillfactory-0").code == 0
    assert has_shared(folder / "skillfactory-0")
    stopped = sf(
        "run", "--task", "countdown", "--model", "scripted", "--until", "reflect", "--name", "it", "--runs", tmp_path
    )
    assert stopped.code == 0 and not has_shared(tmp_path / "it")
    assert not has_shared(folder / "skillfactory-1"), "it has not begun"
    monkeypatch.setenv("SCRIPTED_SLOW", "0.01")
    outcome = sf("study", file, "--to", tmp_path / "slow", "--seed", "0", "--jobs", "2")
    assert outcome.code == 0, outcome.err
    said = outcome.out.splitlines()
    began = next(number for number, line in enumerate(said) if "any-order-0 begins" in line)
    assert began < next(number for number, line in enumerate(said) if "skillfactory-0 is done" in line)
    assert open_run(tmp_path / "slow" / "any-order-0").manifest()["forked_from"].endswith("skillfactory-0")


def test_one_run_alone_and_then_the_rest(sf: Sf, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert sf("study", file, "--to", folder, "--only", "any-order-1").code == 0
    assert [path.parent.name for path in folder.glob("*/config.toml")] == ["any-order-1"]
    assert not (folder / "results.json").exists()
    refused = sf("study", file, "--to", folder, "--only", "any-order-2")
    assert refused.code == 2 and "no run of study ways named 'any-order-2': did you mean 'any-order-" in refused.err
    assert sf("study", file, "--to", folder).code == 0
    assert len(json.loads((folder / "results.json").read_text())["rows"]["any-order"]["seeds"]) == 2
    assert "forked_from" not in open_run(folder / "any-order-1").manifest(), "it was there before the first run was"


def test_a_run_that_fails_keeps_only_its_own_seed_from_going_on(sf: Sf, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "skillfactory-0").mkdir(parents=True)
    (folder / "skillfactory-0" / "config.toml").write_text("no settings")
    outcome = sf("study", file, "--to", folder, "--jobs", "2")
    assert outcome.code == 2 and outcome.err.count("\n") == 1, outcome.err
    assert "1 of its runs failed, skillfactory-0: the last line of" in outcome.err
    assert "config.toml" in (folder / "skillfactory-0.log").read_text().splitlines()[-1]
    assert {path.parent.name for path in folder.glob("*/manifest.json")} == {"skillfactory-1", "any-order-1"}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_an_end_however_it_comes_stops_every_run_and_the_same_command_goes_on(
    sf: Sf, file: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert sf("study", file, "--to", whole).code == 0
    process = spawn(["study", file, "--to", torn, "--jobs", "2"], SCRIPTED_SLOW="0.01")
    deadline = time.monotonic() + 60
    while len(list(torn.glob("*/events.jsonl"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0 and "Traceback" not in err
    deadline = time.monotonic() + 30
    for log in torn.glob("*.log"):
        while not has_stopped(log) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert has_stopped(log) and "Traceback" not in log.read_text(), log.read_text()
    assert sf("study", file, "--to", torn, "--jobs", "2").code == 0, "no run is in use any more"
    assert timeless(torn) == timeless(whole)


def test_each_job_has_its_share_of_the_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    cores = len(os.sched_getaffinity(0))
    assert share(0, 2) == {"OMP_NUM_THREADS": str(max(1, cores // 2)), "CUDA_VISIBLE_DEVICES": "4,6"}
    assert share(1, 2)["CUDA_VISIBLE_DEVICES"] == "5"
    assert share(4, 5)["CUDA_VISIBLE_DEVICES"] == "5", "more jobs than GPUs share them"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert share(0, 2) == {"OMP_NUM_THREADS": "7"}
