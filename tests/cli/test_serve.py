"""sf serve, with a program in the place of vLLM that behaves as it is told."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome, spawn

from skillfactory_core import serve
from skillfactory_core.engine import Model
from skillfactory_core.engines.transformers import PLAIN_TEMPLATE

TESTS = Path(__file__).parents[1]
WEIGHTS = TESTS.parent / "plugins" / "pocket" / "skillfactory_pocket" / "weights"
VLLM = f"""#!{sys.executable}
import json, os, signal, subprocess, sys, time
sys.path.insert(0, {str(TESTS / "engines")!r})
from fake_server import FakeServer
mode = os.environ.get("FAKE_VLLM", "")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
told = {{"args": sys.argv[1:], "pid": os.getpid(), "child": child.pid, "environment": dict(os.environ)}}
with open(os.environ["FAKE_VLLM_TOLD"], "w") as file:
    json.dump(told, file)
print("INFO loading", flush=True)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "dies":
    print("ValueError: no such architecture", flush=True)
    print("INFO bye", flush=True)
    sys.exit(3)
if mode == "never":
    time.sleep(600)
if mode == "slow":
    time.sleep(1)
flag = lambda name: sys.argv[sys.argv.index(name) + 1]
server = FakeServer(port=int(flag("--port")))
at = sys.argv.index("--served-model-name") + 1
names = [word for word in sys.argv[at:at + 2] if not word.startswith("--")]
server.models = [{{"id": name, "root": sys.argv[2]}} for name in names]
server.start()
if mode == "dies later":
    time.sleep(1)
    print("CUDA error: out of luck", flush=True)
    os._exit(1)
signal.pause()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program, first on the PATH; the file in which it says what it was told."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(VLLM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_VLLM_TOLD", str(tmp_path / "told.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "told.json"


@contextmanager
def serving(port: int, *flags: str, mode: str = "") -> Iterator["subprocess.Popen[str]"]:
    process = spawn(["serve", "pocket", "--port", str(port), *flags], FAKE_VLLM=mode)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def read(told: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            found: dict[str, Any] = json.loads(told.read_text())
        except (OSError, ValueError):
            time.sleep(0.02)
        else:
            return found
    raise AssertionError("vllm was not started")


def gone(pid: int) -> bool:
    """Whether a process is no more, or has only to be fetched by its parent."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_the_command_that_it_prints_works(port: int, told: Path, tmp_path: Path) -> None:
    with serving(port, mode="slow") as process:
        line = line_of(process)
        assert line.startswith("serving pocket: sf run --task TASK --model pocket --engine openai ")
        command = shlex.split(line.partition(": sf ")[2].replace("TASK", "countdown"))
        small = ("--runs", tmp_path, "--until", "sample", "-s", "sample.problems=2", "-s", "sample.attempts=2")
        run = spawn([*command, *small])
        _, err = run.communicate(timeout=60)
        assert run.returncode == 0, err


def test_vllm_is_started_with_the_flags_that_make_its_texts_ours(port: int, told: Path) -> None:
    with serving(port, "--max-model-len", "512", "--dtype", "half", "--", "--seed", "7") as process:
        line_of(process)
        found = read(told)
        on_gpu = any(Path(device).exists() for device in serve.GPUS)
        eager = [] if on_gpu else ["--enforce-eager", "--no-enable-chunked-prefill"]
        assert found["args"] == [
            *("serve", str(WEIGHTS), "--host", "127.0.0.1", "--port", str(port)),
            *("--served-model-name", "pocket", str(WEIGHTS), "--generation-config", "vllm", "--dtype", "half", *eager),
            *("--max-model-len", "512", "--disable-uvicorn-access-log", "--seed", "7"),
        ]
        assert found["environment"]["VLLM_NO_USAGE_STATS"] == "1"


def test_on_a_cpu_it_serves_a_copy_whose_output_matrix_is_one_of_its_own(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    copied = Path(serve.untie(str(WEIGHTS), tmp_path / "copy"))
    weights = load_file(copied / "model.safetensors")
    assert weights["lm_head.weight"].equal(weights["model.embed_tokens.weight"])
    assert "lm_head.weight" not in load_file(WEIGHTS / "model.safetensors")
    assert not json.loads((copied / "config.json").read_text())["tie_word_embeddings"]
    assert serve.untie(str(copied), tmp_path / "again") == str(copied)
    assert not serve.lacks_template(str(copied))


def test_for_rollouts_it_takes_weights_and_tells_what_it_drew_from(port: int, told: Path) -> None:
    with serving(port, "--rollouts") as process:
        line = line_of(process)
        assert line.rstrip().endswith(f"-s trainer_options.rollout_servers=http://127.0.0.1:{port}/v1")
        found = read(told)
        assert "--logprobs-mode processed_logprobs" in " ".join(found["args"])
        assert found["environment"]["VLLM_SERVER_DEV_MODE"] == "1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_the_server_and_all_its_processes(port: int, told: Path, number: signal.Signals) -> None:
    with serving(port) as process:
        line_of(process)
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 0 and err.splitlines()[-1] == "stopped"
        found = read(told)
        assert gone(found["pid"]) and gone(found["child"])


def test_it_can_be_stopped_while_the_model_is_loaded(port: int, told: Path) -> None:
    with serving(port, mode="never") as process:
        found = read(told)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 0 and "Traceback" not in err
        assert gone(found["pid"]) and gone(found["child"])


def test_a_server_that_does_not_want_to_stop_is_ended_by_a_second_ctrl_c(port: int, told: Path) -> None:
    with serving(port, mode="stubborn") as process:
        line_of(process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 0
        found = read(told)
        assert gone(found["pid"]) and gone(found["child"])


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process of its parent's death")
def test_the_server_does_not_outlive_it_even_if_it_is_killed(port: int, told: Path) -> None:
    with serving(port) as process:
        line_of(process)
        process.kill()
        process.communicate()
        assert gone(read(told)["pid"])


def test_a_server_that_dies_while_it_starts_is_told_of_with_its_own_words(port: int, told: Path) -> None:
    with serving(port, mode="dies") as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2 and not out
    assert err.splitlines()[-1] == (
        f"sf: vllm serve ended with code 3: ValueError: no such architecture (its log is sf-serve-{port}.log)"
    )
    assert "Traceback" not in err
    assert gone(read(told)["child"])


def test_a_server_that_dies_later_ends_it_too(port: int, told: Path) -> None:
    with serving(port, mode="dies later") as process:
        assert line_of(process)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "vllm serve ended with code 1: CUDA error: out of luck" in err.splitlines()[-1]


def test_a_server_that_never_gets_ready_is_given_up(port: int, told: Path) -> None:
    with serving(port, "--wait", "4", "--log", "words.txt", mode="never") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "sf: vllm serve is not healthy after 4 s (--wait); its log is words.txt"
    assert gone(read(told)["pid"])


def test_a_port_in_use_is_said_before_anything_is_started(sf: Callable[..., Outcome], port: int, told: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        outcome = sf("serve", "pocket", "--port", str(port))
    assert outcome.code == 2 and not told.exists()
    assert f"port {port} of 127.0.0.1 cannot be taken" in outcome.err and "--port" in outcome.err


def test_without_vllm_it_says_how_to_get_it(
    sf: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    outcome = sf("serve", "pocket")
    assert outcome.code == 2 and "pip install 'skillfactory[vllm]'" in outcome.err


def test_a_model_that_does_not_exist_is_named(sf: Callable[..., Outcome], told: Path) -> None:
    outcome = sf("serve", "pokcet")
    assert outcome.code == 2 and "did you mean 'pocket'?" in outcome.err and not told.exists()


def test_a_key_in_a_flag_is_refused(sf: Callable[..., Outcome], told: Path) -> None:
    outcome = sf("serve", "pocket", "--", "--api-key=sk-very-secret")
    assert outcome.code == 2 and "VLLM_API_KEY" in outcome.err and "secret" not in outcome.err and not told.exists()


def test_a_model_without_a_chat_template_gets_the_one_that_our_engines_use(tmp_path: Path) -> None:
    bare = Path(shutil.copytree(WEIGHTS, tmp_path / "bare"))
    assert not serve.lacks_template(str(bare))
    (bare / "chat_template.jinja").unlink()
    assert serve.lacks_template(str(bare))
    made = serve.command("vllm", Model("bare", str(bare), ""), "bare", "h", 1, "", 0, "file.jinja", False, ())
    assert made[made.index("--chat-template") + 1] == "file.jinja"
    assert "content" in PLAIN_TEMPLATE
