"""sf study: arms x seeds as one job that goes on, shares what is alike, and ends in a page."""

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Outcome, spawn
from toy_study import WAYS, timeless, written

from skillfactory_core.run import open_run

Sf = Callable[..., Outcome]
STUDY = f"{WAYS}\n[arms.star]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, STUDY)


def did(folder: Path) -> list[str]:
    """The stages that a run did itself."""
    return [event["stage"] for event in open_run(folder).events() if event["event"] == "finished"]


def test_a_study_does_every_run_and_shares_what_is_alike(sf: Sf, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    outcome = sf("study", file, "--to", folder)
    assert outcome.code == 0, outcome.err
    assert sorted(path.parent.name for path in folder.glob("*/config.toml")) == [
        f"{arm}-{seed}" for arm in ("any-order", "skillfactory", "star") for seed in (0, 1)
    ]
    assert did(folder / "skillfactory-0")[:4] == ["problems", "sample", "grade", "reflect"]
    # The same attempts in another order; without tags they have to be graded anew.
    assert did(folder / "any-order-0")[0] == "rearrange"
    assert did(folder / "star-0")[0] == "grade"
    assert did(folder / "skillfactory-1")[0] == "problems", "another seed has other problems"
    assert "evaluate-base" in did(folder / "skillfactory-0")
    assert "evaluate-base" not in did(folder / "any-order-0") + did(folder / "skillfactory-1")
    assert "grpo-rl-only" in did(folder / "skillfactory-1") and "grpo-rl-only" not in did(folder / "any-order-1")
    found = json.loads((folder / "results.json").read_text())
    assert list(found["rows"]) == [
        *("base", "skillfactory-sft", "any-order-sft", "star-sft", "rl-only", "skillfactory", "any-order", "star")
    ]
    assert found["rows"]["base"]["seeds"] == [0] and found["rows"]["any-order"]["seeds"] == [0, 1]
    assert found["mean_of"] == ["4", "5", "6"]
    for row in found["rows"].values():
        for each in (*row["exams"].values(), row["mean"]):
            assert 0 <= each["low"] <= each["accuracy"] <= each["high"] <= 1
    assert set(found["differences"]["star - rl-only"]) == {"3", "4", "5", "6", "mean"}
    page = (folder / "results.md").read_text()
    assert page in outcome.out
    assert "| Any order → GRPO |" in page and "| Base |" in page and "3 (trained on)" in page


def test_the_accuracies_are_those_of_the_runs(sf: Sf, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert sf("study", file, "--to", folder).code == 0
    found = json.loads((folder / "results.json").read_text())
    for arm in ("skillfactory", "any-order"):
        each = [json.loads(sf("results", folder / f"{arm}-{seed}", "--json").out) for seed in (0, 1)]
        for exam in ("3", "6"):
            method = {"any-order": "no-sample-order"}.get(arm, arm)
            mean = sum(one["methods"][method][exam]["accuracy"] for one in each) / 2
            assert found["rows"][arm]["exams"][exam]["accuracy"] == pytest.approx(mean)
            assert found["skill"][arm][exam]["answers"] == pytest.approx(
                sum(one["methods"][method][exam]["answers"] for one in each) / 2
            )


def test_a_study_that_was_killed_goes_on_and_ends_the_same(sf: Sf, file: Path, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert sf("study", file, "--to", whole).code == 0
    for stop in (signal.SIGKILL, signal.SIGINT):
        process = spawn(["study", file, "--to", torn], SCRIPTED_SLOW="0.01")
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(stop)
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err
    outcome = sf("study", file, "--to", torn)
    assert outcome.code == 0, outcome.err

    assert timeless(torn) == timeless(whole)
    before = did(torn / "star-1")
    assert sf("study", file, "--to", torn).code == 0
    assert did(torn / "star-1")[len(before) :] == ["report"]


def test_instructions_come_with_the_first_arm_and_the_best_checkpoint_with_every_arm(
    sf: Sf, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    asked = 'model = "scripted"\ninstructed = true\ngrpo.validation = 4\ngrpo.steps = 4'
    file.write_text(STUDY.replace('model = "scripted"', asked).replace("[arms.star]", "").replace("[0, 1]", "[0]"))
    outcome = sf("study", file, "--to", folder)
    assert outcome.code == 0, outcome.err
    assert "grpo-rl-instructed" in did(folder / "skillfactory-0")
    assert "grpo-rl-instructed" not in did(folder / "any-order-0") and "validate-no-sample-order" in did(
        folder / "any-order-0"
    )
    assert did(folder / "any-order-0")[0] == "rearrange", "the problems, those of validation too, are shared"
    found = json.loads((folder / "results.json").read_text())
    titles = {name: row["title"] for name, row in found["rows"].items()}
    assert list(titles) == [
        *(
            "base",
            "skillfactory-sft",
            "any-order-sft",
            "rl-only",
            "rl-only-best",
            "rl-instructed",
            "rl-instructed-best",
        ),
        *("skillfactory", "skillfactory-best", "any-order", "any-order-best"),
    ]
    assert titles["rl-instructed"] == "RL only, instructed"
    assert titles["skillfactory-best"] == "SkillFactory → GRPO, best on validation"
    stages = open_run(folder / "any-order-0").manifest()["stages"]
    best = stages["validate-no-sample-order"]["best_step"]
    assert found["rows"]["any-order-best"]["steps"] == {"0": {"best": best, "last": 4}}
    assert "steps" not in found["rows"]["any-order"]
    ours, its_best = (found["rows"][name]["tokens"]["generated"] for name in ("any-order", "any-order-best"))
    assert its_best > ours, "the checkpoints were asked"
    differences = (folder / "results.md").read_text().split("## Differences")[1].split("## Use")[0]
    assert "SkillFactory → GRPO, best on validation against RL only, best on validation" in differences
    assert "SkillFactory → GRPO against RL only, instructed" in differences
    assert "SkillFactory → GRPO against RL only, best on validation" not in differences
    assert f"| {best} of 4 |" in (folder / "results.md").read_text()


def test_results_can_be_had_before_the_end(sf: Sf, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    outcome = sf("study", file, "--to", folder, "--results")
    assert outcome.code == 2 and "nothing of study ways" in outcome.err
    small = file.with_name("ways.toml")
    small.write_text(STUDY.replace("seeds = [0, 1]", "seeds = [0]"))
    assert sf("study", small, "--to", folder).code == 0
    file.write_text(STUDY)
    outcome = sf("study", file, "--to", folder, "--results", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["rows"]["star"]["seeds"] == [0]
    page = (folder / "results.md").read_text()
    assert page.splitlines()[2].startswith("1 seed, so that intervals are over problems alone. ")
    assert "STaR → GRPO against SkillFactory → GRPO" in page
    assert "STaR → GRPO against Any order → GRPO" not in page


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('task = "countdown"', ""), "it names no task"),
        (("seeds = [0, 1]", "seeds = [0, 0]"), "names one twice"),
        (("seeds = [0, 1]", 'seeds = "all"'), "is not a list of whole numbers"),
        (("[settings]", "[setings]"), "no entry of study .* named 'setings': did you mean 'settings'"),
        (('method = "no-sample-order"', 'method = "no-order"'), "no method named 'no-order'"),
        (("[arms.star]", "[arms.sft]"), "an arm cannot be called 'sft'"),
        (("[arms.star]", "[arms.rl-instructed]"), "an arm cannot be called 'rl-instructed'"),
        (("[arms.star]", "[arms.star-best]"), "an arm cannot be called 'star-best'"),
        (("[arms.star]", "[arms.star]\nrounds = 0"), "rounds = 0 is not a whole number from 1 on"),
        (('model = "scripted"', "models = 3"), "no setting named 'models': did you mean 'model'"),
        (("[arms.skillfactory]", "[arms.skillfactory"), "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_study_that_makes_no_sense_is_one_line(sf: Sf, file: Path, change: tuple[str, str], reason: str) -> None:
    file.write_text(STUDY.replace(*change))
    outcome = sf("study", file)
    assert outcome.code == 2
    assert re.search(reason, outcome.err) and outcome.err.count("\n") == 1


def test_a_folder_with_other_runs_is_refused(sf: Sf, file: Path, finished: Path) -> None:
    outcome = sf("study", file, "--to", finished.parent)
    assert outcome.code == 2 and "which is not of study ways" in outcome.err
