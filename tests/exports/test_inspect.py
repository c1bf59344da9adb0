"""inspect_ai's own functions read the logs, in an environment of its own; what they hold is what the tables hold."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from conftest import Outcome, call
from foreign import HERE, ask

from skillfactory_core.exporters import messages
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, open_run

Sf = Callable[..., Outcome]


@pytest.fixture(scope="module")
def made(world: None, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which one response failed and one was cut off, exported."""
    folder = Path(shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "it"))
    table = open_run(folder).responses("sft", "4")
    first, second, *others = table.read(0)
    failed = attrs.evolve(first, text="", finish="error", error="out of memory", correct=False, answer=None)
    table.finish(0, [failed, attrs.evolve(second, finish="length", text="lone \ud800 <b>"), *others])
    outcome = call("export", "inspect", folder)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("export inspect: logs 16, responses 160: ")
    return folder


@pytest.fixture(scope="module")
def read(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What inspect understood."""
    home = tmp_path_factory.mktemp("home")
    return ask("inspect", HERE / "check_inspect.py", made / "export" / "inspect", home=home)


def tables(run: Run) -> dict[str, tuple[str, str]]:
    return {f"{m}-{exam}.eval": (m, exam) for m in run.config.arms for exam in ("3", "4", "5", "6")}


def test_inspect_finds_a_log_for_each_method_and_exam(read: dict[str, Any], made: Path) -> None:
    assert read["logs"].keys() == tables(open_run(made)).keys()
    log = read["logs"]["sft-4.eval"]
    assert (log["status"], log["task"], log["model"]) == ("success", "countdown-4", "it/sft")
    assert log["temperature"] == open_run(made).config.evaluate_sampling.temperature
    assert log["same_alone"]
    # The viewer takes logs of one task_id for retries, and shows the last.
    assert len({log["task_id"] for log in read["logs"].values()}) == 16


def test_inspect_reads_every_response_as_it_is_stored(read: dict[str, Any], made: Path) -> None:
    run = open_run(made)
    for name, (method, exam) in tables(run).items():
        found = {(s["id"], s["epoch"]): s for s in read["logs"][name]["samples"]}
        stored = list(run.responses(method, exam))
        assert found.keys() == {(r.problem, r.k + 1) for r in stored}
        assert read["logs"][name]["epochs"] == max(r.k for r in stored) + 1
        for response in stored:
            sample = found[response.problem, response.k + 1]
            assert sample["text"] == sample["last"] == response.text
            assert sample["answer"] == response.answer and sample["error"] == (response.error or None)
            assert sample["right"] == (None if response.error else response.correct)
            assert sample["stop"] == {"stop": "stop", "length": "max_tokens", "error": "unknown"}[response.finish]
        assert {(i, e): s for i, e, s, _ in read["logs"][name]["summaries"]} == {
            k: s["score"] for k, s in found.items()
        }


def test_inspect_reads_what_the_model_was_asked(read: dict[str, Any], made: Path) -> None:
    run = open_run(made)
    asked = messages.asked(run, run.problems("evaluation", "4"))
    wanted = {problem.key: [[m["role"], m["content"]] for m in messages] for problem, messages in asked}
    assert {s["id"]: s["asked"] for s in read["logs"]["base-4.eval"]["samples"]} == wanted


def test_inspect_reads_the_figures_of_sf_results(read: dict[str, Any], made: Path) -> None:
    methods = summarise(open_run(made))["methods"]
    for name, (method, exam) in tables(open_run(made)).items():
        figures = methods[method][exam]
        wanted = {"accuracy": figures["accuracy"], "low": figures["low"], "high": figures["high"]}
        assert read["logs"][name]["metrics"] == pytest.approx(wanted)
        assert read["logs"][name]["total"] == figures["n"] + figures["errors"]


def test_the_targets_are_right(read: dict[str, Any], made: Path) -> None:
    from skillfactory_core.stages.problems import variants_of

    run = open_run(made)
    problems = {problem.key: problem for problem in run.problems("evaluation", "5")}
    for sample in read["logs"]["base-5.eval"]["samples"]:
        assert variants_of(run.config)["5"].grade(problems[sample["id"]].params, sample["target"]).correct


def test_the_archive_alone_says_the_same(made: Path) -> None:
    """Without inspect at hand: the files of the archive, and that no text was lost."""
    run = open_run(made)
    with zipfile.ZipFile(made / "export" / "inspect" / "sft-4.eval") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        stored = list(run.responses("sft", "4"))
        assert names[-3:] == ["summaries.json", "_journal/start.json", "header.json"]
        assert names[:-3] == [f"samples/{r.problem}_epoch_{r.k + 1}.json" for r in stored]
        texts = [json.loads(archive.read(name))["output"]["completion"] for name in names[:-3]]
        assert texts == [r.text for r in stored]
        assert len(json.loads(archive.read("summaries.json"))) == len(stored)


def test_the_same_run_gives_the_same_bytes(sf: Sf, made: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert sf("export", "inspect", made, "-o", tmp_path / name).code == 0
    for path in (tmp_path / "one").glob("*.eval"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_run_that_was_not_evaluated_is_refused(sf: Sf, empty: Run) -> None:
    outcome = sf("export", "inspect", empty.folder)
    assert outcome.code == 2 and "has no responses to export; run sf evaluate" in outcome.err


def test_an_evaluation_that_was_stopped_is_called_so(sf: Sf, made: Path, tmp_path: Path) -> None:
    run = open_run(Path(shutil.copytree(made, tmp_path / "half")))
    manifest = run.manifest()
    del manifest["stages"]["evaluate-base"]
    (run.folder / "manifest.json").write_text(json.dumps(manifest))
    assert sf("export", "inspect", run.folder, "-o", tmp_path / "out").code == 0
    for name, status in (("base-3", "cancelled"), ("sft-3", "success")):
        with zipfile.ZipFile(tmp_path / "out" / f"{name}.eval") as archive:
            assert json.loads(archive.read("header.json"))["status"] == status
