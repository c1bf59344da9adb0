"""What a study does beyond the evaluation: other limits of tokens, and counterfactuals."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from conftest import Outcome
from scripted_world import World, reply
from toy_study import written

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.run import open_run
from skillfactory_core.stages.branch import branches_of
from skillfactory_core.study.join import join
from skillfactory_core.study.outcome import outcome
from skillfactory_core.study.store import read_store
from skillfactory_core.testing.plug import plugged

Sf = Callable[..., Outcome]
STUDY = """
title = "Extras"
task = "countdown"
seeds = [0, 1]

[settings]
model = "scripted"
engine = "checker"
most_failures = 0.5
evaluate.variants = ["3", "4"]

[arms.skillfactory]

[forcing]
budget = 6
force = 9
rows = ["rl-only"]
exams = ["4"]

[limits]
tokens = 6
rows = ["skillfactory", "base"]
exams = ["4"]

[counterfactual]
responses = 8
branches = 2
rows = ["skillfactory"]
exams = ["3", "4"]
"""


LOST = "skillfactory/countdown/3/evaluation/2/1"
"a response that fails whenever it is asked for, which leaves an evaluation with a failure, and nothing else undone"


class Checker(World):
    """Once it is trained it tries something wrong, mostly says so, and after *Incorrect* tries what the world guesses.

    A word is a token.
    """

    name = "checker"
    summary = "checks its guesses, for tests"

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        for request in requests:
            text = reply(request)
            if request.key == LOST:
                yield Generation(request.key, "", 0, "error", "it fell over")
                continue
            if request.key.startswith("skillfactory/"):
                begun = request.prefix or f"<think>\n{checked('1', Random(request.seed).random() < 0.2)}"
                right = begun.rpartition("<verdict>")[2].startswith("Correct")
                more = "" if right else checked(text, True)
                last = (begun + more).rpartition("<answer>")[2].partition("</answer>")[0]
                text = f"{begun}{more}</think>\n<answer>{last}</answer>"
            words = re.findall(r"\S+\s*", text)[: sampling.max_tokens]
            finish = "length" if len(words) == sampling.max_tokens else "stop"
            yield Generation(request.key, "".join(words), len(words), finish)


def checked(text: str, right: bool) -> str:
    answer = text.rpartition("<answer>")[2].partition("</answer>")[0]
    verdict = "Correct" if right else "Incorrect"
    return f"<sample><answer>{answer}</answer></sample>\n<reflect>I looked. <verdict>{verdict}</verdict></reflect>\n"


class Plugin:
    @hookimpl
    def register_engines(self) -> list[type[Engine]]:
        return [Checker]


@pytest.fixture
def done(sf: Sf, tmp_path: Path) -> Iterator[Path]:
    with plugged(Plugin(), "checker"):
        made = sf("study", written(tmp_path, STUDY), "--to", tmp_path / "out", "--tables", tmp_path / "tables")
        assert made.code == 0, made.err
        yield tmp_path


def test_another_limit_of_tokens_stands_beside_the_evaluations(done: Path) -> None:
    found = json.loads((done / "out" / "results.json").read_text())["limits"]
    assert {row: list(by_exam) for row, by_exam in found.items()} == {"base": ["4"], "skillfactory": ["4"]}
    whole, short = found["skillfactory"]["4"][""], found["skillfactory"]["4"]["6"]
    assert short["tokens"] <= 6 < whole["tokens"] and short["truncated"] == 1.0 > whole["truncated"]
    run = open_run(done / "out" / "skillfactory-1")
    assert [response.tokens for response in run.responses("skillfactory", "4", "6")] and not run.responses(
        "base", "4", "6"
    ).parts()


def test_what_verdicts_do_is_what_the_branches_of_the_runs_say(done: Path) -> None:
    found = json.loads((done / "out" / "results.json").read_text())["verdicts"]
    assert {row: list(by_exam) for row, by_exam in found.items()} == {"skillfactory": ["3", "4"]}
    runs, compared = [open_run(done / "out" / f"skillfactory-{seed}") for seed in (0, 1)], 0
    for exam, by_truth in found["skillfactory"].items():
        branches = [one for run in runs for one in branches_of(run, "skillfactory", exam)]
        assert len(branches) == 2 * 8 * 3 * 2
        for truth, each in by_truth.items():
            for change in ("kept", "swapped", "dropped"):
                some = [one for one in branches if one.truth == (truth == "right") and one.change == change]
                assert each[change]["responses"] == len(some) > 0
                assert each[change]["right"] == pytest.approx(sum(one.correct for one in some) / len(some))
            if "difference" in each:
                compared += 1
                assert each["difference"] == pytest.approx(each["kept"]["right"] - each["swapped"]["right"])
                assert each["low"] <= each["difference"] <= each["high"]
    assert compared


def test_tables_of_another_version_are_one_line(sf: Sf, done: Path) -> None:
    import pyarrow.parquet as pq

    cells = done / "tables" / "cells.parquet"
    table = pq.read_table(cells)
    pq.write_table(table.rename_columns(["budget" if name == "way" else name for name in table.column_names]), cells)
    made = sf("study", done / "tables")
    assert made.code == 2 and "their columns are of another version" in made.err and made.err.count("\n") == 1


def test_both_are_in_the_tables_and_on_the_page(sf: Sf, done: Path) -> None:
    page = (done / "out" / "results.md").read_text()
    assert sf("study", done / "tables").out.strip() == page.strip()
    assert "## Other limits of tokens" in page and "| SkillFactory → GRPO | 4 | 6 |" in page
    assert "## What verdicts do" in page and "| SkillFactory → GRPO | 3 | wrong |" in page


def test_seeds_of_several_machines_are_joined_with_them(sf: Sf, done: Path) -> None:
    parts = {}
    for seed in (0, 1):
        tables = done / f"tables-{seed}"
        made = sf("study", done / "ways.toml", "--to", done / "out", "--results", "--seed", seed, "--tables", tables)
        assert made.code == 0, made.err
        parts[tables.name] = read_store(tables)
    assert {key: outcome(join(parts))[key] for key in ("limits", "verdicts")} == {
        key: outcome(read_store(done / "tables"))[key] for key in ("limits", "verdicts")
    }


def test_done_again_it_makes_nothing_new(sf: Sf, done: Path) -> None:
    made = sorted(path for path in (done / "out").rglob("8-evaluation/b*/**/*.parquet"))
    before = [path.stat().st_mtime_ns for path in made]
    assert made and sf("study", done / "ways.toml", "--to", done / "out").code == 0
    assert [path.stat().st_mtime_ns for path in made] == before
