"""Training in two processes under `accelerate launch`: the same steps as in one, and one of them that writes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import locked, open_run
from skillfactory_core.trainer import GrpoSettings
from skillfactory_core.trainers.trl import micro_share

pytestmark = pytest.mark.timeout(900)

BIN = Path(sys.executable).parent
TWO = (
    "--multi_gpu",
    "--num_processes",
    "2",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
)
SHARDED = ("--config_file", str(Path(__file__).parents[1] / "docs" / "examples" / "fsdp2.yaml"))
ON_CPU = ("-p", str(Path(__file__).with_name("fsdp_on_cpu.py")))


def sf(*args: str | Path, launcher: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    launch = [BIN / "accelerate", "launch", "--main_process_port", "0", *launcher] if launcher else []
    environment = {**os.environ, "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    return subprocess.run([*launch, BIN / "sf", *args], env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of pocket with traces and no training. Not to be changed."""
    runs = tmp_path_factory.mktemp("taught")
    small = ("-s", "sample.problems=8", "-s", "sft.checkpoints=1", "--no-baselines", "--until", "rearrange")
    done = sf("run", "--task", "countdown", "--preset", "smoke", "--name", "it", "--runs", runs, *small)
    assert done.returncode == 0, done.stderr
    return runs / "it"


@pytest.fixture(scope="module")
def alone(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run, trained by one process."""
    return trained(taught, tmp_path_factory.mktemp("alone"))


def trained(taught: Path, folder: Path, launcher: tuple[str, ...] = (), plugin: tuple[str, ...] = ()) -> Path:
    run = Path(shutil.copytree(taught, folder / "it"))
    for stage in ("sft", "grpo"):
        done = sf(*plugin, stage, run, launcher=launcher)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(f"{stage}:") + done.stdout.count(f"{stage}-skillfactory:") == 1, "one of them speaks"
    return run


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("launcher", "plugin"), [(TWO, ()), (SHARDED, ON_CPU)], ids=["copies", "FSDP2"])
def test_two_processes_train_as_one_does(
    taught: Path, alone: Path, tmp_path: Path, launcher: tuple[str, ...], plugin: tuple[str, ...]
) -> None:
    from safetensors.torch import load_file

    run = trained(taught, tmp_path, launcher, plugin)
    before, now = open_run(alone).sft, open_run(run).sft
    steps, own = log(before), log(now)
    assert [line["step"] for line in own] == [line["step"] for line in steps] == list(range(1, len(steps) + 1))
    # The last step of an epoch is filled up with lessons from its start, where they do not come out even.
    for line, other in zip(steps[:-1], own, strict=False):
        assert other["loss"] == pytest.approx(line["loss"], rel=1e-4)
        assert other["num_tokens"] == line["num_tokens"]
    one, two = (load_file(folder / "model" / "model.safetensors") for folder in (before, now))
    assert {name: two[name].shape for name in one} == {name: one[name].shape for name in one}, "whole, no shard"
    figures = log(open_run(run).grpo("skillfactory"))
    assert [line["step"] for line in figures] == [1, 2]
    # Each place has its own random stream, whichever process it is in.
    assert figures[0]["tokens"] == pytest.approx(log(open_run(alone).grpo("skillfactory"))[0]["tokens"], rel=0.2)
    assert (run / "7-grpo" / "skillfactory" / "model" / "model.safetensors").is_file()
    events = [(event["event"], event["stage"]) for event in open_run(run).events()][-4:]
    assert events == [(what, stage) for stage in ("sft", "grpo-skillfactory") for what in ("started", "finished")]
    assert {"sft", "grpo-skillfactory"} <= open_run(run).manifest()["stages"].keys()


def ours(text: str) -> set[str]:
    """The lines of an output that are ours, not the launcher's."""
    return {line for line in text.splitlines() if line.startswith("sf: ")}


def test_a_batch_that_cannot_be_shared_out_is_one_line(taught: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(taught, tmp_path / "it"))
    config = run / "config.toml"
    config.write_text(config.read_text().replace("\nbatch = 16", "\nbatch = 15"))
    done = sf("sft", run, launcher=TWO)
    assert done.returncode != 0
    assert ours(done.stderr) == {"sf: sft.batch = 15 must be a multiple of the 2 processes that train"}


@pytest.mark.parametrize(("processes", "micro"), [(1, 12), (2, 12), (4, 12), (6, 8), (48, 1)])
def test_a_process_takes_its_share_of_a_minibatch_in_passes_of_micro_batch(processes: int, micro: int) -> None:
    assert micro_share(GrpoSettings(minibatch=6, rollouts=8, micro_batch=12), processes) == micro


@pytest.mark.parametrize("processes", [3, 5, 64])
def test_a_minibatch_that_cannot_be_shared_out_is_one_line(processes: int) -> None:
    settings = GrpoSettings(minibatch=4, rollouts=8, micro_batch=16)
    with pytest.raises(SkillFactoryError, match=f"= 32 completions must be a multiple of {processes} processes x"):
        micro_share(settings, processes)


def test_a_run_that_is_in_use_is_refused_for_all_processes(taught: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(taught, tmp_path / "it"))
    with locked(run):
        done = sf("sft", run, launcher=TWO)
    assert done.returncode != 0
    assert ours(done.stderr) == {f"sf: {run} is in use by another process; wait for it or choose another --name"}
    assert not (run / "6-sft" / "model").exists()


def test_other_commands_are_for_one_process(taught: Path) -> None:
    done = sf("sample", taught, launcher=TWO)
    assert done.returncode != 0
    assert ours(done.stderr) == {"sf: 2 processes run this command, and only sf sft and sf grpo are for several"}
