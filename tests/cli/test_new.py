"""sf new: what it makes installs, passes its tests and is found, as it is; and no name is taken twice."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from conftest import Outcome

from skillfactory_core.scaffold.make import rendered
from skillfactory_core.scaffold.name import KINDS

Sf = Callable[..., Outcome]
MAIN = "from skillfactory_core.cli import main; main()"


@attrs.frozen
class Elsewhere:
    """A fresh environment that sees what this one has, with a distribution of each kind installed in it."""

    folder: Path
    python: Path

    def run(self, *args: str | Path, at: Path | None = None) -> "subprocess.CompletedProcess[str]":
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH"))}
        return subprocess.run(
            [self.python, *args],
            cwd=at or self.folder,
            env={**settings, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """Each kind made by the command itself and installed as its README says, without the network."""
    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        command = [sys.executable, "-c", MAIN, "new", kind, f"own_{kind}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=60)
    python = folder / "venv" / "bin" / "python"
    here = sysconfig.get_path("purelib")
    site = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    # The folders that are added by .pth files count too: this project's own is.
    (Path(site) / "ours.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    elsewhere = Elsewhere(folder, python)
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    editable = [word for kind in KINDS for word in ("-e", f"skillfactory-own-{kind}")]
    outcome = elsewhere.run("-m", "pip", "install", *offline, *editable)
    assert outcome.returncode == 0, outcome.stderr
    return elsewhere


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_what_is_made_pass_untouched(made: Elsewhere, kind: str) -> None:
    outcome = made.run("-m", "pytest", "-p", "no:cacheprovider", at=made.folder / f"skillfactory-own-{kind}")
    assert outcome.returncode == 0, outcome.stdout
    assert " passed" in outcome.stdout and "failed" not in outcome.stdout and "deselected" in outcome.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_is_listed_as_a_plugin_that_works(made: Elsewhere, kind: str) -> None:
    rows = {row["name"]: row for row in json.loads(made.run("-c", MAIN, "plugins", "--json").stdout)}
    row = rows[f"own_{kind}"]
    assert (row["state"], row["from"]) == ("ok", f"skillfactory-own-{kind} 0.1.0")
    listed = json.loads(made.run("-c", MAIN, KINDS[kind].command, "--json").stdout)
    assert f"own_{kind}" in {row["name"] for row in listed}


def test_the_task_that_is_made_passes_sf_check(made: Elsewhere) -> None:
    outcome = made.run("-c", MAIN, "check", "own_task", "--problems", "40", "--json")
    assert outcome.returncode == 0, outcome.stdout
    checks = json.loads(outcome.stdout)["checks"]
    assert {(check["variant"], check["state"]) for check in checks} == {(name, "ok") for name in "345"}


def test_a_name_that_is_installed_is_taken(made: Elsewhere) -> None:
    outcome = made.run("-c", MAIN, "new", "task", "own_task", "--to", "again")
    assert outcome.returncode == 2
    assert "there is a task named 'own_task' (skillfactory-own-task 0.1.0): choose another name" in outcome.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_told_and_the_next_step_with_it(sf: Sf, tmp_path: Path, kind: str) -> None:
    outcome = sf("new", kind, "mine", "--to", tmp_path / "here")
    *files, then = outcome.out.splitlines()
    found = {str(path) for path in (tmp_path / "here").rglob("*") if path.is_file()}
    assert set(files) == found and str(tmp_path / "here" / ".github" / "workflows" / "test.yml") in found
    assert then.startswith(f"now: cd {tmp_path / 'here'} && pip install -e")
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


@pytest.mark.parametrize("kind", KINDS)
def test_the_entry_point_names_the_module_and_every_field_is_filled(kind: str) -> None:
    files = dict(rendered(kind, "mine"))
    project = tomllib.loads(files[Path("pyproject.toml")])["project"]
    assert project["entry-points"]["skillfactory"] == {"mine": "mine"}
    assert project["name"] == "skillfactory-mine"
    assert {Path("mine.py"), Path("mine/__init__.py")} & files.keys()
    assert "@pytest.mark.slow\ndef test_a_small_model_is_trained" in files[Path("tests/test_mine.py")]
    for path, text in files.items():
        assert "{{" not in text and "{%" not in text and "NAME" not in str(path), path
        assert text.endswith("\n") and not text.endswith("\n\n"), path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a", "zebra_crossing"])
def test_what_is_made_is_clean_and_formatted(tmp_path: Path, sf: Sf, kind: str, name: str) -> None:
    folder = tmp_path / "here"
    assert sf("new", kind, name, "--to", folder).code == 0
    ruff = [sys.executable, "-m", "ruff"]
    rules = "E4,E7,E9,F,I,UP,B,C4,RET,SIM,ISC"
    for command in (["check", "--no-cache", "--select", rules], ["format", "--no-cache", "--check"]):
        outcome = subprocess.run([*ruff, *command, "."], cwd=folder, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("task", "3d", "a task cannot be named '3d'"),
        ("task", "my-task", "a task cannot be named 'my-task'"),
        ("skill", "class", "a skill cannot be named 'class'"),
        ("engine", "Größe", "an engine cannot be named 'Größe'"),
        ("task", "../up", "a task cannot be named '../up'"),
        ("task", "", "a task cannot be named ''"),
        ("task", "countdown", "there is a task named 'countdown' (skillfactory 0.1.0): choose another name (sf tasks)"),
        ("skill", "retry", "there is a skill named 'retry' (skillfactory 0.1.0): choose another name (sf skills)"),
        ("engine", "vllm", "there is an engine named 'vllm'"),
        ("task", "suites", "there is a plugin named 'suites' (skillfactory 0.1.0): choose another name (sf plugins)"),
        ("engine", "json", "there is a Python module named 'json', which the engine would hide: choose another"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line(sf: Sf, tmp_path: Path, kind: str, name: str, said: str) -> None:
    outcome = sf("new", kind, name, "--to", tmp_path / "here")
    assert outcome.code == 2 and said in outcome.err
    assert len(outcome.err.splitlines()) == 1 and not (tmp_path / "here").exists()


def test_a_folder_that_is_there_is_left_alone(sf: Sf, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    outcome = sf("new", "task", "mine", "--to", tmp_path / "here")
    assert outcome.code == 2
    assert outcome.err == f"sf: {tmp_path / 'here'} is there already: choose another folder with --to\n"
    assert not list((tmp_path / "here").iterdir())


def test_a_kind_that_there_is_no_scaffold_for_is_refused(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("new", "trainer", "mine", "--to", tmp_path / "here")
    assert outcome.code == 2 and "'trainer' is not one of 'task', 'skill', 'engine'" in outcome.err


def test_the_folder_may_lie_in_one_that_is_not_there_yet(sf: Sf, tmp_path: Path) -> None:
    assert sf("new", "skill", "mine", "--to", tmp_path / "far" / "away").code == 0
    assert (tmp_path / "far" / "away" / "pyproject.toml").is_file()


def test_a_write_that_fails_leaves_nothing(sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str, encoding: str) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    outcome = sf("new", "task", "mine", "--to", tmp_path / "here")
    assert outcome.code == 2 and "No space left on device" in outcome.err
    assert not list(tmp_path.iterdir())
