"""`sf evaluate --budget`, `--force` and `--budgets`, on a run of the scripted world, whose tokens are words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from conftest import Outcome, spawn, tables_of

from skillfactory_core import registry
from skillfactory_core.budget import forcing
from skillfactory_core.choices import find_model
from skillfactory_core.engines.scripted import ScriptedEngine, word_ends
from skillfactory_core.run import open_run
from skillfactory_skills.sample_reflect import SAMPLE_REFLECT as TAGS

METHODS = ("base", "sft", "skillfactory", "rl-only")
Sf = Callable[..., Outcome]
FORCED = ("--budget", "4", "--force", "30")


def done(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    return outcome


def folders(run: Path, budget: str) -> set[str]:
    return {path.name for path in (run / "8-evaluation" / f"budget-{budget}").iterdir()}


def test_every_method_answers_within_the_budget_and_then_goes_on(sf: Sf, copied: Path) -> None:
    before = tables_of(copied)
    out = done(sf("evaluate", copied, *FORCED)).out
    everywhere = {f"{method}-{exam}" for method in METHODS for exam in (3, 4, 5, 6)}
    assert folders(copied, "4") == folders(copied, "4-30") == everywhere
    assert {path: sum for path, sum in tables_of(copied).items() if path in before} == before
    run = open_run(copied)
    for standard, forced in zip(run.responses("sft", "4", "4"), run.responses("sft", "4", "4-30"), strict=True):
        # The last token before the seam and the first after it are one word of the text.
        assert standard.tokens <= 4 < forced.tokens == len(word_ends(forced.text)) + 1 <= 30
        assert forced.key == standard.key and forced.text.startswith(TAGS.unended(standard.text))
        assert TAGS.again in forced.text
    assert "accuracy in %: at most 4 tokens, then made to go on to at most 30" in out
    assert all(method in out for method in METHODS) and "mean" in out
    assert {one["variant"] for one in forcing(run)} == {"3", "4", "5", "6", "mean"}


def test_the_same_command_again_opens_no_model(sf: Sf, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = done(sf("evaluate", copied, *FORCED)).out
    before = tables_of(copied)
    monkeypatch.setattr(ScriptedEngine, "__init__", lambda *_: pytest.fail("all of it is there"))
    assert done(sf("evaluate", copied, *FORCED)).out == out
    assert tables_of(copied) == before


def test_some_methods_and_exams_can_be_asked_for(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, *FORCED, "--method", "sft", "--variant", "5"))
    assert folders(copied, "4") == folders(copied, "4-30") == {"sft-5"}
    done(sf("evaluate", copied, "--budget", "3", "--method", "base"))
    assert folders(copied, "3") == {f"base-{exam}" for exam in (3, 4, 5, 6)}
    assert not (copied / "8-evaluation" / "budget-3-30").exists()


def test_going_on_that_was_interrupted_ends_with_the_same_bytes(sf: Sf, copied: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(copied, tmp_path / "whole"))
    done(sf("evaluate", whole, *FORCED))
    process = spawn(["evaluate", copied, *FORCED], SCRIPTED_SLOW="0.01")
    while process.poll() is None and not list((copied / "8-evaluation" / "budget-4-30").glob("sft-4/part-*")):
        pass
    process.kill()
    process.communicate()
    assert tables_of(copied) != tables_of(whole)
    done(sf("evaluate", copied, *FORCED))
    assert tables_of(copied) == tables_of(whole)


def test_shards_of_going_on_make_the_same_tables(sf: Sf, copied: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(copied, tmp_path / "whole"))
    done(sf("evaluate", whole, *FORCED))
    for shard in ("0/2", "1/2"):
        assert tables_of(copied) != tables_of(whole)
        done(sf("evaluate", copied, *FORCED, "--shard", shard))
    assert tables_of(copied) == tables_of(whole)


def test_a_budget_leaves_the_evaluation_itself_as_it_is(sf: Sf, copied: Path) -> None:
    summary = sf("results", copied, "--json").out
    stages = open_run(copied).manifest()["stages"]
    done(sf("evaluate", copied, *FORCED))
    assert sf("results", copied, "--json").out == summary
    assert open_run(copied).manifest()["stages"] == stages


def test_regrade_corrects_responses_of_budgets_too(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, *FORCED, "--method", "base"))
    run = open_run(copied)
    for budget in ("4", "4-30"):
        table = run.responses("base", "3", budget)
        before = table.read(0)
        table.finish(0, [attrs.evolve(r, correct=not r.correct) for r in before])
        done(sf("regrade", copied))
        assert table.read(0) == before


def test_the_doctor_looks_at_the_evaluation_alone(sf: Sf, copied: Path) -> None:
    from skillfactory_core.doctor.limits import limits
    from skillfactory_core.engines.transformers import load_tokenizer

    done(sf("evaluate", copied, *FORCED, "--method", "base"))
    run = open_run(copied)
    prompts = registry.find(registry.PROMPTS, "pocket")
    findings = limits(load_tokenizer(find_model("pocket").path), prompts, run)
    told = {finding.check for finding in findings if finding.check.startswith("responses")}
    assert told == {f"responses {method}-{exam}" for method in METHODS for exam in (3, 4, 5, 6)}


def test_a_model_can_be_asked_within_a_budget_too(sf: Sf, tmp_path: Path) -> None:
    asked = ("--task", "countdown", "--problems", "3", "--samples", "1")
    done(sf("evaluate", "scripted", "--runs", tmp_path, *asked, *FORCED))
    evaluation = tmp_path / "evaluate-scripted-countdown" / "8-evaluation"
    assert {path.name for path in evaluation.iterdir()} == {"budget-4", "budget-4-30"}


def test_accuracy_over_budgets_is_told_and_kept(sf: Sf, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedEngine, "__init__", lambda *_: pytest.fail("nothing is generated"))
    before = tables_of(copied)
    out = done(sf("evaluate", copied, "--budgets", "1, 4,100")).out
    figures = json.loads((copied / "8-evaluation" / "budgets.json").read_text())
    assert figures["budgets"] == [1, 4, 100] and figures["methods"].keys() == set(METHODS)
    summary = json.loads(sf("results", copied, "--json").out)
    for method, by_exam in figures["methods"].items():
        for exam, (none, some, every) in by_exam.items():
            assert none["accuracy"] == 0 and none["truncated"] == 1
            assert none["accuracy"] <= some["accuracy"] <= every["accuracy"]
            assert every["accuracy"] == summary["methods"][method][exam]["accuracy"]
            assert every["low"] == summary["methods"][method][exam]["low"]
    assert "rl-only" in out and "100" in out
    assert tables_of(copied) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--budgets", "many"), "--budgets many: write numbers of tokens, such as 64,128,256"),
        (("--budgets", "5,"), "--budgets 5,: write numbers of tokens"),
        (("--budgets", "0"), "have at most 16384 tokens, so give 1 to 16384"),
        (("--budgets", "20000"), "have at most 16384 tokens, so give 1 to 16384"),
        (("--budgets", "5", "--budget", "5"), "--budgets looks at stored responses"),
        (("--budget", "0"), "0 is not in the range x>=1"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(sf: Sf, copied: Path, arguments: tuple[str, ...], said: str) -> None:
    refused = sf("evaluate", copied, *arguments)
    assert refused.code == 2 and said in refused.err and refused.err.count("\n") == 1
    assert not list((copied / "8-evaluation").glob("budget*"))
