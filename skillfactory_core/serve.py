"""Serve: start vLLM's own server for a model, wait until it can be asked, and leave nothing of it behind."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from skillfactory_core.engine import Model
from skillfactory_core.engines import orphan
from skillfactory_core.errors import SkillFactoryError

GRACE_SECONDS = 15.0
"that a server has to end in order; a second Ctrl-C cuts them short"
LOOK_EVERY = 0.25
ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_CPU_KVCACHE_SPACE": "2",
}
"unless it says otherwise: nothing is reported to anybody, and the cache on a CPU takes 2 GiB"
GPUS = ("/dev/nvidiactl", "/dev/kfd")


def on_gpu() -> bool:
    return any(Path(device).exists() for device in GPUS)


def find_vllm() -> str:
    """The program `vllm`: on the PATH, or beside this Python."""
    beside = Path(sys.executable).with_name("vllm")
    found = shutil.which("vllm") or (str(beside) if os.access(beside, os.X_OK) else None)
    if found is None:
        raise SkillFactoryError("sf serve needs vLLM, and there is no program 'vllm': pip install 'skillfactory[vllm]'")
    return found


def command(
    vllm: str,
    model: Model,
    name: str,
    host: str,
    port: int,
    dtype: str,
    longest: int,
    template: str,
    rollouts: bool,
    extra: Sequence[str],
) -> list[str]:
    """`vllm serve` with what makes its texts those of our own engines.

    The model goes by the name it was asked for and by its path, for the stages ask for both; nothing is sampled by the model's own
    file; numbers are as exact as in our engines; and a model without a chat template gets the plain one that they use.
    On a CPU, a prompt in pieces ends vLLM 0.32 where the request has a seed. Roll-outs want the probabilities that were drawn from.
    """
    path = str(Path(model.path).resolve()) if Path(model.path).is_dir() else model.path
    names = dict.fromkeys((name, model.path))
    eager = () if on_gpu() else ("--enforce-eager", "--no-enable-chunked-prefill")
    return [
        *(vllm, "serve", path, "--host", host, "--port", str(port), "--served-model-name", *names),
        *("--generation-config", "vllm", "--dtype", dtype or ("bfloat16" if on_gpu() else "float32")),
        *eager,
        *(("--max-model-len", str(longest)) if longest else ()),
        *(("--chat-template", template) if template else ()),
        *(("--logprobs-mode", "processed_logprobs") if rollouts else ()),
        *("--disable-uvicorn-access-log", *extra),
    ]


def lacks_template(model: str) -> bool:
    """Whether a model has no chat template, so that our engines give it a plain one."""
    from skillfactory_core.engines.transformers import PLAIN_TEMPLATE, load_tokenizer

    folder = Path(model)
    if (folder / "chat_template.jinja").exists():
        return False
    return bool(load_tokenizer(model).chat_template == PLAIN_TEMPLATE)


def untie(model: str, folder: Path) -> str:
    """A copy of a model whose output matrix is one of its own, where it shares that of its input; otherwise the model.

    On a CPU, vLLM 0.32 keeps a shared one as it was when new weights come.
    """
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    from skillfactory_core.engines.transformers import load_tokenizer, model_error

    disable_progress_bar()
    try:
        if not AutoConfig.from_pretrained(model).tie_word_embeddings:
            return model
        whole = AutoModelForCausalLM.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise model_error(model, error) from error
    whole.config.tie_word_embeddings = False
    whole.lm_head.weight = type(whole.lm_head.weight)(whole.lm_head.weight.detach().clone())
    whole.save_pretrained(folder)
    load_tokenizer(model).save_pretrained(folder)
    return str(folder)


def check_port(host: str, port: int) -> None:
    """Found out now, not after the model was loaded."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SkillFactoryError(
                f"port {port} of {host} cannot be taken ({error.strerror}): choose another with --port"
            ) from error


@contextmanager
def started(arguments: Sequence[str], log: Path, rollouts: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with a group of its own, which ends with this block, all of it; its words go to the log.

    `rollouts`: it takes new weights, for which vLLM opens its paths for developers.
    """
    environment = {**ENVIRONMENT, **os.environ, orphan.OWNER: str(os.getpid())}
    if rollouts:
        environment["VLLM_SERVER_DEV_MODE"] = "1"
    with log.open("wb") as words:
        process = subprocess.Popen(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    try:
        yield process
    finally:
        stop(process)


def end_with_parent() -> None:
    """Have Linux end this process when its parent is killed in a way that leaves it no time."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its children: in order if that is quick, otherwise by force."""
    with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        if process.poll() is None:
            process.terminate()
            process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until_healthy(process: "subprocess.Popen[bytes]", host: str, port: int, seconds: float, log: Path) -> None:
    """Until the server answers; its death, or too long a wait, is an error."""
    deadline = time.monotonic() + seconds
    while not healthy(host, port):
        if process.poll() is not None:
            raise ended(process, log)
        if time.monotonic() > deadline:
            raise SkillFactoryError(f"vllm serve is not healthy after {seconds:g} s (--wait); its log is {log}")
        time.sleep(LOOK_EVERY)


def healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def ended(process: "subprocess.Popen[bytes]", log: Path) -> SkillFactoryError:
    """How a server ended, with what its log says about it: the last line that names an error, or the last of all."""
    if process.returncode < 0:
        return SkillFactoryError(
            f"vllm serve was ended by {signal.Signals(-process.returncode).name} (its log is {log})"
        )
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "error:" in line] or lines
    return SkillFactoryError(
        f"vllm serve ended with code {process.returncode}: {telling[-1][-300:] if telling else 'it said nothing'} (its log is {log})"
    )
