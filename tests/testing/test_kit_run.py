"""The kit and runs: every stage of any task in a second, by script."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from conftest import tables_of
from test_kit import Twice, register_tasks

from skillfactory_core import registry
from skillfactory_core.engine import Request, stream_seed
from skillfactory_core.run import Run
from skillfactory_core.testing import Guesser, plugged, temporary_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Every stage on a task that nobody installed."""
    plugin = ModuleType("kit_twice")
    vars(plugin)["register_tasks"] = register_tasks
    with plugged(plugin):
        yield temporary_run(tmp_path_factory.mktemp("runs") / "it", "kit-twice")


def test_every_stage_is_done(run: Run) -> None:
    done = run.manifest()["stages"]
    assert {"problems", "sample", "grade", "reflect", "rearrange", "sft", "grpo-skillfactory", "report"} <= done.keys()
    assert run.report.is_file()


def test_the_guesser_is_right_about_half_the_time_and_mostly_knows_it(run: Run) -> None:
    grades = list(run.grades)
    assert 0.3 < sum(grade.correct for grade in grades) / len(grades) < 0.7
    truth = {grade.attempt: grade.correct for grade in grades}
    reflections = list(run.reflections)
    told = sum(reflection.verdict == truth[reflection.attempt] for reflection in reflections)
    assert 0.65 < told / len(reflections) < 0.95


def test_there_are_traces_of_several_attempts_and_responses_of_every_method(run: Run) -> None:
    assert any(len(trace.shape) > 1 for trace in run.traces)
    for method in run.config.arms:
        assert {response.correct for response in run.responses(method, "default")} == {True, False}


def test_the_kit_is_gone_after_a_run(run: Run) -> None:
    assert "kit-scripted" not in registry.registered(registry.ENGINE)
    assert "kit-still" not in registry.registered(registry.TRAINER)


def test_a_run_of_the_kit_goes_on_and_gives_the_same_tables(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "it"
    assert not temporary_run(folder, "kit-twice", last="sample").finished("grade")
    temporary_run(folder, "kit-twice")
    assert tables_of(folder) == tables_of(run.folder)


def test_settings_go_on_top_of_those_of_the_kit(run: Run, tmp_path: Path) -> None:
    settings = {"sample": {"problems": 2}, "skills": ["retry"], "prompts": "paper"}
    other = temporary_run(tmp_path / "it", "kit-twice", settings, last="grade")
    assert other.problems("train", "default").count() == 2
    assert other.config.skills == ("retry",) and other.config.sample.attempts == run.config.sample.attempts


def test_a_reply_of_ones_own_is_what_the_model_writes(run: Run, tmp_path: Path) -> None:
    other = temporary_run(tmp_path / "it", "kit-twice", reply=lambda request: "Seven.", last="sample")
    assert {attempt.text for attempt in other.attempts} == {"Seven."}


def test_a_guesser_answers_every_kind_of_request(run: Run) -> None:
    guesser = Guesser(run.folder)
    problem = next(iter(run.problems("train", "default")))
    attempt = next(grade for grade in run.grades if grade.problem == problem.key)

    def said(key: str) -> set[str]:
        return {guesser(Request(key, (), stream_seed(seed, key))) for seed in range(40)}

    right = f"<answer>{Twice().reference(problem.params)}</answer>"
    for key in (f"{problem.key}/plain/0", f"base/{problem.key}/0"):
        assert 0 < sum(text.endswith(right) for text in said(key)) < len(said(key))
    assert all("<verdict>" in text for text in said(f"{attempt.attempt}/check/0"))
    with pytest.raises(LookupError, match="a request about no problem of"):
        guesser(Request("elsewhere/0", (), 0))
