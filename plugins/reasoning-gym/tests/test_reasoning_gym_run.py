"""Runs on a task of reasoning-gym: every stage, by script, and with a small model whose answers are all wrong."""

from pathlib import Path

from skillfactory_core.testing import small_run, temporary_run

SETTINGS = {"task_options": {"max_terms": 2, "max_digits": 1}}


def test_every_stage_runs_on_it_by_script(tmp_path: Path) -> None:
    run = temporary_run(tmp_path / "run", "rg_graph_color")
    assert run.traces.count() and run.report.is_file()


def test_a_small_model_is_trained_on_it_and_answers(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", "rg_chain_sum", SETTINGS)
    assert run.responses("skillfactory", "default").count() and run.report.is_file()
