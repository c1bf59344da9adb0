"""What misled a newcomer is told now, each in a line that says what to do."""

import importlib.util
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from conftest import START, Outcome, spawn
from game_of_24 import GameOf24

from skillfactory_core.check import problems as check_problems
from skillfactory_core.check.run import check_task
from skillfactory_core.check.subject import Settings
from skillfactory_core.testing import check_case, plugged
from skillfactory_tasks.countdown import Countdown

Sf = Callable[..., Outcome]
HERE = Path(__file__).parent
TAGS = 'name = "odd"\nsummary = "odd"\nthink = "think"\nattempt = "try"\nreflection = "look"\n{more}'
VERDICT = 'verdict = "ruling"\nanswer = "answer"\ncorrect = "Right"\nincorrect = "Wrong"\n'
ANSWER = 'verdict = "verdict"\nanswer = "reply"\ncorrect = "Correct"\nincorrect = "Incorrect"\n'


@pytest.fixture
def double_check() -> Iterator[Any]:
    """The newcomer's skill, plugged in."""
    spec = importlib.util.spec_from_file_location("double_check", HERE / "double_check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with plugged(module, "double_check"):
        yield module


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, err = process.communicate(timeout=250)
    return process.returncode, out + err


def test_a_file_that_became_a_package_says_to_uninstall_that(tmp_path: Path) -> None:
    info = tmp_path / "site" / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[skillfactory]\ngame_of_24 = inside\n")
    source = (HERE / "game_of_24.py").read_text()
    (tmp_path / "site" / "inside.py").write_text(source)
    code, said = ended(spawn(["-p", HERE / "game_of_24.py", "tasks"], PYTHONPATH=str(tmp_path / "site")))
    assert code == 2 and f"; uninstall mine, or rename {HERE / 'game_of_24.py'}\n" in said


def test_a_file_that_plugs_nothing_in_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import attrs\n")
    code, said = ended(spawn(["-p", tmp_path / "mine.py", "skills"]))
    assert code == 0 and f"plugin 'mine' ({tmp_path / 'mine.py'}): it plugs nothing in: no function in it" in said


def test_the_help_says_which_plugins_are_not_in_use() -> None:
    code, said = ended(spawn(["--help"], SKILLFACTORY_BLOCK="acronym"))
    assert code == 0 and "Not in use: 'acronym' of skillfactory" in " ".join(said.split())


def test_a_record_is_told_of_by_its_name(sf: Sf) -> None:
    assert "options:\n  numbers = 3\n" in sf("tasks", "countdown").out
    assert "attempt: sample\nreflection: reflect\n" in sf("tag-formats", "sample-reflect").out
    assert sf("tasks", "contdown").err == "sf: no task named 'contdown': did you mean 'countdown'? (sf tasks)\n"


def test_a_run_that_does_not_say_the_phrases_of_its_skill_says_so(sf: Sf, tmp_path: Path, double_check: Any) -> None:
    skills = ("-s", 'skills=["double_check"]')
    outcome = sf(*START, tmp_path, "--until", "problems", *skills)
    assert (
        "the phrases of prompt set 'pocket', not those of skill 'double_check': for these, -s phrases=d" in outcome.err
    )
    assert "the phrases of prompt set" not in sf(*START, tmp_path / "own", "--until", "problems").err


def test_a_skill_is_asked_for_its_own_phrases_by_its_name(sf: Sf, tmp_path: Path, double_check: Any) -> None:
    own = ("-s", 'skills=["double_check"]', "-s", "phrases=double_check")
    outcome = sf(*START, tmp_path, "--until", "rearrange", *own)
    assert outcome.code == 0 and "the phrases of prompt set" not in outcome.err
    shown = sf("show", tmp_path / "it").out
    assert any(phrase in shown for phrase in double_check.SAID["closing"])
    assert (
        "no folder 'lost', and no such skill in this run (verify, retry)"
        in sf(*START, tmp_path, "-s", "phrases=lost").err
    )


def test_other_phrases_for_a_run_lead_to_the_command_that_takes_them(sf: Sf, tmp_path: Path) -> None:
    assert sf(*START, tmp_path, "--until", "sample").code == 0
    outcome = sf(*START, tmp_path, "-s", "phrases=retry")
    assert (
        outcome.code == 2
        and f"--name, or take its attempts for other traces: sf rearrange {tmp_path / 'it'}" in outcome.err
    )


def test_verdicts_in_another_form_than_is_read_are_told_as_that(sf: Sf, tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(TAGS.format(more=VERDICT))
    outcome = sf(*START, tmp_path, "--until", "rearrange", "-s", f"tags={tmp_path / 'tags.toml'}")
    assert outcome.code == 2
    assert (
        "no reflection has a verdict that tag format 'odd' reads, such as <ruling>Right</ruling>: take" in outcome.err
    )


def test_no_right_attempt_leads_to_the_attempts_and_to_the_model(sf: Sf, tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(TAGS.format(more=ANSWER))
    outcome = sf(*START, tmp_path, "--until", "grade", "-s", f"tags={tmp_path / 'tags.toml'}")
    assert outcome.code == 2 and "attempts is right (no_answer " in outcome.err
    assert f"(sf view {tmp_path / 'it'}); where model 'scripted' does not know such problems, take" in outcome.err


def test_a_task_that_asks_otherwise_than_when_the_run_began_is_refused(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sf(*START, tmp_path, "--until", "sample").code == 0
    asked = Countdown.question
    monkeypatch.setattr(Countdown, "question", lambda self, params: f"Please: {asked(self, params)}")
    outcome = sf(*START, tmp_path)
    assert outcome.code == 2 and "was started when task 'countdown' asked '" in outcome.err
    assert "and now it asks 'Please: " in outcome.err and "start a new run with --name" in outcome.err


def test_a_task_with_too_few_problems_is_told_how_many_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(self: GameOf24, random: Random) -> dict[str, Any]:
        time.sleep(0.002)
        return {"numbers": [random.choice([1, 2]), 2, 3, random.choice([4, 8])]}

    monkeypatch.setattr(check_problems, "STEP", 1.0)
    few = attrs.frozen(type("Few", (GameOf24,), {"make": make, "variants": lambda self: {}}))()
    found = next(iter(check_task(few, Settings(problems=40), (), ())))
    assert found.what.startswith("making the problems of split 'train' (")
    assert found.what.endswith(" of 40: make is slow, or there are no more) did not come back in 1 s")


def test_a_case_of_another_task_is_told_to_be_that() -> None:
    case = {"a": 1, "answer": "1", "correct": False, "reason": "wrong", "why": "of another task"}
    with pytest.raises(Exception, match="task 'game_of_24' cannot read the problem"):
        check_case(GameOf24(), case)
