"""What the tests with real engines share: when they are left out, pocket's prompts, and which processes are left over."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from skillfactory_core import registry
from skillfactory_core.choices import find_model
from skillfactory_core.config import Config
from skillfactory_core.engine import Request
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.sample import ask

EVERYTHING = bool(os.environ.get("SKILLFACTORY_ENGINES"))
"`make test-engines` sets it: then nothing may be skipped"
POCKET = find_model("pocket").path
SF = Path(sys.executable).with_name("sf")
SMALL = ("run", "--task", "countdown", "--preset", "smoke", "-s", "sample.problems=8", "-s", "evaluate.problems=4")
"the whole method in short; --name, --runs and the engine are to follow"


def needs(module: str) -> pytest.MarkDecorator:
    """Leave a test out where an engine's library is missing, as it is in the environment of the other tests."""
    reason = f"there is no {module} here: make test-engines"
    return pytest.mark.skipif(find_spec(module) is None and not EVERYTHING, reason=reason)


def questions(problems: int, attempts: int = 1) -> list[Request]:
    """What `sf sample` asks pocket, `attempts` times with each of its prompts."""
    task = task_of(Config(task="countdown", task_options={"largest": 15, "smallest_target": 1, "largest_target": 99}))
    prompts = registry.find(registry.PROMPTS, "pocket")
    made = [problem for problem, _ in zip(task.problems(0, "train"), range(problems), strict=False)]
    return list(ask(made, prompts, task, attempts, 0))


def start(*args: str | Path, **settings: str) -> "subprocess.Popen[str]":
    """`sf` in a session of its own, by which all its descendants are known."""
    environment = {**os.environ, "COLUMNS": "120", **settings}
    pipe = subprocess.PIPE
    return subprocess.Popen([SF, *args], env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def living(session: int) -> list[str]:
    """The processes of a session, by name; those that only wait to be collected do not count."""
    listing = subprocess.run(["ps", "-eo", "sid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [" ".join(row[2:]) for row in rows if int(row[0]) == session and not row[1].startswith("Z")]


def seconds_until_nobody_lives(session: int, patience: float) -> float:
    begin = time.monotonic()
    while living(session) and time.monotonic() - begin < patience:
        time.sleep(0.05)
    return time.monotonic() - begin
