"""Runs: the plugin keeps what plugins promise, and every stage runs with its methods, by script and for real."""

import re
import shlex
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from decompose_pairs import reply

from skillfactory_core import registry
from skillfactory_core.choices import choose
from skillfactory_core.cli.run import run as run_command
from skillfactory_core.engine import Request
from skillfactory_core.lineage import origins
from skillfactory_core.resolve import resolve
from skillfactory_core.results import summarise
from skillfactory_core.run import Run
from skillfactory_core.testing import Guesser, check_plugin, check_prompt_set, check_skill, small_run, temporary_run
from skillfactory_decompose import plugin
from skillfactory_decompose.claim import FAILS, HOLDS
from skillfactory_decompose.count import counts
from skillfactory_decompose.tags import SHORT, SUBGOALS, Subgoals

SMALL = {"method": "decompose", "sample": {"problems": 6, "attempts": 24}}
README = Path(__file__).parents[1] / "README.md"


class Lister(Guesser):
    """A guesser that writes its attempts and reflections as the prompts of this plugin ask for them."""

    def __call__(self, request: Request) -> str:
        said = super().__call__(request)
        random = Random(request.seed)
        words, tag, rest = said.partition("<")
        if "verdict" in rest:
            held = [random.choice((HOLDS, HOLDS, HOLDS, FAILS)) for _ in range(2)]
            return f"1. Seen: {held[0]}.\n2. {words} {held[1]}\n\nSo {tag}{rest}"
        return (
            f"Subgoals:\n1. Look\n2. Think\n\nSolutions:\n1. Looked {random.randint(1, 3)}\n2. {words}\n\n{tag}{rest}"
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the method, in pocket's words, by script. Not to be changed."""
    return temporary_run(tmp_path_factory.mktemp("runs") / "run", "countdown", SMALL, reply)


def test_the_module_is_a_plugin() -> None:
    check_plugin(plugin)


def test_its_records_are_installed_under_their_names() -> None:
    for kind, name in (
        (registry.SKILL, "decompose"),
        (registry.STRATEGY, "decompose"),
        (registry.METHOD, "decompose"),
        (registry.METHOD, "decompose-listed"),
        (registry.PROMPTS, "subgoals"),
        (registry.TAGS, "subgoals"),
        (registry.TAGS, "subgoals-short"),
    ):
        assert registry.giver(kind, registry.find(kind, name)).distribution.startswith("skillfactory-decompose")  # type: ignore[union-attr]


def test_the_skill_and_the_prompts_keep_what_they_promise() -> None:
    (skill,), (prompts,) = plugin.register_skills(), plugin.register_prompt_sets()
    check_skill(skill)
    check_prompt_set(prompts)
    for prompt in prompts.reflections:
        assert f'"{HOLDS}"' in prompt.text and f'"{FAILS}"' in prompt.text


def test_every_trace_shows_subgoals_that_are_solved_and_checked_and_ends_right(run: Run) -> None:
    assert run.traces.count()
    for trace in run.traces:
        assert SHORT.parse(trace.completion).well_formed and trace.shape.endswith("C") and "C" not in trace.shape[:-1]
        bodies = list(SHORT.bodies(trace.completion))
        assert len(bodies) == len(trace.shape)
        assert all(len(body.works) >= len(body.goals) > 0 for body in bodies)


def test_every_stretch_is_told_where_it_came_from(run: Run) -> None:
    part = run.traces.parts()[0]
    told = {facts["kind"]: facts for trace in run.traces.read(part) for facts in origins(run, trace, part)}
    assert told.keys() >= {"plan", "step", "check", "attempt", "reflection", "closing", "answer"}
    assert "grade" in told["plan"] and "grade" in told["step"] and "verdict" in told["check"]


def test_some_traces_show_a_failed_subgoal_done_again(run: Run) -> None:
    again = [SHORT.parse(trace.completion) for trace in run.traces if more_works_than_goals(trace.completion)]
    assert again and all(parsed.well_formed for parsed in again)


def more_works_than_goals(text: str, tags: Subgoals = SHORT) -> bool:
    return any(len(body.works) > len(body.goals) for body in tags.bodies(text))


def test_attempts_are_counted_by_what_became_of_them(run: Run) -> None:
    found = counts(run)
    usable = sum(not grade.dropped for grade in run.grades)
    assert (
        found["attempts"]
        == usable
        == sum(n for k, n in found.items() if k not in ("attempts", "with_a_failed_subgoal"))
    )
    assert 0 < found["with_a_failed_subgoal"] < found["taken_apart"]


def test_the_end_of_the_stage_says_what_was_left_out(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    plugin.stage_finished(run, "rearrange", {})
    plugin.stage_finished(run, "sft", {})
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"decompose: \d+ of \d+ attempts taken apart, \d+ of them with a subgoal that failed .*left out: .*", line
    )


def test_its_measures_are_in_the_figures_of_the_run(run: Run) -> None:
    figures = summarise(run)["methods"]["decompose"]["3"]["measures"]
    assert figures["subgoals"]["mean"] == 0


def test_the_method_for_real_models_makes_traces_of_numbered_lists(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"method": "decompose-listed", "prompts": "subgoals", "sample": {"attempts": 4}}
    folder = tmp_path / "run"
    made = temporary_run(folder, "countdown", settings, Lister(folder), "rearrange")
    assert {attempt.prompt for attempt in made.attempts} == {p.name for p in plugin.register_prompt_sets()[0].attempts}
    found = counts(made)
    assert found["taken_apart"] > found["attempts"] / 2 and found["with_a_failed_subgoal"]
    assert any(more_works_than_goals(trace.completion, SUBGOALS) for trace in made.traces)
    for trace in made.traces:
        assert SUBGOALS.parse(trace.completion).well_formed
        assert all(body.goals == ("1. Look", "2. Think") for body in SUBGOALS.bodies(trace.completion))


def test_every_method_names_settings_that_exist() -> None:
    tables = tomllib.loads((Path(plugin.__file__).parent / "methods.toml").read_text(encoding="utf-8"))
    assert [method.name for method in plugin.register_methods()] == list(tables)
    for name in tables:
        assert registry.find(registry.METHOD, name).settings["strategy"] == "decompose"


def test_the_commands_of_the_readme_name_what_there_is() -> None:
    lines = re.findall(r"^sf run (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        with run_command.make_context("run", shlex.split(line)) as context:
            given = context.params
        flags = {name: given[name] for name in ("method", "model") if given[name] is not None}
        chosen = choose(resolve(given["task"], given["preset"], None, flags))
        assert isinstance(chosen.tags, Subgoals) and [skill.name for skill in chosen.skills] == ["decompose"]


def test_the_trace_in_the_readme_is_a_whole_one_and_ends_right() -> None:
    (trace,) = re.findall(r"```xml\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    parsed = SHORT.parse(trace)
    assert parsed.well_formed and parsed.tries[-1].verdict and parsed.answer == parsed.tries[-1].answer


def test_the_embedded_model_is_trained_on_its_own_decompositions_and_answers(tmp_path: Path) -> None:
    settings = {**SMALL, "baselines": False, "rearrange": {"per_problem": 3}, "sft": {"epochs": 1.0}}
    made = small_run(tmp_path / "run", "countdown", settings, reply)
    responses = list(made.responses("decompose", "3"))
    assert len(responses) == 2 and made.report.is_file()
    assert "subgoals" in summarise(made)["methods"]["decompose"]["3"]["measures"]
