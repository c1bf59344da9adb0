"""Runs: every stage with the method, by script and with pocket itself; and what is done with its traces and responses elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from backtrack_pairs import RIGHT, WRONG

from skillfactory_backtrack import plugin
from skillfactory_backtrack.response import returns
from skillfactory_backtrack.tags import BACKTRACK
from skillfactory_core import registry
from skillfactory_core.engine import Request
from skillfactory_core.lineage import find_trace, origins
from skillfactory_core.report.pieces import Reader
from skillfactory_core.results import summarise
from skillfactory_core.run import Run
from skillfactory_core.testing import Guesser, plugged, temporary_run

METHOD = "backtrack"


class Stepper(Guesser):
    """Attempts of three steps, the first of which is one of two, and the last of which is the answer."""

    def __call__(self, request: Request) -> str:
        random = Random(request.seed)
        said = super().__call__(request)
        if "verdict" in said:
            return said
        start, answer = random.randint(1, 2), said[said.index("<") :]
        begun = f"10 + {start} = {10 + start}: 5, 7; {10 + start} + 5 = {15 + start}: 7"
        return f"{begun}; {15 + start} * 7 = {random.randint(1, 999)}. {answer}"


@pytest.fixture(autouse=True, scope="module")
def _plugged() -> Iterator[None]:
    """In use also where the distribution is not installed."""
    with plugged(plugin, METHOD):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """By script. Not to be changed."""
    folder = tmp_path_factory.mktemp("backtrack") / "run"
    settings = {"method": METHOD, "sample": {"problems": 6, "attempts": 6}}
    return temporary_run(folder, "countdown", settings, Stepper(folder))


def test_the_method_names_the_skill_the_tags_and_the_strategy(run: Run) -> None:
    assert (run.config.skills, run.config.tags, run.config.strategy) == (("verify", METHOD), METHOD, METHOD)
    assert run.config.arms[2] == METHOD and run.report.is_file()


def test_traces_return_to_a_step_of_the_attempt_before_and_end_right(run: Run) -> None:
    shapes = {trace.shape for trace in run.traces}
    assert "IC" in shapes and {shape[-1] for shape in shapes} == {"C"} and {shape.count("C") for shape in shapes} == {1}
    for trace in run.traces:
        made = returns(trace.completion, BACKTRACK)
        assert BACKTRACK.parse(trace.completion).well_formed
        assert len(made) == len(trace.shape) - 1
        assert all(one.step in (1, 2) and one.exists for one in made)


def test_every_stretch_of_a_trace_is_told_where_it_is_from(run: Run) -> None:
    texts = {one.key: one.text for table in (run.attempts, run.reflections) for one in table}
    number = next(n for n, trace in enumerate(run.traces) if len(trace.shape) > 1)
    trace, part = find_trace(run, number)
    assert trace is not None
    for segment, facts in zip((s for s in trace.segments if s.kind != "tag"), origins(run, trace, part), strict=True):
        if segment.kind in ("attempt", "reflection"):
            assert segment.text in texts[segment.source] and facts["prompt"]
    (named,) = [f for f in origins(run, trace, part) if f["kind"] == "glue" and "grade" in f][:1]
    assert named["grade"] != "ok", "the attempt whose step is returned to is a wrong one"


def test_its_measures_are_among_the_figures(run: Run) -> None:
    found = summarise(run)["methods"][METHOD]["3"]["measures"]
    assert set(found) == {"returns", "to_a_step", "keeps_steps", "other_way", "comes_right"}
    assert found["returns"]["of"] == 8


def test_the_report_shows_a_return_as_one_block(run: Run) -> None:
    trace = next(trace for trace in run.traces if len(trace.shape) > 1)
    blocks = Reader(BACKTRACK).of_trace(trace)
    (named,) = [block for block in blocks if block.opening.endswith("<back>")][:1]
    assert named.text.startswith("step ") and named.closing.startswith("</back>")
    again = Reader(BACKTRACK).of_response(trace.completion, lambda answer: None)
    assert [block.kind for block in again if block.kind != "glue"] == [b.kind for b in blocks if b.kind != "glue"]
    assert any(block.opening == "<back>" and block.text == named.text for block in again)


def test_a_response_can_be_made_to_go_on(run: Run) -> None:
    text = next(trace.completion for trace in run.traces if len(trace.shape) > 1)
    longer = BACKTRACK.unended(text) + BACKTRACK.trigger(text) + f"1 = 1. <answer>7</answer></sample>\n<reflect>{RIGHT}"
    longer += "</reflect>\n</think>\nSo.\n<answer>7</answer>"
    assert BACKTRACK.parse(longer).well_formed and BACKTRACK.extract(longer, final=True) == "7"
    assert len(returns(longer, BACKTRACK)) == len(returns(text, BACKTRACK))


def test_a_verdict_can_be_changed_and_the_returns_stay(run: Run) -> None:
    text = next(trace.completion for trace in run.traces if len(trace.shape) > 1)
    swapped = text.replace(WRONG, RIGHT)
    assert [one.before for one in returns(swapped, BACKTRACK)] == [True] * len(returns(text, BACKTRACK))


def test_any_other_tag_format_writes_whole_attempts_instead(tmp_path: Path) -> None:
    settings = {"method": METHOD, "tags": "sample-reflect", "sample": {"problems": 3, "attempts": 6}}
    made = temporary_run(tmp_path / "run", "countdown", settings, Stepper(tmp_path / "run"), last="rearrange")
    texts = {attempt.key: attempt.text.strip() for attempt in made.attempts}
    shown = [s for trace in made.traces for s in trace.segments if s.kind == "attempt"]
    assert shown and all(segment.text == texts[segment.source] for segment in shown)


def test_prompts_for_real_models_ask_for_steps_and_their_phrases_name_one(tmp_path: Path) -> None:
    settings = {"method": METHOD, "prompts": METHOD, "sample": {"problems": 4, "attempts": 6}}
    made = temporary_run(tmp_path / "run", "countdown", settings, Stepper(tmp_path / "run"), last="rearrange")
    completions = [trace.completion for trace in made.traces if len(trace.shape) > 1]
    assert completions and not any("{step}" in text for text in completions)
    for text in completions:
        for one in returns(text, BACKTRACK):
            assert f"step {one.step}" in text.replace("<back>step ", "")


def test_every_name_it_brings_can_be_looked_up() -> None:
    for kind in (registry.SKILL, registry.PROMPTS, registry.TAGS, registry.STRATEGY, registry.METHOD):
        assert registry.find(kind, METHOD)


def test_pocket_itself_learns_from_returns_that_it_made_of_its_own_attempts(tmp_path: Path) -> None:
    """Every stage for real, as small as it can be: nothing is scripted."""
    import torch

    settings = {
        "method": METHOD,
        "engine": "transformers",
        "trainer": "trl",
        "baselines": False,
        "part": 100,
        "sample": {"problems": 8, "attempts": 6},
        "reflect": {"reflections": 1},
        "sft": {"checkpoints": 1},
        "grpo": {"steps": 1, "prompts": 2, "minibatch": 2, "rollouts": 4, "micro_batch": 8, "max_tokens": 96},
        "evaluate": {"problems": 2, "samples": 1, "variants": ["3"]},
        "evaluate_sampling": {"max_tokens": 96},
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        made = temporary_run(tmp_path / "run", "countdown", settings)
    finally:
        torch.set_num_threads(threads)
    kept = [one for trace in made.traces for one in returns(trace.completion, BACKTRACK)]
    assert kept and all(one.step == 1 and one.exists for one in kept)
    assert made.responses(METHOD, "3").count() == 2 and made.report.is_file()
