"""What every command has: an example in its help, completions of its values, JSON where it reads, and no colours if not wanted."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import WORLD, Outcome, call

from skillfactory_core.cli import fail
from skillfactory_core.cli import sf as group
from skillfactory_core.cli.examples import EXAMPLES

Sf = Callable[..., Outcome]
SF = Path(sys.executable).with_name("sf")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7])[;m]")
WRITES = {
    *("run", "sample", "grade", "reflect", "rearrange", "sft", "grpo", "validate", "evaluate", "report", "import"),
    *("regrade", "export", "serve", "view", "new"),
}
"commands that make something; all others read, and tell it as JSON too"


def ours() -> list[str]:
    call("--help")
    return [
        name for name, command in group.commands.items() if command.callback.__module__.startswith("skillfactory_core.")
    ]


# Examples.


def test_the_help_of_every_command_ends_with_an_example_of_it(sf: Sf) -> None:
    for name in ours():
        outcome = sf(name, "--help")
        assert re.search(rf"\bsf (?:-p \S+ )?{re.escape(name)} \S", outcome.out.partition("Options")[2]), (
            f"sf {name} --help"
        )


def test_every_example_is_one_that_the_command_takes(sf: Sf) -> None:
    ours()
    for name, line in EXAMPLES.items():
        words = shlex.split(line)
        assert words[:2] == ["sf", name], line
        group.commands[name].make_context(name, words[2:])


# Completion.


def offered(line: str, folder: Path, word: str = "") -> list[str]:
    """What bash is offered after a line, for a word that has begun."""
    words = [*shlex.split(line), word]
    environment = {
        **os.environ,
        "_SF_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run([SF], env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.splitlines() if each.startswith("plain")]


@pytest.fixture(scope="module")
def place(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in runs/."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "runs").mkdir()
    (folder / "runs" / "it").symlink_to(finished)
    return folder


@pytest.mark.parametrize(
    ("line", "word", "names"),
    [
        ("sf", "count", {"counterfactual"}),
        ("sf run --task", "count", {"countdown"}),
        ("sf run --task countdown --preset", "", {"default", "smoke", "paper"}),
        ("sf run --task countdown --model", "po", {"pocket"}),
        ("sf check", "multi", {"multiplication"}),
        ("sf show", "", {"it"}),
        ("sf compare it", "", {"it"}),
        ("sf doctor --run", "", {"it"}),
        ("sf evaluate it --method", "", {"base", "sft", "skillfactory", "rl-only"}),
        ("sf run --method", "star", {"star"}),
        ("sf export", "verl", {"verl"}),
    ],
)
def test_the_tab_key_offers_names(place: Path, line: str, word: str, names: set[str]) -> None:
    assert set(offered(line, place, word)) == names


def test_the_tab_key_offers_what_a_plugin_brings(tmp_path: Path) -> None:
    assert offered(f"sf -p {WORLD} run --engine", tmp_path, "wor") == ["world"]


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_a_shell_is_told_how_to_complete(shell: str, word: str) -> None:
    done = subprocess.run(
        [SF], env={**os.environ, "_SF_COMPLETE": f"{shell}_source"}, capture_output=True, text=True, check=True
    )
    assert word in done.stdout and "_SF_COMPLETE" in done.stdout


# Colours.


def on_a_terminal(*args: str | Path, **settings: str) -> str:
    """What a command writes to a terminal."""
    ours_end, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120", **settings}
    process = subprocess.Popen([SF, *args], env=environment, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    found = b""
    while True:
        try:
            piece = os.read(ours_end, 65536)
        except OSError:
            break
        if not piece:
            break
        found += piece
    os.close(ours_end)
    assert process.wait(timeout=60) == 0
    return found.decode()


@pytest.mark.parametrize("command", ["--help", "run --help", "show RUN --trace 1"])
def test_no_color_takes_the_colours_away(finished: Path, command: str) -> None:
    args = [str(finished) if word == "RUN" else word for word in command.split()]
    assert COLOUR.search(on_a_terminal(*args))
    assert not COLOUR.search(on_a_terminal(*args, NO_COLOR="1"))


# JSON.


def test_every_command_that_reads_has_json(sf: Sf) -> None:
    without = [name for name in ours() if not any("--json" in each.opts for each in group.commands[name].params)]
    assert set(without) <= WRITES, set(without) - WRITES


@pytest.mark.parametrize(
    "command",
    [
        "results RUN",
        "compare RUN",
        "show RUN",
        "forecast RUN",
        "tasks",
        "plugins",
        "regrade RUN --dry-run",
        "evaluate RUN --budgets 5,9",
    ],
)
def test_json_is_all_that_such_a_command_prints(sf: Sf, copied: Path, command: str) -> None:
    outcome = sf(*(str(copied) if word == "RUN" else word for word in command.split()), "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) is not None


def test_a_dry_run_as_json_has_what_its_table_has(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path, "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["stages"][0]["stage"] == "sample"
    assert found["predicted"]["generations"] == sum(
        e["generations"] for e in found["stages"] if e["seconds"] is not None
    )


def test_json_without_a_dry_run_is_refused_by_run(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path, "--json")
    assert outcome.code == 2 and "--json goes with --dry-run" in outcome.err
    assert not list(tmp_path.iterdir())


# Errors.


def test_the_line_of_an_error_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes may share one output, and what one writes in two goes would mix with another's line."""
    written: list[str] = []
    monkeypatch.setattr(sys, "stderr", type("Pieces", (), {"write": lambda self, text: written.append(text)})())
    with pytest.raises(SystemExit) as ended:
        fail("what is wrong")
    assert written == ["sf: what is wrong\n"] and ended.value.code == 2
