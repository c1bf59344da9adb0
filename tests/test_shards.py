"""Shards: processes that share out the parts of a run, and nothing else, end with the tables of one that does all."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import START, Outcome, spawn, tables_of

from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.run import locked, open_run
from skillfactory_core.shard import Shard, parse_shard


@pytest.fixture
def problems(sf: Callable[..., Outcome], tmp_path: Path) -> Path:
    """A run with problems and nothing else."""
    assert sf(*START, tmp_path, "--until", "problems").code == 0
    return tmp_path / "it"


def shards(folder: Path, command: str, count: int, slow: str = "0.002") -> None:
    """All shards of a stage at once, each in a process of its own."""
    started = [spawn([command, folder, "--shard", f"{i}/{count}"], SCRIPTED_SLOW=slow) for i in range(count)]
    for process in started:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err


def refuse_to_generate(*_: object) -> None:
    raise AssertionError("the shards did all of it")


def test_three_shards_at_once_make_the_tables_of_one_undisturbed_run(
    sf: Callable[..., Outcome], problems: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(command: str) -> None:
        """The same command without a shard: it counts, without so much as opening the engine."""
        with monkeypatch.context() as patch:
            patch.setattr(ScriptedEngine, "__init__", refuse_to_generate)
            outcome = sf(command, problems)
        assert outcome.code == 0, outcome.err

    for command, before in (("sample", ()), ("reflect", ("grade",)), ("evaluate", ("rearrange", "sft", "grpo"))):
        for stage in before:
            assert sf(stage, problems).code == 0
        shards(problems, command, 3)
        assert not [stage for stage in open_run(problems).manifest()["stages"] if stage.startswith(command)]
        finish(command)
    assert tables_of(problems) == tables_of(finished)
    assert counts_of(problems) == {name: counts for name, counts in counts_of(finished).items() if name != "report"}


def counts_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What the manifest tells of each stage, but for what it cost."""
    stages = open_run(folder).manifest()["stages"]
    return {
        name: {k: v for k, v in summary.items() if k not in ("seconds", "cpu_seconds", "peak_mb")}
        for name, summary in stages.items()
    }


def test_a_shard_that_is_killed_and_repeated_leaves_the_same_tables(
    sf: Callable[..., Outcome], problems: Path, finished: Path
) -> None:
    process = spawn(["sample", problems, "--shard", "0/2"], SCRIPTED_SLOW="0.02")
    wait_for(lambda: list((problems / "2-attempts").glob("*.jsonl")))
    process.kill()
    process.communicate()
    shards(problems, "sample", 2)
    assert sf("sample", problems).code == 0
    made = {path: sum for path, sum in tables_of(finished).items() if path.startswith(("1-", "2-"))}
    assert tables_of(problems) == made


def test_a_shard_does_its_own_parts_alone(sf: Callable[..., Outcome], problems: Path, finished: Path) -> None:
    outcome = sf("sample", problems, "--shard", "1/2")
    assert outcome.code == 0
    assert outcome.out.startswith("sample, shard 1/2: attempts 24, failed 0, cut 0, tokens ")
    assert open_run(problems).attempts.parts() == [1]
    part = "2-attempts/part-00001.parquet"
    assert tables_of(problems)[part] == tables_of(finished)[part]


def test_a_shard_leaves_the_failures_of_others_alone(
    sf: Callable[..., Outcome], problems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: ScriptedEngine, model: str, seed: int) -> None:
        spoilt = []

        def reply(request: object) -> str:
            if not spoilt:
                spoilt.append(request)
                raise LookupError("no reply")
            return "hm"

        self.reply, self.chunk = reply, 8

    with monkeypatch.context() as patch:
        patch.setattr(ScriptedEngine, "__init__", lambda self, model, seed, *_: failing(self, model, seed))
        assert sf("sample", problems, "--shard", "0/2").code == 0
    before = tables_of(problems)
    assert "failed 0" in sf("sample", problems, "--shard", "1/2").out
    assert {path: sum for path, sum in tables_of(problems).items() if path in before} == before
    assert "failed 0" in sf("sample", problems, "--shard", "0/2").out, "its own are retried"


def wait_for(there: Callable[[], Sequence[Path]]) -> None:
    deadline = time.monotonic() + 30
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [
        (["--shard", "0/2"], ["--shard", "0/2"], "shard 0/2 of {} is in use by another process; wait for it"),
        (["--shard", "0/2"], ["--shard", "2/3"], "shard 2/3 of {} overlaps with shard 0 of 2; wait for it"),
        (["--shard", "0/2"], [], "{} is in use by another process; wait for it or choose another --name"),
        ([], ["--shard", "0/2"], "{} is in use by another process; wait for it"),
    ],
    ids=["the same shard twice", "another count", "the whole beside a shard", "a shard beside the whole"],
)
def test_who_would_do_the_same_parts_is_refused(
    problems: Path, first: list[str], second: list[str], refusal: str
) -> None:
    process = spawn(["sample", problems, *first], SCRIPTED_SLOW="0.2")
    wait_for(lambda: list((problems / "2-attempts").glob("*.jsonl")))
    other = spawn(["sample", problems, *second])
    _, err = other.communicate(timeout=60)
    assert process.poll() is None
    process.kill()
    process.communicate()
    assert other.returncode == 2
    assert err == f"sf: {refusal.format(problems)}\n"


def test_the_whole_cleans_the_locks_of_shards_up(sf: Callable[..., Outcome], problems: Path) -> None:
    assert sf("sample", problems, "--shard", "0/2").code == 0
    assert list(problems.glob("shard-*.lock"))
    with locked(problems):
        assert not list(problems.glob("shard-*.lock"))


@pytest.mark.parametrize("text", ["4/4", "a/b", "0/0", "-1/4", "1", "1/", "1/4/2", "", "١/٤", "0.0/4"])
def test_a_shard_that_makes_no_sense_is_one_line(sf: Callable[..., Outcome], problems: Path, text: str) -> None:
    outcome = sf("sample", problems, "--shard", text)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith(f"sf: shard '{text}': write INDEX/COUNT")


def test_shards_want_the_problems_to_be_there(sf: Callable[..., Outcome], problems: Path) -> None:
    shutil.rmtree(problems / "1-problems")
    manifest = problems / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"problems"', '"nothing"'))
    outcome = sf("sample", problems, "--shard", "0/2")
    assert outcome.code == 2
    assert "has no problems to share out yet" in outcome.err and "--until problems" in outcome.err


def test_shards_of_a_stage_that_cannot_start_say_what_it_needs(sf: Callable[..., Outcome], problems: Path) -> None:
    outcome = sf("reflect", problems, "--shard", "0/2")
    assert outcome.code == 2
    assert (
        outcome.err.splitlines()[-1]
        == f"sf: stage 'reflect' needs stage 'grade', which is not finished: sf grade {problems}"
    )


def test_every_part_belongs_to_one_shard() -> None:
    parts = range(10)
    for count in (1, 2, 3, 7, 20):
        dealt = [number for i in range(count) for number in Shard(i, count).of(parts, before=4)]
        assert sorted(dealt) == list(parts)
    assert parse_shard("3/4").of(range(9)) == [3, 7]
