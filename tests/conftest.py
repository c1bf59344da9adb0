"""What the tests share: the scripted world, a finished run of it, and `sf` called in this process or in its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import hypothesis
import pytest

from skillfactory_core.cli import main
from skillfactory_core.config import Config
from skillfactory_core.plugins import load_file, plugins
from skillfactory_core.run import Run

# The machine that runs the tests may be busy with something else.
hypothesis.settings.register_profile("skillfactory", deadline=None)
hypothesis.settings.load_profile("skillfactory")

WORLD = Path(__file__).parent / "scripted_world.py"
START = ("run", "--task", "countdown", "--model", "scripted", "--name", "it", "--runs")
"the command that starts a run of the scripted world, but for the folder of the runs"


@attrs.frozen
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*args: str | Path) -> Outcome:
    """`sf` in this process. What `main` does not catch fails the test."""
    out, err = StringIO(), StringIO()
    argv, sys.argv = sys.argv, ["sf", *map(str, args)]
    code: Any = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = argv
    return Outcome(code, out.getvalue(), err.getvalue())


def spawn(args: Sequence[str | Path], **settings: str) -> "subprocess.Popen[str]":
    """`sf` with the scripted world, in a process of its own."""
    command = [Path(sys.executable).with_name("sf"), "-p", WORLD, *args]
    environment = {**os.environ, "COLUMNS": "120", **settings}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tables_of(folder: Path) -> dict[str, str]:
    """path -> checksum of every Parquet file of a run."""
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*.parquet"))}


@pytest.fixture(scope="session")
def world() -> None:
    """The scripted world, plugged in."""
    if not any(plugin.name == WORLD.stem for plugin in plugins().found):
        load_file(WORLD)


@pytest.fixture(scope="session")
def finished(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the scripted world with every stage done. Not to be changed."""
    runs = tmp_path_factory.mktemp("runs")
    outcome = call(*START, runs)
    assert outcome.code == 0, outcome.err
    return runs / "it"


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "it"))


@pytest.fixture
def sf(world: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """`sf`, called in this process with the scripted world plugged in."""
    monkeypatch.setenv("COLUMNS", "200")
    return call


@pytest.fixture
def config() -> Config:
    """The settings of a run that does nothing by itself."""
    return Config(task="countdown", model="scripted", engine="world", trainer="still", prompts="pocket")


@pytest.fixture
def empty(tmp_path: Path, config: Config) -> Run:
    """A run folder without any work in it."""
    from skillfactory_core.run import start_run

    return start_run(tmp_path / "empty", config)
