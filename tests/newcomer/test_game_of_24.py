"""The transcript of a newcomer, command by command: today's tree still says what it shows. And the grader that was written in it."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import attrs
import pytest
from game_of_24 import GameOf24

from skillfactory_core.testing import Case, case_name, check_case, check_table, read_cases

HERE = Path(__file__).parent
WRITTEN = ("game_of_24.py", "double_check.py", "cases.jsonl")
"what the newcomer wrote; the rest comes from the commands"
CASES = read_cases(HERE / "cases.jsonl")
SHIM = '#!/bin/sh\nexec {python} -P {code} "$@"\n'
"a command as an installed script is one: the folder that it is called in is not on its path"
COMMANDS = {
    "sf": "-c 'from skillfactory_core.cli import main; main()'",
    "pytest": "-m pytest -p no:cacheprovider",
    "pip": "-m pip",
}
OFFLINE = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this the other way round: 0 is without isolation
    "PIP_QUIET": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "200",
}


@attrs.frozen
class Step:
    """One command of the transcript and what it printed; `...` stands for what may differ."""

    command: str
    printed: str
    code: int


def steps() -> Iterator[Step]:
    """The commands of the page, in order. The last line of what one printed may be its exit code: [1]."""
    for block in re.findall(r"^```console\n(.*?)^```", (HERE / "transcript.md").read_text(), re.DOTALL | re.MULTILINE):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = shown.partition("\n")
            code = re.search(r"^\[(\d+)\]\n*\Z", printed, re.MULTILINE)
            yield Step(command, printed[: code.start()] if code else printed, int(code[1]) if code else 0)


def matches(printed: str, found: str) -> bool:
    """Word by word: how wide a column is does not matter."""
    words = [re.escape(" ".join(part.split())) for part in printed.split("...")]
    return re.fullmatch(r"\s*.*".join(words), " ".join(found.split()), re.DOTALL) is not None


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with what the newcomer wrote, and an environment that has what this one has."""
    folder = tmp_path_factory.mktemp("newcomer")
    venv = folder.with_name(f"{folder.name}-env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    here, site = sysconfig.get_path("purelib"), sysconfig.get_path("purelib", vars={"base": str(venv)})
    (Path(site) / "ours.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for name, code in COMMANDS.items():
        (venv / "bin" / name).write_text(SHIM.format(python=venv / "bin" / "python", code=code))
        (venv / "bin" / name).chmod(0o755)
    for name in WRITTEN:
        copy(HERE / name, folder)
    return folder


def test_every_command_of_the_transcript_still_prints_what_it_shows(clean: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH"))}
    path = f"{clean.with_name(f'{clean.name}-env') / 'bin'}:{os.environ['PATH']}"
    for step in steps():
        outcome = subprocess.run(
            ["sh", "-c", step.command],
            cwd=clean,
            env={**inherited, **OFFLINE, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        shown = f"$ {step.command}\n{outcome.stdout}\n[{outcome.returncode}], and the transcript says:\n{step.printed}"
        assert outcome.returncode == step.code, shown
        assert matches(step.printed, outcome.stdout), shown


def test_the_transcript_has_a_command_for_each_thing_that_a_newcomer_does() -> None:
    done = " ".join(step.command for step in steps())
    for words in (
        "sf new task",
        "sf new skill",
        "check game_of_24",
        "sf plugins",
        "pytest",
        "--preset smoke",
        "show mine",
    ):
        assert words in done, words


@pytest.mark.parametrize(
    ("printed", "found", "same"),
    [
        ("a  b", "a b\n", True),
        ("a ... d", "a b\nc d", True),
        ("a ...", "a", True),
        ("a", "a b", False),
        ("... d", "c e", False),
    ],
)
def test_what_is_printed_is_compared_word_by_word(printed: str, found: str, same: bool) -> None:
    assert matches(printed, found) is same


def test_the_table_of_cases_is_a_sound_one() -> None:
    check_table(GameOf24(), CASES)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_the_newcomers_grader_grades_as_the_table_says(case: Case) -> None:
    check_case(GameOf24(), case)
