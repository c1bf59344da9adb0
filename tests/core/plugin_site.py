"""A folder of fake distributions for the tests of plugins: a module, and the .dist-info that names it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

TASK = """
import attrs
from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.task import Task

@attrs.frozen
class Mine(Task):
    name = "{name}"
    summary = "a task for tests"
    answer_kind = "a number"

    def make(self, random):
        return {{"n": random.randint(0, 10**6)}}

    def canonical(self, params):
        return str(params["n"])

    def question(self, params):
        return f"What is {{params['n']}}?"

    def reference(self, params):
        return str(params["n"])

    def grade(self, params, answer):
        right = answer == str(params["n"])
        return Grade(right, answer, "ok" if right else "wrong")

@hookimpl
def register_tasks():
    return [Mine()]
"""
HOOK = "from skillfactory_core import hookimpl\n@hookimpl\n"
SF = Path(sys.executable).with_name("sf")


@attrs.frozen
class Site:
    """A folder of fake distributions that stands on sys.path."""

    folder: Path

    def install(self, distribution: str, source: str, name: str = "", points: str = "", needs: str = "") -> None:
        """A distribution with one module and one entry point, named like the distribution if not otherwise; `needs` is
        what it asks for."""
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(source)
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n{needs}")
        (info / "entry_points.txt").write_text(points or f"[skillfactory]\n{name or distribution} = {module}\n")

    def sf(self, *args: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200", **settings}
        return subprocess.run([SF, *args], env=environment, capture_output=True, text=True, timeout=60, check=False)

    def listed(self, command: str, **settings: str) -> dict[str, Any]:
        """What a listing says, by name."""
        answer = self.sf(command, "--json", **settings)
        assert answer.returncode == 0, answer.stderr
        return {row["name"]: row for row in json.loads(answer.stdout)}
