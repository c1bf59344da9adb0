"""The engine `vllm` without vLLM, and processes that do not outlive the one they work for. With vLLM: tests/engines/real."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from skillfactory_core.engines import orphan
from skillfactory_core.engines.vllm import VllmEngine
from skillfactory_core.errors import SkillFactoryError

FAMILY = """
import multiprocessing, os, sys, time
from skillfactory_core.engines import orphan

def child():
    orphan.watch()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    if sys.argv[1] == "ours":
        orphan.forbid()
    multiprocessing.get_context("spawn").Process(target=child).start()
    time.sleep(60)
"""


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_vllm_the_engine_says_what_to_install() -> None:
    with pytest.raises(SkillFactoryError, match=r"pip install 'skillfactory\[vllm\]'") as caught:
        VllmEngine("pocket", 0)
    assert "\n" not in str(caught.value)


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("whose", "survives"), [("ours", False), ("another's", True)])
def test_a_process_of_our_vllm_ends_when_its_parent_was_killed_and_anothers_does_not(
    whose: str, survives: bool, tmp_path: Path
) -> None:
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    environment = {name: value for name, value in os.environ.items() if name != orphan.OWNER}
    with subprocess.Popen(
        [sys.executable, script, whose], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(3 * orphan.LOOK_EVERY)
        assert lives(child)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + (2 if survives else 10)
        while lives(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert lives(child) == survives
        if survives:
            os.kill(child, signal.SIGKILL)
