"""`sf run --dry-run`: what it says a run will ask for, against what the run then asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import START, Outcome

from skillfactory_core.choices import choose
from skillfactory_core.dry_run import Cost, predict
from skillfactory_core.resolve import resolve
from skillfactory_core.run import Run, open_run, with_suites

Sf = Callable[..., Outcome]


@pytest.fixture
def costs(finished: Path) -> dict[str, Cost]:
    config = open_run(finished).config
    return {cost.stage: cost for cost in predict(config, choose(config))}


def made(run: Run, stage: str) -> int:
    if stage.startswith("evaluate"):
        arm = stage.removeprefix("evaluate-")
        return sum(run.responses(arm, name).count() for name in ("3", "4", "5", "6"))
    return {"sample": run.attempts, "reflect": run.reflections}[stage].count()


def test_the_generations_of_every_stage_are_those_that_are_then_made(finished: Path, costs: dict[str, Cost]) -> None:
    run = open_run(finished)
    for stage, cost in costs.items():
        if not stage.startswith("grpo"):
            assert cost.generations == pytest.approx(made(run, stage), rel=0.25), stage
    grpo = run.config.grpo
    assert costs["grpo-skillfactory"].generations == grpo.steps * grpo.prompts * grpo.rollouts


def test_tokens_and_disk_of_what_the_base_model_says_are_within_a_quarter(
    finished: Path, costs: dict[str, Cost]
) -> None:
    run = open_run(finished)
    for stage in ("sample", "reflect"):
        assert costs[stage].tokens == pytest.approx((run.finished(stage) or {})["tokens"], rel=0.25)
        assert costs[stage].seconds is not None
    assert costs["evaluate-sft"].tokens is None, "a trained model's words are not known before"


def test_nothing_is_written(sf: Sf, tmp_path: Path) -> None:
    outcome = sf(*START, tmp_path / "runs", "--dry-run")
    assert outcome.code == 0, outcome.err
    assert "sample" in outcome.out and "predicted" in outcome.out
    assert not (tmp_path / "runs").exists()


def test_a_probe_that_fails_is_one_line(sf: Sf, tmp_path: Path) -> None:
    outcome = sf(*START, tmp_path, "--dry-run", "-s", "prompts=paper")
    assert outcome.code == 2 and "the probe failed" in outcome.err


def test_settings_count(world: None) -> None:
    flags = {"model": "scripted"}
    few = resolve("countdown", "smoke", None, flags, settings=["sample.problems=3", "evaluate.problems=2"])
    more = resolve("countdown", "smoke", None, flags, settings=["sample.problems=6", "evaluate.problems=2"])
    first, second = (predict(config, choose(config))[0] for config in (few, more))
    assert second.generations == 2 * first.generations


def test_no_more_problems_are_counted_than_the_task_has(world: None) -> None:
    flags = {"model": "scripted"}
    settings = ["sample.problems=100000", "task_options.numbers=2", "task_options.largest=4"]
    config = resolve("countdown", "smoke", None, flags, settings=settings)
    sample = predict(config, choose(config))[0]
    assert 0 < sample.generations < 100000


def test_exams_of_suites_count_and_those_without_data_do_not(finished: Path, costs: dict[str, Cost]) -> None:
    config = with_suites(open_run(finished).config, "more")
    grown = {cost.stage: cost for cost in predict(config, choose(config))}
    # Of the suite: wide with 4 problems, more-4 with 5; two responses each.
    assert grown["evaluate-base"].generations == costs["evaluate-base"].generations + (4 + 5) * 2
    assert grown["evaluate-base"].tokens


def test_a_run_that_trains_nothing_costs_an_evaluation(world: None) -> None:
    few = resolve("countdown", "smoke", None, {"model": "scripted", "method": "none"})
    assert [cost.stage for cost in predict(few, choose(few))] == ["evaluate-base"]
