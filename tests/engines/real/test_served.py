"""sf serve and the openai engine with the real vLLM: the base is served and asked, then the model that was trained from it.

Skipped unless SF_REAL_VLLM is the path of a Python that has vLLM, for instance .venv-engines/bin/python.
"""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cpu_program import put_into
from real import SF, SMALL

from skillfactory_core.run import open_run

PYTHON = os.environ.get("SF_REAL_VLLM", "")
pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="SF_REAL_VLLM is not set: make test-engines"),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module", autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The program `vllm` of that Python, first on the PATH."""
    folder = tmp_path_factory.mktemp("bin")
    put_into(folder, PYTHON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "COLUMNS": "200"}


def sf(*args: str | Path, code: int = 0) -> str:
    """What a command says on stderr; it ends with this code."""
    outcome = subprocess.run([SF, *args], env=environment(), capture_output=True, text=True, check=False)
    assert outcome.returncode == code, outcome.stderr
    return outcome.stderr


@contextmanager
def serving(model: str | Path, port: int, log: Path, *flags: str) -> Iterator[None]:
    """`sf serve` until it says that it serves; stopped as by Ctrl-C."""
    command = [SF, "serve", model, "--port", str(port), "--log", log, "--max-model-len", "1024", *flags]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith(f"serving {model}: sf run --task TASK --model {model} "), log.read_text()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    with socket.socket() as probe:
        # Connections that ended may linger; a server that still listens may not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_run_asks_the_server_of_its_base_and_then_that_of_its_trained_model(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "it"
    tuned = folder / "6-sft" / "model"
    address = f"engine_options.base_urls=http://127.0.0.1:{port}/v1"
    start = (*SMALL, "--runs", tmp_path, "--name", "it", "--no-baselines")
    with serving("pocket", port, tmp_path / "base.log"):
        said = sf(*start, "--engine", "openai", "-s", address, code=2)
        assert f"no server serves '{tuned}'" in said and f"sf serve {tuned}" in said
    run = open_run(folder)
    attempts = list(run.attempts)
    assert attempts and not any(attempt.error for attempt in attempts)
    assert all(attempt.tokens for attempt in attempts)
    # It is pocket that speaks, in its own words.
    assert sum("<answer>" in attempt.text for attempt in attempts) > len(attempts) / 2
    assert len({attempt.text for attempt in attempts}) > len(attempts) / 4
    assert not any(reflection.error for reflection in run.reflections)
    assert run.finished("evaluate-base")
    with serving(tuned, port, tmp_path / "tuned.log"):
        sf("evaluate", folder, "--method", "sft")
    assert run.finished("evaluate-sft")


def test_grpo_has_its_completions_from_a_server_that_gets_the_weights_of_every_step(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "it"
    sf(
        *(*SMALL, "--runs", tmp_path, "--name", "it", "--no-baselines", "--until", "sft", "-s", "grpo.rate=1e-3"),
        *("-s", f"trainer_options.rollout_servers=http://127.0.0.1:{port}/v1"),
    )
    with serving("pocket", port, tmp_path / "rollouts.log", "--rollouts"):
        sf("grpo", folder)
    made = folder / "7-grpo" / "skillfactory"
    steps = [json.loads(line) for line in (made / "log.jsonl").read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2]
    # Pocket's own weights, or those of the step before, would be far off.
    assert all(step["logp_gap"] < 1e-3 for step in steps)
    assert (made / "model" / "model.safetensors").is_file()
    assert not (made / "rollout-weights").exists()
