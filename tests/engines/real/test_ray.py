"""The ray engine on a real cluster: two nodes on this machine, one of which dies. Run by `make test-engines`."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import START, spawn, tables_of
from real import SMALL, needs

from skillfactory_core.run import open_run

pytestmark = [pytest.mark.timeout(900), needs("ray")]

WORLD = ("--engine", "ray", "-s", "engine_options.engine=world", "--until", "reflect")
TOO_LONG = 600


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head with room for one actor, and nothing else."""
    from ray.cluster_utils import Cluster

    # What the nodes inherit: every reply takes a moment, so that there is a middle to disturb.
    os.environ["SCRIPTED_SLOW"] = "0.05"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    del os.environ["SCRIPTED_SLOW"]
    yield cluster
    cluster.shutdown()


@pytest.fixture
def second(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A second node in the cluster, with room for one actor more."""
    monkeypatch.setenv("SCRIPTED_SLOW", "0.05")
    node = cluster.add_node(num_cpus=1)
    monkeypatch.delenv("SCRIPTED_SLOW")
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node, allow_graceful=False)


def on(cluster: Any, *settings: str) -> tuple[str, ...]:
    """The flags that put a run of the scripted world on a cluster."""
    options = (f"address={cluster.address}", "cpus=1", *settings)
    return (*WORLD, *(part for option in options for part in ("-s", f"engine_options.{option}")))


def tables_until_reflect(folder: Path) -> dict[str, str]:
    """Those of the stages that the runs here do, to save the time of the others."""
    return {path: sum for path, sum in tables_of(folder).items() if path < "5"}


def ended(process: "subprocess.Popen[str]") -> str:
    """What a process that ends well says."""
    _, err = process.communicate(timeout=TOO_LONG)
    assert process.returncode == 0, err
    return err


def wait_for_attempts(process: "subprocess.Popen[str]", folder: Path, count: int) -> None:
    """Until a run has some attempts on disk."""
    deadline = time.monotonic() + TOO_LONG
    while sum(path.read_bytes().count(b"\n") for path in (folder / "2-attempts").glob("*.jsonl")) < count:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)


def test_a_run_on_two_nodes_has_the_tables_of_a_run_on_none(
    cluster: Any, second: Any, finished: Path, tmp_path: Path
) -> None:
    err = ended(spawn([*START, tmp_path, *on(cluster, "actors=2")]))
    assert tables_of(tmp_path / "it") == tables_until_reflect(finished)
    assert "ray" not in err.lower(), "Ray keeps quiet"


def test_when_a_node_dies_in_the_middle_the_run_ends_with_every_record_once(
    cluster: Any, second: Any, finished: Path, tmp_path: Path
) -> None:
    # The actor of the dead node has nowhere to go: the head has room for its own alone.
    process = spawn([*START, tmp_path, *on(cluster, "actors=2", "batch=4")])
    wait_for_attempts(process, tmp_path / "it", 8)
    cluster.remove_node(second, allow_graceful=False)
    ended(process)
    assert tables_of(tmp_path / "it") == tables_until_reflect(finished)


def test_a_run_whose_driver_is_killed_goes_on_and_the_cluster_stays(
    cluster: Any, finished: Path, tmp_path: Path
) -> None:
    process = spawn([*START, tmp_path, *on(cluster, "batch=4")])
    wait_for_attempts(process, tmp_path / "it", 8)
    process.kill()
    process.communicate()
    ended(spawn([*START, tmp_path, *on(cluster)]))
    assert tables_of(tmp_path / "it") == tables_until_reflect(finished)


POISON = """
import os
from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation

class Poisoned(Engine):
    name = "poisoned"
    summary = "dies of one request"

    def generate(self, requests, sampling):
        for request in requests:
            if request.key.endswith("train/3/plan_and_execute/1"):
                os.kill(os.getpid(), 9)
            yield Generation(request.key, "fine", 1, "stop")

@hookimpl
def register_engines():
    return [Poisoned]
"""


def test_a_request_that_kills_its_actor_is_one_failed_generation(cluster: Any, tmp_path: Path) -> None:
    plugin = tmp_path / "poison.py"
    plugin.write_text(POISON)
    flags = [*on(cluster), "-s", "engine_options.engine=poisoned", "--until", "sample"]
    ended(spawn(["-p", plugin, *START, tmp_path, *flags]))
    attempts = list(open_run(tmp_path / "it").attempts)
    assert len(attempts) == len({a.key for a in attempts}) == 64
    (failed,) = (a for a in attempts if a.error)
    assert failed.key.endswith("train/3/plan_and_execute/1")
    assert failed.error == "took its process down 4 times"


def rays() -> list[str]:
    """The processes of Ray that work: its two agents look for a dead cluster for a minute before they go."""
    lines = subprocess.check_output(["ps", "-eo", "args"], text=True).splitlines()
    return [line for line in lines if (line.startswith("ray::") and "Agent" not in line) or "/raylet" in line]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_cluster_that_a_run_started_ends_with_it_within_five_seconds(sent: signal.Signals, tmp_path: Path) -> None:
    before = len(rays())
    process = spawn([*START, tmp_path, *WORLD], SCRIPTED_SLOW="0.2", RAY_ADDRESS="local")
    wait_for_attempts(process, tmp_path / "it", 2)
    assert len(rays()) > before
    sent_at = time.monotonic()
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    while len(rays()) > before and time.monotonic() < sent_at + 30:
        time.sleep(0.1)
    assert time.monotonic() - sent_at < 5
    assert "Traceback" not in err
    if sent == signal.SIGINT:
        assert process.returncode == 130
        assert err.splitlines()[-1].endswith("run the same command again to go on")


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    process = spawn([*START, tmp_path, *WORLD, "-s", "engine_options.address=127.0.0.1:1"])
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("sf: engine 'ray' finds no cluster at 127.0.0.1:1")
    assert "Traceback" not in err


def test_an_engine_that_does_not_open_on_the_nodes_is_one_line(cluster: Any, tmp_path: Path) -> None:
    process = spawn([*START, tmp_path, *on(cluster, "engine_options.nonsense=1")])
    _, err = process.communicate(timeout=TOO_LONG)
    assert process.returncode == 2
    last = err.splitlines()[-1]
    assert last.startswith("sf: 2-attempts:") and "engine 'world' on node" in last and "nonsense" in last


def test_pocket_runs_in_two_actors_with_the_transformers_engine(tmp_path: Path) -> None:
    flags = ["--engine", "ray", "-s", "engine_options.actors=2", "-s", "engine_options.cpus=1", "--no-baselines"]
    start = [*SMALL, "--name", "it", "--runs", tmp_path, *flags]
    ended(spawn(start, RAY_ADDRESS="local"))
    run = open_run(tmp_path / "it")
    keys = [a.key for a in run.attempts]
    assert len(keys) == len(set(keys)) == run.manifest()["stages"]["sample"]["attempts"]
    assert not any(a.error for a in run.attempts)
    assert json.loads((run.folder / "manifest.json").read_text())["stages"]["report"]
