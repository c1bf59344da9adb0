"""Real wheels, built and installed into a fresh environment: a good plugin, a broken one, and one for a later version."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from plugin_site import TASK

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.0"
dependencies = {needs}

[project.entry-points.skillfactory]
{name} = "{name}"

[tool.hatch.build.targets.wheel]
only-include = ["{name}.py"]
"""
PLUGINS = {
    "acme": (TASK.format(name="digits"), []),
    "beta": ("import nowhere_to_be_found", ["nowhere-to-be-found>=2"]),
    "gamma": (TASK.format(name="numerals"), ["skillfactory>=99"]),
}
"name -> its module and what it asks for"


def do(*command: str | Path) -> str:
    environment = {**os.environ, "PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of a fresh environment, which sees the packages of the one that the tests run in, and no pip."""
    do(sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh")
    (site,) = (tmp_path / "fresh").glob("lib/python*/site-packages")
    (site / "around.pth").write_text(f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n")
    return tmp_path / "fresh" / "bin" / "python"


def test_plugins_from_wheels_are_in_use_or_named_with_what_to_do(python: Path, tmp_path: Path) -> None:
    for name, (source, needs) in PLUGINS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(source)
        (folder / "pyproject.toml").write_text(PROJECT.format(name=name, needs=json.dumps(needs)))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet")
    wheel = (sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    do(*wheel, "--wheel-dir", tmp_path / "wheels", *(tmp_path / name for name in PLUGINS))
    wheels = sorted((tmp_path / "wheels").glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in wheels] == sorted(PLUGINS)
    do(*pip, *wheels)
    main = (python, "-c", "import sys; sys.argv[0] = 'sf'; from skillfactory_core.cli import main; main()")
    listed = {row["name"]: row for row in json.loads(do(*main, "plugins", "--json"))}
    assert {name: listed[name]["from"] for name in PLUGINS} == {name: f"{name} 1.0" for name in PLUGINS}
    assert listed["acme"]["state"] == listed["countdown"]["state"] == "ok"
    assert listed["beta"]["state"].endswith("install what it needs: pip install 'nowhere-to-be-found>=2'")
    assert listed["gamma"]["state"].startswith("needs skillfactory>=99, and this is ")
    names = {row["name"] for row in json.loads(do(*main, "tasks", "--json"))}
    assert "digits" in names and "numerals" not in names
    do(*main, "check", "digits", "--problems", "5")
    do(sys.executable, "-m", "pip", "--python", python, "uninstall", "--yes", "--quiet", *PLUGINS)
    assert not set(PLUGINS) & {row["name"] for row in json.loads(do(*main, "plugins", "--json"))}
