"""Every command of `sf --help`, on a run of the scripted world."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import START, Outcome, call, tables_of

from skillfactory_core.cli import plugin_files, sf
from skillfactory_core.cli.stage import HELP
from skillfactory_core.run import open_run, start_run

METHODS = ("base", "sft", "skillfactory", "rl-only")
Sf = Callable[..., Outcome]
LISTINGS = (
    *(
        "tasks",
        "skills",
        "strategies",
        "methods",
        "suites",
        "models",
        "prompt-sets",
        "tag-formats",
        "engines",
        "trainers",
    ),
    *("exporters", "plugins"),
)
ON_A_RUN = ("show", "view", "results", "compare", "counterfactual", "reproduce", "regrade", "forecast", "export")
BESIDE = ("study", "new", "check", "import", "doctor", "serve")
ASKED_FOR = ("validate",)
"stages that a run has where its settings ask for them"
LATER = tuple(name for name in list(HELP)[2:] if name not in ASKED_FOR)
STAGES = ("sample", "grade", "reflect", "rearrange", *LATER, "evaluate", "report")


def test_help_lists_exactly_the_commands_that_are_tested_here(sf: Sf) -> None:
    assert set(commands()) == {"run", *LISTINGS, *ON_A_RUN, *STAGES, *ASKED_FOR, *BESIDE}


def commands() -> list[str]:
    call("--help")
    return sorted(sf.commands)


@pytest.mark.parametrize("command", ["", "run", *LISTINGS, *ON_A_RUN, *STAGES, *ASKED_FOR, *BESIDE])
def test_every_command_explains_itself(sf: Sf, command: str) -> None:
    outcome = sf(*command.split(), "--help")
    assert outcome.code == 0 and outcome.err == ""
    assert "Usage: sf" in outcome.out and "--help" in outcome.out


def test_the_version_is_said(sf: Sf) -> None:
    from skillfactory_core import __version__

    assert sf("--version").out.split()[-1] == __version__


@pytest.mark.parametrize("command", LISTINGS)
def test_a_listing_names_everything_with_a_summary_and_where_it_is_from(sf: Sf, command: str) -> None:
    rows = json.loads(sf(command, "--json").out)
    names = [row["name"] for row in rows]
    assert names and len(names) == len(set(names))
    for row in rows:
        assert row["name"] and row["from"]
        assert row.get("summary") or command == "plugins"


@pytest.mark.parametrize("command", LISTINGS)
def test_a_listing_is_also_a_table(sf: Sf, command: str) -> None:
    outcome = sf(command)
    assert outcome.code == 0
    assert all(row["name"][:9] in outcome.out for row in json.loads(sf(command, "--json").out))


def test_tasks_are_listed_with_their_variants_and_options(sf: Sf) -> None:
    countdown = next(row for row in json.loads(sf("tasks", "--json").out) if row["name"] == "countdown")
    assert countdown["variants"] == ["3", "4", "5", "6"]
    assert countdown["options"]["numbers"] == 3


def test_strategies_are_listed_with_their_options(sf: Sf) -> None:
    algorithm1 = next(row for row in json.loads(sf("strategies", "--json").out) if row["name"] == "algorithm1")
    assert algorithm1["options"] == {
        "most_right": 5,
        "ratio": 1.0,
        "most_wrong": None,
        "unique_prompts": False,
        "ordered": True,
    }


def test_show_prints_a_trace_word_for_word_with_its_origins(sf: Sf, finished: Path) -> None:
    trace = list(open_run(finished).traces)[2]
    out = sf("show", finished, "--trace", "2").out
    # The terminal wraps lines between words.
    assert "".join(trace.completion.split()) in "".join(out.split())
    assert all(segment.source in out for segment in trace.segments if segment.kind != "tag")


def test_show_as_json_is_the_record(sf: Sf, finished: Path) -> None:
    shown = json.loads(sf("show", finished, "--trace", "1", "--json").out)
    trace = list(open_run(finished).traces)[1]
    assert shown["key"] == trace.key
    assert "".join(segment["text"] for segment in shown["segments"]) == trace.completion


def test_results_as_json_and_as_a_table_name_every_method(sf: Sf, finished: Path) -> None:
    summary = json.loads(sf("results", finished, "--json").out)
    assert all(method in json.dumps(summary) for method in METHODS)
    assert all(method in sf("results", finished).out for method in METHODS)


def test_run_ends_with_the_table_and_the_report(sf: Sf, finished: Path) -> None:
    outcome = sf(*START, finished.parent)
    assert "rl-only" in outcome.out
    assert outcome.out.splitlines()[-1] == f"report: {finished / 'report.html'}"
    assert (finished / "report.html").stat().st_size > 1000


def test_a_run_is_named_after_what_it_does(sf: Sf, tmp_path: Path) -> None:
    small = ("-s", "sample.problems=1", "-s", "evaluate.problems=1", "-s", 'evaluate.variants=["3"]', "--no-baselines")
    base = ("run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path, *small)
    assert sf(*base).code == sf(*base, "--preset", "smoke").code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"countdown-scripted", "countdown-scripted-smoke"}


def test_without_baselines_rl_only_is_left_out(sf: Sf, tmp_path: Path) -> None:
    assert sf(*START, tmp_path, "--no-baselines").code == 0
    assert not list((tmp_path / "it").rglob("*rl-only*"))
    assert "rl-only" not in sf("results", tmp_path / "it").out


def test_the_stage_commands_one_by_one_make_what_run_makes(sf: Sf, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    start_run(folder, open_run(finished).config)
    for stage in STAGES:
        outcome = sf(stage, folder)
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith(stage)
    assert tables_of(folder) == tables_of(finished)
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_done_changes_no_table(sf: Sf, copied: Path, stage: str) -> None:
    before = {p: p.stat().st_mtime_ns for p in copied.rglob("*.parquet")}
    assert sf(stage, copied).code == 0
    assert {p: p.stat().st_mtime_ns for p in copied.rglob("*.parquet")} == before


@pytest.mark.parametrize(
    ("stage", "need"),
    [
        ("grade", "sample"),
        ("reflect", "grade"),
        ("rearrange", "reflect"),
        ("sft", "rearrange"),
        ("grpo", "sft"),
    ],
)
def test_a_stage_whose_work_is_not_there_yet_says_what_to_run_first(
    sf: Sf, finished: Path, tmp_path: Path, stage: str, need: str
) -> None:
    folder = tmp_path / "new"
    start_run(folder, open_run(finished).config)
    outcome = sf(stage, folder)
    assert outcome.code == 2
    assert f"needs stage '{need}', which is not finished: sf {need} {folder}" in outcome.err
    assert "stages" in open_run(folder).manifest() and not open_run(folder).manifest()["stages"]


def test_evaluate_takes_the_methods_that_have_a_model(sf: Sf, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    start_run(folder, open_run(finished).config)
    assert sf("sample", folder).code == 0
    outcome = sf("evaluate", folder)
    assert outcome.code == 0, outcome.err
    assert {p.name for p in (folder / "8-evaluation").iterdir()} == {f"base-{n}" for n in (3, 4, 5, 6)}


def test_evaluate_can_be_asked_for_one_method(sf: Sf, copied: Path) -> None:
    shutil.rmtree(copied / "8-evaluation")
    assert sf("evaluate", copied, "--method", "sft").code == 0
    assert {p.name for p in (copied / "8-evaluation").iterdir()} == {f"sft-{n}" for n in (3, 4, 5, 6)}


@pytest.mark.parametrize(("stage", "method"), [("grpo", "sft"), ("grpo", "base")])
def test_a_method_that_a_stage_does_not_have_is_refused(sf: Sf, copied: Path, stage: str, method: str) -> None:
    events = (copied / "events.jsonl").read_text()
    outcome = sf(stage, copied, "--method", method)
    assert outcome.code == 2
    assert f"has no stage '{stage}-{method}': it has problems, sample" in outcome.err
    assert (copied / "events.jsonl").read_text() == events


def test_a_run_may_be_given_by_its_name(sf: Sf, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied.parent / "runs").mkdir()
    shutil.move(copied, copied.parent / "runs" / "it")
    monkeypatch.chdir(copied.parent)
    assert sf("show", "it").code == 0


def test_plugin_files_are_read_before_the_command_alone() -> None:
    assert list(plugin_files(["-p", "a.py", "--plugin=b.py", "-pc.py", "run", "-p", "d.py"])) == [
        "a.py",
        "b.py",
        "c.py",
    ]
    assert list(plugin_files(["-p"])) == list(plugin_files(["--help", "tasks"])) == []


def test_until_stops_after_a_stage_and_the_same_command_goes_on(sf: Sf, finished: Path, tmp_path: Path) -> None:
    stopped = sf(*START, str(tmp_path), "--until", "grade")
    assert stopped.code == 0 and "done up to grade" in stopped.out
    assert (tmp_path / "it" / "3-grades").is_dir() and not (tmp_path / "it" / "4-reflections").exists()
    assert sf(*START, str(tmp_path)).code == 0
    assert tables_of(tmp_path / "it") == tables_of(finished)


def test_a_stage_that_does_not_exist_cannot_be_stopped_at(sf: Sf, tmp_path: Path) -> None:
    refused = sf(*START, str(tmp_path), "--until", "grading")
    assert refused.code == 2 and "no stage named 'grading'" in refused.err


def test_phrases_that_changed_since_the_run_began_are_refused(sf: Sf, tmp_path: Path) -> None:
    phrases = shutil.copytree(Path(__file__).parents[2] / "docs" / "examples" / "phrases", tmp_path / "phrases")
    start = (*START, str(tmp_path), "-s", f"phrases={phrases}")
    assert sf(*start, "--until", "problems").code == 0
    (phrases / "closing.txt").write_text("Something else.\n")
    refused = sf(*start)
    assert refused.code == 2 and "other prompts, phrases, tags or teacher's traces" in refused.err


def test_a_phrase_that_holds_a_tag_is_refused(sf: Sf, tmp_path: Path) -> None:
    phrases = shutil.copytree(Path(__file__).parents[2] / "docs" / "examples" / "phrases", tmp_path / "phrases")
    (phrases / "closing.txt").write_text("So </think> it is.\n")
    refused = sf(*START, str(tmp_path), "-s", f"phrases={phrases}")
    assert refused.code == 2 and "closing:1 holds a tag" in refused.err
