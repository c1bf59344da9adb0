"""The smoke preset on pocket, with the real engine and the real trainer, as a newcomer runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

METHODS = ["base", "sft", "skillfactory", "rl-only"]
VARIANTS = ["3", "4", "5", "6"]


def sf(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("sf")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    runs = tmp_path_factory.mktemp("runs")
    done = sf("run", "--task", "countdown", "--preset", "smoke", "--runs", str(runs))
    assert done.returncode == 0, done.stderr
    return runs / "countdown-pocket-smoke", done.stdout


def test_the_run_prints_a_table_of_every_method(finished: tuple[Path, str]) -> None:
    for method in METHODS:
        assert method in finished[1]


def test_results_hold_every_method_and_difficulty(finished: tuple[Path, str]) -> None:
    results: dict[str, Any] = json.loads(sf("results", str(finished[0]), "--json").stdout)
    assert list(results["methods"]) == METHODS
    for figures in results["methods"].values():
        assert list(figures) == VARIANTS
        for each in figures.values():
            assert 0 <= each["low"] <= each["accuracy"] <= each["high"] <= 1


def test_the_report_is_one_offline_page(finished: tuple[Path, str]) -> None:
    page = (finished[0] / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert 'src="http' not in page and "@import" not in page
    assert len(page) < 4_000_000


def test_traces_show_tries_that_were_checked_and_end_right(finished: tuple[Path, str]) -> None:
    trace = json.loads(sf("show", str(finished[0]), "--trace", "1", "--json").stdout)
    kinds = [segment["kind"] for segment in trace["segments"]]
    assert kinds.count("attempt") == kinds.count("reflection") >= 1
    assert [s["correct"] for s in trace["segments"] if s["kind"] == "attempt"][-1] is True


def test_training_left_models_and_logs_and_no_checkpoints(finished: tuple[Path, str]) -> None:
    for folder in ("6-sft", "7-grpo/skillfactory", "7-grpo/rl-only"):
        assert (finished[0] / folder / "model" / "model.safetensors").is_file()
        steps = [json.loads(line)["step"] for line in (finished[0] / folder / "log.jsonl").read_text().splitlines()]
        assert steps == list(range(1, len(steps) + 1))
        assert not (finished[0] / folder / "checkpoints").exists()


def test_running_again_does_nothing_over(finished: tuple[Path, str]) -> None:
    before = (finished[0] / "7-grpo/skillfactory/model/model.safetensors").stat().st_mtime_ns
    again = sf("run", "--task", "countdown", "--preset", "smoke", "--runs", str(finished[0].parent))
    assert again.returncode == 0, again.stderr
    assert (finished[0] / "7-grpo/skillfactory/model/model.safetensors").stat().st_mtime_ns == before


def test_a_changed_setting_is_refused_by_name(finished: tuple[Path, str]) -> None:
    refused = sf("run", "--task", "countdown", "--preset", "smoke", "--runs", str(finished[0].parent), "--seed", "9")
    assert refused.returncode == 2
    assert "seed: 0 then, 9 now" in refused.stderr
    assert refused.stderr.count("\n") == 1
