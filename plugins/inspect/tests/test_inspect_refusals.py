"""What an inspect task cannot be is said in one line, by inspect's own command too."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inspect_ai._util.error import PrerequisiteError

from skillfactory_core.testing import temporary_run
from skillfactory_inspect.tasks import TASKS

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
WRONG = [
    ("a misspelt option", "countdown", {"nubers": 4}, "has no option 'nubers': it has numbers, smallest"),
    (
        "an option of another type",
        "countdown",
        {"numbers": "four"},
        "numbers is 'four': give a whole number from 2 to 8",
    ),
    ("an option out of range", "countdown", {"numbers": 99}, "numbers is 99"),
    ("options that exclude each other", "countdown", {"smallest": 50, "largest": 40}, "smallest is 50, above largest"),
    ("a task that is not there", "any", {"task": "contdown"}, "no task named 'contdown': did you mean 'countdown'?"),
    ("no task", "any", {}, "skillfactory/any needs the name of a task"),
    ("a variant that is not there", "countdown", {"variant": 9}, "no variant of task 'countdown' named '9'"),
    ("a split that is not there", "countdown", {"split": "test"}, "no split named 'test': choose one of train, rl"),
    ("a prompt set that is not there", "countdown", {"prompts": "papr"}, "no prompt set named 'papr': did you mean"),
    ("tags that are not there", "countdown", {"tags": "none"}, "no tag format named 'none'"),
    ("no number of problems", "countdown", {"problems": "many"}, "evaluate.problems: 'many' is not a whole number"),
    ("no problems", "countdown", {"problems": 0}, "'problems' must be >= 1"),
    ("a seed that is none", "countdown", {"seed": "x"}, "evaluate.seed: 'x' is not a whole number"),
    ("settings of no model", "countdown", {"settings": "pockt"}, "no model named 'pockt': did you mean 'pocket'?"),
]


@pytest.mark.parametrize(("what", "name", "given", "line"), WRONG, ids=[what for what, *_ in WRONG])
def test_what_cannot_be_is_refused_in_one_line(what: str, name: str, given: dict[str, Any], line: str) -> None:
    with pytest.raises(PrerequisiteError) as refused:
        TASKS[name](**given)
    told = str(refused.value.message).replace("\\[", "[")
    assert line in told and "\n" not in told


def test_settings_of_a_run_of_another_task_are_refused(tmp_path: Path) -> None:
    run = temporary_run(tmp_path / "it", "countdown", last="problems")
    with pytest.raises(PrerequisiteError, match="is a run of task 'countdown', not of 'multiplication'"):
        TASKS["multiplication"](settings=str(run.folder))


def test_a_task_of_another_package_is_found_by_inspects_own_command(tmp_path: Path) -> None:
    package = tmp_path / "site"
    info = package / "third_party-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[skillfactory]\nthird = third_task\nbird = third_bird\n", encoding="utf-8")
    for example, module in (("double_it", "third_task"), ("parrot", "third_bird")):
        text = (EXAMPLES / f"{example}.py").read_text(encoding="utf-8")
        (package / f"{module}.py").write_text(text, encoding="utf-8")
    command = ["eval", "skillfactory/double_it", "--model", "skillfactory/parrot", "-M", "engine=parrot"]
    done = inspect(package, *command, "-T", "problems=2", "--epochs", "1", "--display", "plain")
    assert done.returncode == 0 and "accuracy  0.000" in done.stdout, done.stdout + done.stderr
    wrong = inspect(package, *command, "-T", "colour=red")
    assert wrong.returncode and "Traceback" not in wrong.stdout + wrong.stderr
    assert "task 'double_it' has no option 'colour'" in wrong.stdout


def inspect(package: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """inspect's own command, with a package on the path."""
    command = [Path(sys.executable).with_name("inspect"), *words, "--log-dir", "logs"]
    environment = {**os.environ, "PYTHONPATH": str(package), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=package, env=environment, check=False)
