"""`sf evaluate`: suites for a run that exists, and runs of models that are only evaluated."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from conftest import START, Outcome, spawn, tables_of

from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.run import add_suites, open_run

METHODS = ("base", "sft", "skillfactory", "rl-only")
OWN = ("3", "4", "5", "6")
ROWS = '{"question": "Make 6 from 1, 2, 3.", "answer": "6"}\n{"question": "Make 7 from 1, 2, 4.", "answer": "7"}\n'
Sf = Callable[..., Outcome]


def refuse_to_generate(*_: object) -> None:
    raise AssertionError("all of it is there")


def evaluated(folder: Path) -> set[str]:
    return {path.name for path in (folder / "8-evaluation").iterdir()}


def named(*exams: str, methods: tuple[str, ...] = METHODS) -> set[str]:
    return {f"{method}-{exam}" for method in methods for exam in exams}


def done(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    return outcome


# -- suites, on a run that exists


def test_a_suite_adds_its_exams_and_changes_nothing_that_was_there(sf: Sf, copied: Path) -> None:
    before = tables_of(copied)
    outcome = done(sf("evaluate", copied, "--suite", "more"))
    after = tables_of(copied)
    assert evaluated(copied) == named(*OWN, "wide", "more-4")
    assert {path: after[path] for path in before} == before
    assert len(after) > len(before)
    assert open_run(copied).config.evaluate.suites == ("more",)
    assert len([line for line in outcome.err.splitlines() if "exam 'lost' of suite 'more' is left out" in line]) == 1
    assert "left_out_lost" in (open_run(copied).finished("problems") or {})


def test_the_counts_of_a_stage_tell_of_old_and_new_exams(sf: Sf, copied: Path) -> None:
    run = open_run(copied)
    before = run.finished("evaluate-sft") or {}
    done(sf("evaluate", copied, "--suite", "more"))
    after = run.finished("evaluate-sft") or {}
    assert "left_out" not in before and after["left_out"] == 1
    assert {name for name in after if name.startswith("accuracy_")} == {
        f"accuracy_{n}" for n in (*OWN, "wide", "more-4")
    }
    assert all(after[name] == value for name, value in before.items() if name.startswith("accuracy_"))
    assert any("sft-wide" in path for path in after["files"])
    problems = run.finished("problems") or {}
    assert (problems["train-3"], problems["evaluation-wide"], problems["evaluation-more-4"]) == (8, 4, 5)


def test_results_and_report_tell_of_the_exams_of_a_suite(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, "--suite", "more"))
    summary = json.loads(sf("results", copied, "--json").out)
    assert summary["variants"] == [*OWN, "wide", "more-4"]
    assert set(summary["methods"]["rl-only"]) == {*OWN, "wide", "more-4"}
    done(sf("report", copied))


def test_the_same_command_again_opens_no_model(sf: Sf, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(sf("evaluate", copied, "--suite", "more"))
    before = tables_of(copied)
    monkeypatch.setattr(ScriptedEngine, "__init__", refuse_to_generate)
    done(sf("evaluate", copied, "--suite", "more"))
    done(sf("evaluate", copied))
    assert tables_of(copied) == before
    assert open_run(copied).config.evaluate.suites == ("more",)


def test_an_exam_that_was_left_out_is_done_when_its_data_are_there(
    sf: Sf, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done(sf("evaluate", copied, "--suite", "more"))
    refused = sf("evaluate", copied, "--variant", "lost")
    assert refused.code == 2
    assert f"exam 'lost' of {copied} has no problems: data file lost.jsonl cannot be read" in refused.err
    (tmp_path / "lost.jsonl").write_text(ROWS)
    outcome = done(sf("evaluate", copied, "--suite", "more"))
    assert "left out" not in outcome.err
    assert named("lost") <= evaluated(copied)
    problems = open_run(copied).finished("problems") or {}
    assert problems["evaluation-lost"] == 2 and "left_out_lost" not in problems
    (tmp_path / "lost.jsonl").unlink()
    assert "left out" not in done(sf("evaluate", copied, "--suite", "more")).err, "what is made stays made"


def test_a_suite_that_was_interrupted_ends_with_the_same_bytes(sf: Sf, copied: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(copied, tmp_path / "whole"))
    done(sf("evaluate", whole, "--suite", "more"))
    process = spawn(["evaluate", copied, "--suite", "more"], SCRIPTED_SLOW="0.02")
    while process.poll() is None and not list((copied / "8-evaluation").glob("sft-wide/part-*")):
        pass
    process.kill()
    process.communicate()
    assert tables_of(copied) != tables_of(whole)
    done(sf("evaluate", copied))
    assert tables_of(copied) == tables_of(whole)


def test_a_run_that_was_interrupted_before_a_suite_had_problems_makes_them(
    sf: Sf, copied: Path, tmp_path: Path
) -> None:
    whole = Path(shutil.copytree(copied, tmp_path / "whole"))
    done(sf("evaluate", whole, "--suite", "more"))
    run = add_suites(open_run(copied), "more")
    run.problems("evaluation", "wide").finish(0, open_run(whole).problems("evaluation", "wide").read(0))
    done(sf("evaluate", copied))
    assert tables_of(copied) == tables_of(whole)


def test_some_exams_of_some_methods_can_be_asked_for_and_the_rest_comes_later(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, "--suite", "more", "--variant", "wide", "--method", "base"))
    assert evaluated(copied) == named(*OWN) | {"base-wide"}
    done(sf("evaluate", copied, "--variant", "wide", "--variant", "more-4", "--method", "sft"))
    assert evaluated(copied) == named(*OWN) | {"base-wide", "sft-wide", "sft-more-4"}
    done(sf("evaluate", copied))
    assert evaluated(copied) == named(*OWN, "wide", "more-4")


def test_an_exam_that_is_none_is_refused(sf: Sf, copied: Path) -> None:
    refused = sf("evaluate", copied, "--variant", "wide")
    assert refused.code == 2 and f"no exam of {copied} named 'wide'" in refused.err


def test_shards_want_the_problems_first_and_then_make_the_same_tables(sf: Sf, copied: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(copied, tmp_path / "whole"))
    done(sf("evaluate", whole, "--suite", "more"))
    refused = sf("evaluate", copied, "--suite", "more", "--shard", "0/2")
    assert refused.code == 2 and f"sf evaluate {copied} --suite more --prepare" in refused.err
    assert open_run(copied).config.evaluate.suites == ()
    done(sf("evaluate", copied, "--suite", "more", "--prepare"))
    assert evaluated(copied) == named(*OWN)
    for shard in ("0/2", "1/2"):
        assert f"shard {shard}" in done(sf("evaluate", copied, "--suite", "more", "--shard", shard)).out
    done(sf("evaluate", copied))
    assert tables_of(copied) == tables_of(whole)


def test_the_command_that_began_a_run_goes_on_after_suites_were_added(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, "--suite", "more"))
    before = tables_of(copied)
    done(sf(*START, copied.parent))
    assert tables_of(copied) == before
    assert open_run(copied).config.evaluate.suites == ("more",)


def test_the_command_that_began_a_run_may_itself_name_more_suites(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, "--suite", "yet-more"))
    done(sf(*START, copied.parent, "-s", 'evaluate.suites=["more"]'))
    assert open_run(copied).config.evaluate.suites == ("yet-more", "more")
    assert evaluated(copied) == named(*OWN, "wide", "more-4", "more-wide")
    refused = sf(*START, copied.parent, "-s", "evaluate.samples=3")
    assert refused.code == 2 and "evaluate.samples: 2 then, 3 now" in refused.err


def test_regrade_reads_the_responses_to_a_suite_with_the_suites_problems(sf: Sf, copied: Path) -> None:
    done(sf("evaluate", copied, "--suite", "more"))
    run = open_run(copied)
    table = run.responses("base", "more-4")
    before = table.read(0)
    table.finish(0, [attrs.evolve(r, correct=not r.correct) for r in before])
    done(sf("regrade", copied))
    assert table.read(0) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--suite", "mor"), "no suite named 'mor': did you mean 'more'? (sf suites)"),
        (("--task", "countdown"), "--task is for a model, and"),
        (("--samples", "3"), "--samples is for a model, and"),
        (("-o", "numbers=3"), "-o is for a model, and"),
        (("-s", "evaluate.samples=3"), "setting 'evaluate' is decided in"),
        (("--force", "100"), "--force makes responses of a budget go on: say which"),
        (("--budget", "100", "--force", "100"), "responses of 100 tokens cannot go on to 100"),
        (("--budgets", "1,2", "--suite", "more"), "--budgets looks at stored responses and makes none: give it alone"),
        (("--budgets", "1,2", "--method", "base"), "--budgets looks at stored responses and makes none: give it alone"),
        (("--method", "bogus"), "has no stage 'evaluate-bogus'"),
    ],
)
def test_what_does_not_fit_a_run_is_refused_and_changes_nothing(
    sf: Sf, copied: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = (copied / "config.toml").read_bytes()
    refused = sf("evaluate", copied, *arguments)
    assert refused.code == 2 and said in refused.err and refused.err.count("\n") == 1
    assert (copied / "config.toml").read_bytes() == before


def test_another_engine_may_answer_and_the_run_keeps_its_own(sf: Sf, copied: Path) -> None:
    outcome = sf("evaluate", copied, "--suite", "yet-more", "--engine", "scripted", "--method", "base")
    assert outcome.code == 2 and "script scripted cannot be read" in outcome.err, "the engine that was asked for"
    config = open_run(copied).config
    assert (config.engine, config.evaluate.suites) == ("world", ("yet-more",))


# -- a model


def begin(runs: Path, *more: str) -> tuple[Any, ...]:
    return ("evaluate", "scripted", "--runs", runs, "--problems", "5", "--samples", "2", *more)


def test_a_model_gets_a_run_that_trains_nothing_and_reads_like_any_other(sf: Sf, tmp_path: Path) -> None:
    outcome = done(sf(*begin(tmp_path, "--task", "countdown", "-o", "largest=9")))
    folder = tmp_path / "evaluate-scripted-countdown"
    run = open_run(folder)
    assert (run.config.method, run.config.arms, run.config.preset) == ("none", ("base",), "paper")
    assert evaluated(folder) == named(*OWN, methods=("base",))
    assert "base" in outcome.out and "accuracy" in outcome.out
    assert json.loads(sf("results", folder, "--json").out)["methods"].keys() == {"base"}
    done(sf("report", folder))
    page = run.report.read_text()
    assert "This run trains nothing. It evaluates the model scripted as it is." in page
    assert not [word for word in ("fine-tunes the model", "Reinforce the baseline", "not run yet") if word in page]


def test_a_model_answers_what_the_base_of_a_run_answered(sf: Sf, finished: Path, tmp_path: Path) -> None:
    done(sf(*begin(tmp_path, "--task", "countdown", "-o", "largest=9", "-s", "part=3")))
    ours, theirs = tables_of(tmp_path / "evaluate-scripted-countdown"), tables_of(finished)
    assert ours == {path: theirs[path] for path in ours}


def test_the_same_command_for_a_model_goes_on(sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = begin(tmp_path, "--task", "countdown", "--name", "it")
    done(sf(*command))
    before = tables_of(tmp_path / "it")
    (tmp_path / "it" / "8-evaluation" / "base-4" / "part-00001.parquet").unlink()
    done(sf(*command))
    assert tables_of(tmp_path / "it") == before
    monkeypatch.setattr(ScriptedEngine, "__init__", refuse_to_generate)
    done(sf(*command))


def test_a_model_may_be_evaluated_on_suites_alone_and_on_more_of_them_later(sf: Sf, tmp_path: Path) -> None:
    done(sf(*begin(tmp_path, "--suite", "yet-more")))
    folder = tmp_path / "evaluate-scripted"
    assert evaluated(folder) == {"base-wide"}
    before = tables_of(folder)
    done(sf(*begin(tmp_path, "--suite", "more")))
    assert evaluated(folder) == {"base-wide", "base-more-wide", "base-4", "base-same"}
    assert {path: sum for path, sum in tables_of(folder).items() if path in before} == before
    done(sf(*begin(tmp_path)))
    done(sf("evaluate", folder))


def test_the_preset_and_any_setting_can_be_chosen_for_a_model(sf: Sf, tmp_path: Path) -> None:
    chosen = ("--preset", "smoke", "-s", "evaluate_sampling.temperature=0.1", "-s", "seed=7")
    done(sf("evaluate", "scripted", "--runs", tmp_path, "--task", "countdown", "--name", "it", *chosen))
    config = open_run(tmp_path / "it").config
    assert (config.preset, config.evaluate_sampling.temperature, config.seed) == ("smoke", 0.1, 7)
    assert config.evaluate.problems == 5, "the model's own settings come on top of the preset"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to evaluate scripted on: --suite NAME (sf suites) or --task NAME (sf tasks)"),
        (("--suite", "mor"), "no suite named 'mor'"),
        (("--task", "contdown"), "no task named 'contdown'"),
        (("--task", "countdown", "-o", "size=3"), "task 'countdown' has no option 'size'"),
        (("--task", "countdown", "--shard", "0/2"), "--shard and --budgets are for a run that is there"),
    ],
)
def test_what_does_not_fit_a_model_is_refused(sf: Sf, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    refused = sf(*begin(tmp_path, *arguments))
    assert refused.code == 2 and said in refused.err


def test_a_task_that_was_asked_for_and_has_no_data_is_an_error(sf: Sf, tmp_path: Path) -> None:
    asked = ("--task", "gsm8k", "-o", "evaluation_path=lost.jsonl")
    refused = sf("evaluate", "pocket", "--runs", tmp_path, *asked)
    assert refused.code == 2 and "sf: data file lost.jsonl cannot be read" in refused.err
    assert not (tmp_path / "evaluate-pocket-gsm8k" / "1-problems").exists()


def test_a_name_that_is_neither_a_run_nor_a_model_is_said_to_be_no_run(sf: Sf, tmp_path: Path) -> None:
    refused = sf("evaluate", tmp_path / "nothing", "--suite", "more")
    assert refused.code == 2 and "is not a run folder" in refused.err


@pytest.mark.parametrize(
    ("model", "task", "name"),
    [
        ("pocket", None, "evaluate-pocket"),
        ("pocket", "countdown", "evaluate-pocket-countdown"),
        ("Qwen/Qwen2.5-1.5B-Instruct", None, "evaluate-Qwen2.5-1.5B-Instruct"),
        ("runs/it/6-sft/model", None, "evaluate-it-6-sft"),
        ("/data/runs/it/7-grpo/rl-only/model", "csqa", "evaluate-it-7-grpo-rl-only-csqa"),
    ],
)
def test_the_run_of_a_model_is_named_after_it(model: str, task: str | None, name: str) -> None:
    from skillfactory_core.cli.evaluate import default_name

    assert default_name(model, task) == name


def test_a_mistyped_path_is_no_name_on_the_hub(world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skillfactory_core.cli.evaluate import is_model

    monkeypatch.chdir(tmp_path)
    assert is_model("runs/it")
    (tmp_path / "runs").mkdir()
    assert not is_model("runs/it")


@pytest.mark.parametrize(
    ("target", "model"),
    [("scripted", True), ("owner/name", True), ("nowhere", False), ("/owner/name", False), ("a/b/c", False)],
)
def test_a_model_is_told_from_a_run(world: None, target: str, model: bool) -> None:
    from skillfactory_core.cli.evaluate import is_model

    assert is_model(target) == model


def test_a_folder_with_weights_is_a_model(world: None, tmp_path: Path) -> None:
    from skillfactory_core.cli.evaluate import is_model

    assert not is_model(str(tmp_path)) and not is_model(str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text("{}")
    assert is_model(str(tmp_path))
