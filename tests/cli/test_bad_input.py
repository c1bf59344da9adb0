"""Bad input: one line that starts with 'sf: ', exit code 2, no traceback, and nothing lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import START, Outcome, spawn, tables_of

from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.run import open_run

Sf = Callable[..., Outcome]
RUN = ("run", "--task", "countdown", "--model", "scripted")


def refused(outcome: Outcome, *said: str) -> str:
    """The one line of a refusal."""
    lines = [line for line in outcome.err.splitlines() if line.startswith("sf: ")]
    assert outcome.code == 2, outcome
    assert len(lines) == 1 and outcome.err.splitlines()[-1] == lines[0], outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    assert all(text in lines[0] for text in said), lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("bogus", "No such command 'bogus'. (sf --help)"),
        ("--bogus tasks", "No such option"),
        ("run", "Missing option '--task'. (sf run --help)"),
        ("run --task", "--task"),
        ("run --task contdown", "no task named 'contdown': did you mean 'countdown'? (sf tasks)"),
        ("run --task countdown --model pockt", "no model named 'pockt': did you mean 'pocket'? (sf models)"),
        ("run --task countdown --model scripted --engine wrld", "no engine named 'wrld': did you mean 'world'?"),
        ("run --task countdown --preset smok", "no preset named 'smok': choose one of default, smoke, paper"),
        ("run --task countdown --seed x", "'--seed': 'x' is not a valid integer"),
        ("run --task countdown --config nowhere.toml", "configuration file nowhere.toml cannot be read"),
        ("run --task countdown --config .", "configuration file . cannot be read"),
        ("RUN -s trainer=stil", "no trainer named 'stil': did you mean 'still'?"),
        ("RUN -s prompts=pockte", "no prompt set named 'pockte': did you mean 'pocket'? (sf prompt-sets)"),
        ("RUN -s prompts=nowhere.toml", "prompt file nowhere.toml"),
        ("RUN -s tags=sample-reflct", "no tag format named 'sample-reflct'"),
        ("RUN -s strategy=algorithm2", "no strategy named 'algorithm2': did you mean 'algorithm1'? (sf strategies)"),
        ('RUN -s skills=["verfy"]', "no skill named 'verfy': did you mean 'verify'? (sf skills)"),
        ("RUN -s skills=verify", "skills: 'verify' is not a list of texts"),
        ('RUN -s evaluate.variants=["9"]', "no variant of task 'countdown' named '9'"),
        ("RUN -s sample.problms=3", "sample: no setting named 'problms': did you mean 'problems'?"),
        ("RUN -s sample.problems=many", "sample.problems: 'many' is not a whole number"),
        ("RUN -s sample.problems=0", "'problems' must be >= 1: 0"),
        ("RUN -s sample=3", "sample: must be a table of settings"),
        ("RUN -s seed", "setting 'seed': write NAME=VALUE"),
        ("RUN -s part=0", "'part' must be >= 1: 0"),
        ("RUN -s evaluate.samples=-1", "'samples' must be >= 0: -1"),
        ("RUN -s rl_only.stpes=3", "rl_only: no setting named 'stpes': did you mean 'steps'?"),
        ("RUN -s phrases=nowhere", "there is no folder 'nowhere', and no such skill in this run (verify, retry)"),
        ("RUN -s strategy_options.most=3", "strategy 'algorithm1' has no option 'most': it has most_right, ratio"),
        ("RUN -s strategy_options.most_right=2.5", "strategy 'algorithm1': 'most_right' must be <class 'int'>"),
        ("RUN -o numbrs=3", "task 'countdown' has no option 'numbrs': it has numbers"),
        ("RUN -o numbers=many", "task 'countdown': numbers is 'many'"),
        ("RUN -o numbers", "setting 'numbers': write NAME=VALUE"),
        ("RUN -o numbers=2 -o largest=1 -o smallest_target=2 -o largest_target=2", "task 'countdown' made no problem"),
        ("sample nowhere", "is not a run folder: it has no config.toml"),
        ("show nowhere", "is not a run folder"),
        ("results nowhere", "is not a run folder"),
        ("evaluate nowhere --method bogus", "is not a run folder"),
        ("-p nowhere.py tasks", "plugin file nowhere.py does not exist"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word for part in command.split() for word in (RUN if part == "RUN" else (part,))]
    refused(sf(*words), said)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("content", ["task = ", "sedd = 3", "[sample]\nproblems = 'x'", "\x00"])
def test_an_unreadable_configuration_file_is_refused(sf: Sf, tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    refused(sf(*START, tmp_path / "runs", "--config", file))
    assert not (tmp_path / "runs").exists()


def test_a_prompt_file_with_a_missing_entry_is_refused(sf: Sf, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nsummary = ""\n[final]\ntext = ""\n[attempts.a]\ntext = ""\n')
    refused(sf(*START, tmp_path, "-s", f"prompts={file}"), f"prompt file {file}", "(reflections)")


def test_a_model_without_a_tokenizer_is_refused_and_the_problems_are_kept(sf: Sf, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    small = ("-s", "sample.problems=1", "-s", "grpo.problems=1", "-s", "evaluate.problems=1", "-s", "prompts=pocket")
    outcome = sf("run", "--task", "countdown", "--model", model, "--runs", tmp_path, "--name", "it", *small)
    refused(outcome, f"model {model} has no tokenizer")
    assert len(tables_of(tmp_path / "it")) == 6


def test_no_right_attempt_at_all_says_what_to_change(sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedEngine, "_from_file", None)
    monkeypatch.setattr(
        ScriptedEngine, "__init__", lambda self, model, seed, *_: setattr(self, "reply", lambda _: "<answer>0</answer>")
    )
    line = refused(sf(*START, tmp_path, "--engine", "scripted"), "none of the 64 attempts is right")
    assert all(way in line for way in ("-o", "--model", "-s sample.attempts=64"))
    assert open_run(tmp_path / "it").attempts.count() == 64


def test_no_verdict_at_all_says_what_to_change(sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = ScriptedEngine.generate

    def silent(self, requests, sampling):  # type: ignore[no-untyped-def]
        critiques = "/check/" in requests[0].key or "/judge/" in requests[0].key
        yield from generate(ScriptedEngine("", 0, lambda _: "Well.") if critiques else self, requests, sampling)

    monkeypatch.setattr(ScriptedEngine, "generate", silent)
    refused(sf(*START, tmp_path), "there are no traces: no reflection has a verdict", "-s prompts", "-s tags")


def test_an_engine_whose_every_request_fails_ends_the_run(
    sf: Sf, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedEngine, "generate", failing(every=1))
        line = refused(sf(*START, tmp_path), "generations failed, the first with 'gone'")
        assert "run the same command again" in line
    assert sf(*START, tmp_path).code == 0
    assert tables_of(tmp_path / "it") == tables_of(finished)


def test_an_engine_whose_requests_all_fail_in_the_evaluation_ends_the_run_too(
    sf: Sf, finished: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (copied / "8-evaluation" / "sft-4").iterdir():
        part.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedEngine, "generate", failing(every=1))
        refused(sf(*START, copied.parent), "sft-4: 6 of 6 generations failed")
    assert sf(*START, copied.parent).code == 0
    assert tables_of(copied) == tables_of(finished)


def failing(every: int):  # type: ignore[no-untyped-def]
    """A `generate` of which every n-th request fails."""
    from skillfactory_core.engine import Generation

    generate = ScriptedEngine.generate

    def fails(self, requests, sampling):  # type: ignore[no-untyped-def]
        for generation in generate(self, requests, sampling):
            bad = sum(map(ord, generation.key)) % every == 0
            yield Generation(generation.key, "", 0, "error", "gone") if bad else generation

    return fails


def test_an_engine_of_which_a_few_requests_fail_goes_on_and_counts_them(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedEngine, "generate", failing(every=19))
    outcome = sf(*START, tmp_path)
    assert outcome.code == 0, outcome.err
    run = open_run(tmp_path / "it")
    stages = run.manifest()["stages"]
    assert 0 < stages["sample"]["failed"] < 10
    assert stages["sample"]["failed"] == sum(bool(a.error) for a in run.attempts)
    assert "failed" in outcome.err


@pytest.mark.parametrize("name", ["config.toml", "manifest.json"])
@pytest.mark.parametrize("command", ["run", "sample", "report", "show", "results"])
def test_a_corrupt_run_folder_is_refused_and_left_as_it_is(sf: Sf, copied: Path, name: str, command: str) -> None:
    (copied / name).write_text("{ torn")
    before = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file() and p.name != "run.lock"}
    outcome = sf(*START, copied.parent) if command == "run" else sf(command, copied)
    refused(outcome, f"run folder {copied} is damaged", "its tables are untouched")
    assert {p: p.read_bytes() for p in copied.rglob("*") if p.is_file() and p.name != "run.lock"} == before


def test_a_damaged_table_is_named_by_every_command_that_reads_it(sf: Sf, copied: Path) -> None:
    part = copied / "5-traces" / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:50])
    (copied / "6-sft" / "model" / "lessons.json").unlink()
    (copied / "6-sft" / "model").rmdir()
    refused(sf("show", copied, "--trace", "999"), f"{part} is damaged", "delete that file and run again")
    refused(sf("sft", copied), f"{part} is damaged")


def test_a_changed_setting_is_refused_with_both_values(sf: Sf, copied: Path) -> None:
    refused(
        sf(*START, copied.parent, "--seed", "4", "-s", "sample.attempts=3"),
        "sample.attempts: 2 then, 3 now",
        "seed: 0 then, 4 now",
        "start a new run with --name",
    )


def test_a_trace_that_does_not_exist_is_refused(sf: Sf, finished: Path) -> None:
    count = open_run(finished).traces.count()
    refused(sf("show", finished, "--trace", "999"), f"has {count} traces, numbered from 0: there is no trace 999")


@pytest.mark.parametrize(
    ("runs", "name", "said"),
    [("file", "it", "Not a directory"), (".", "file", "File exists"), (".", "n" * 300, "File name too long")],
)
def test_a_folder_that_cannot_be_made_is_refused(sf: Sf, tmp_path: Path, runs: str, name: str, said: str) -> None:
    (tmp_path / "file").write_text("I am a file.")
    refused(sf(*RUN, "--runs", tmp_path / runs, "--name", name), said)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Path:
    """A file system of a few pages."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield disk  # type: ignore[misc]
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    sf: Sf, finished: Path, tiny_disk: Path
) -> None:
    refused(sf(*START, tiny_disk), "No space left on device", "what is done is kept")
    whole = tables_of(tiny_disk / "it")
    assert whole and whole.items() <= tables_of(finished).items()
    subprocess.run(["mount", "-o", "remount,size=4m", tiny_disk], check=True)
    assert sf(*START, tiny_disk).code == 0
    assert tables_of(tiny_disk / "it") == tables_of(finished)


def test_a_disk_that_is_read_only_is_one_line(sf: Sf, tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    refused(sf(*START, tiny_disk), "Read-only file system")


def test_a_limit_on_the_size_of_files_is_one_line_too(finished: Path, tmp_path: Path) -> None:
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); "
    limit += "from skillfactory_core.cli import main; main()"
    from conftest import WORLD

    command = [sys.executable, "-c", limit, "-p", WORLD, *START, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    refused(Outcome(done.returncode, done.stdout, done.stderr), "File too large")
    process = spawn([*START, tmp_path])
    process.communicate(timeout=60)
    assert tables_of(tmp_path / "it") == tables_of(finished)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_refused(sf: Sf, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refused(sf(*START, tmp_path / "runs"), "Permission denied")


def test_a_reader_that_goes_away_ends_the_command_quietly(finished: Path) -> None:
    process = spawn(["show", str(finished)])
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) in (0, 1)
