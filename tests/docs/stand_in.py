"""`sf`, `pytest`, `pip` and `python` for the commands of the docs: a process that has all imported and forks for each.

    python tests/docs/stand_in.py SOCKET

Everything is the real thing but for three: a Guesser writes instead of a model, nothing is trained, and presets are tiny.
So a whole run takes a second, whatever model, engine and sizes a command names; what it names is looked up all the same.
"""

import json
import os
import pkgutil
import select
import signal
import site
import socket
import sys
import traceback
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from random import Random
from typing import Any

from skillfactory_core import choices, config, dry_run, pipeline, registry, resolve
from skillfactory_core.cli import QUIET
from skillfactory_core.engine import Engine, Request
from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.problem import Problem
from skillfactory_core.task import Task
from skillfactory_core.testing import Guesser, StillTrainer
from skillfactory_core.trainer import Trainer

TINY = {
    "sample": {"problems": 5, "attempts": 2},
    "reflect": {"reflections": 2},
    "grpo": {"problems": 3},
    "evaluate": {"problems": 2, "samples": 2},
}
IMPORTED = (
    "pyarrow.parquet",
    "pyarrow.compute",
    "jinja2",
    "rich.console",
    "rich.table",
    "numpy",
    "httpcore2",
    "pytest",
)
OURS = ("skillfactory_core", "skillfactory_tasks", "skillfactory_skills")


class Speaker(Guesser):
    """A Guesser whose trained models show the skill, so that there is something to look at in their responses."""

    def __call__(self, request: Request) -> str:
        random = Random(request.seed)
        problem, _ = self.asked(request.key)
        tags = self.tags
        answer = self.right(problem) if random.random() < 0.5 else self.wrong(problem)
        if request.prefix:
            return f"</{tags.think}>\n<{tags.answer}>{answer}</{tags.answer}>"
        if request.key.startswith((problem.key, "base/", "rl-only")):
            return super().__call__(request)
        claim = tags.correct if random.random() < 0.5 else tags.incorrect
        attempt = f"<{tags.attempt}>So <{tags.answer}>{answer}</{tags.answer}></{tags.attempt}>"
        check = f"<{tags.reflection}>Checked. <{tags.verdict}>{claim}</{tags.verdict}></{tags.reflection}>"
        return f"<{tags.think}>\n{attempt}\n{check}\n</{tags.think}>\n<{tags.answer}>{answer}</{tags.answer}>"

    def right(self, problem: Problem) -> str:
        return task_of(problem.task).reference(problem.params)

    def wrong(self, problem: Problem) -> str:
        others = (self.right(other) for other in self.problems.values() if other.task == problem.task)
        task = task_of(problem.task)
        return next((answer for answer in others if not task.grade(problem.params, answer).correct), "nothing")


@cache
def task_of(name: str) -> Task:
    """Looked up once: asking every plugin takes milliseconds."""
    found: Task = registry.find(registry.TASK, name)
    return found


@cache
def speaker(folder: Path) -> Speaker:
    return Speaker(folder)


class Still(StillTrainer):
    """Leaves a folder that looks like a model."""

    def sft(self, model: str, lessons: Any, folder: Path, *rest: Any) -> None:
        super().sft(model, lessons, folder, *rest)
        (folder / "model" / "config.json").write_text("{}")

    def grpo(self, model: str, questions: Any, reward: Any, folder: Path, *rest: Any) -> None:
        super().grpo(model, questions, reward, folder, *rest)
        (folder / "model" / "config.json").write_text("{}")


def prepare() -> None:
    """Put the three stand-ins in, and import whatever a command may want, so that forks have it."""
    look_up, sizes = choices.open_trainer, config.preset_settings

    def engine(self: pipeline.Pipeline, model: str) -> Engine:
        return ScriptedEngine(model, self.run.config.seed, speaker(self.run.folder))

    def trainer(kind: type[Trainer], settings: config.Config) -> Trainer:
        look_up(kind, settings)
        return Still()

    def probed(kind: type[Engine], model: str, settings: config.Config) -> Engine:
        return ScriptedEngine(
            model, settings.seed, lambda request: "So <answer>1</answer> <verdict>Incorrect</verdict>"
        )

    dry_run.open_engine = probed
    pipeline.Pipeline.engine = engine  # type: ignore[method-assign]
    choices.open_trainer = trainer
    resolve.preset_settings = lambda name: config.merge(sizes(name), TINY)  # type: ignore[attr-defined]
    os.fsync = lambda file: None
    for name in OURS:
        package = import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            with suppress(ImportError):
                import_module(module.name)
    for name in IMPORTED:
        import_module(name)


def serve(connection: socket.socket) -> int:
    """Do one command; its standard input, output and error are those of who asked. Returns the exit code."""
    message, files, *_ = socket.recv_fds(connection, 1 << 16, 3)
    while more := connection.recv(1 << 16):
        message += more
    asked = json.loads(message)
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    site.addsitedir(os.environ["SITE"])
    sys.argv = asked["command"]
    program = Path(sys.argv[0]).name
    try:
        PROGRAMS[program]()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - it is told, and the process ends
        traceback.print_exc()
        return 1
    return 0


def sf() -> None:
    from skillfactory_core.cli import main

    main()


def sf_pocket() -> None:
    from skillfactory_pocket.cli import main

    main()


def pytest() -> None:
    import pytest

    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))


def python() -> None:
    """A program on standard input."""
    exec(compile(sys.stdin.read(), "a block of the docs", "exec"), {"__name__": "__main__"})


def pip() -> None:
    """`pip install FOLDER` of a plugin, without the network and without what it asks for: that has to be here."""
    import re
    import tomllib
    from tempfile import TemporaryDirectory
    from zipfile import ZipFile

    from hatchling.build import build_wheel

    *options, folder = sys.argv[1:]
    folder = re.sub(r"\[\w+\]$", "", folder)
    if options not in (["install", "-e"], ["install"]) or not (Path(folder) / "pyproject.toml").is_file():
        sys.exit(f"pip: {' '.join(sys.argv[1:])}: here only plugins are installed, from their folders")
    project = tomllib.loads((Path(folder) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if project["name"] == "skillfactory":
        sys.exit("pip: SkillFactory itself is not installed again")
    with suppress(PackageNotFoundError):
        distribution(project["name"])
        return
    os.chdir(folder)
    with TemporaryDirectory() as made:
        ZipFile(Path(made) / build_wheel(made)).extractall(os.environ["SITE"])


PROGRAMS = {
    "sf": sf,
    "skillfactory": sf,
    "sf-pocket": sf_pocket,
    "pytest": pytest,
    "python": python,
    "pip": pip,
}


def main() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen(8)
        print("ready", flush=True)
        # Ends with the one that started it, whose end of this pipe closes.
        while server in select.select([server, sys.stdin], [], [])[0]:
            connection, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = 1
                try:
                    code = serve(connection)
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    connection.send(bytes([code]))
                    os._exit(code)
            connection.close()


if __name__ == "__main__":
    main()
