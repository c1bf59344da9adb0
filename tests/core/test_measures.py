"""The measures of skills: what they come to, where they show, and what one that fails takes down (nothing)."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from conftest import Outcome
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from toy_run import TAGS, Sums, attempt, thinking, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core import hookimpl, rewards
from skillfactory_core.choices import choose
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.interval import mean
from skillfactory_core.measure import Measured, Totals, measure, measures_of, pooled
from skillfactory_core.report.several import merged
from skillfactory_core.results import summarise
from skillfactory_core.results_table import measure_table
from skillfactory_core.run import Run, start_run
from skillfactory_core.skill import Measure, Skill
from skillfactory_core.stages.grpo import skill_figures
from skillfactory_core.stages.report import report
from skillfactory_core.tags import TagFormat
from skillfactory_core.testing import plugged


def length(text: str, tags: TagFormat) -> float | None:
    """How many characters."""
    return len(text)


def doubts(text: str, tags: TagFormat) -> float | None:
    """Whether any of its verdicts is that an attempt is wrong."""
    claims = [one.verdict for one in tags.parse(text).tries if one.verdict is not None]
    return False in claims if claims else None


def breaks(text: str, tags: TagFormat) -> float | None:
    """Nothing."""
    raise ZeroDivisionError("of the skill")


def skill(name: str = "counting", **measures: Measure) -> Skill:
    return Skill(name, "counts", reflects=True, retries=True, measures=measures)


COUNTING = skill(length=length, doubts=doubts)
TEXTS = (
    thinking([attempt("1", "Bad"), attempt("2", "Good")], "2"),
    thinking([attempt("1", "Good")], "1"),
    "<out>1</out>",
)


def plugin(*skills: Skill) -> ModuleType:
    made = ModuleType("counting_plugin")

    def register_skills() -> list[Skill]:
        return list(skills)

    made.register_skills = hookimpl(register_skills)  # type: ignore[attr-defined]
    return made


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with toys_registered():
        yield


def counted_run(folder: Path, skills: tuple[str, ...] = ("counting",)) -> Run:
    """A run whose base gave the three texts to two problems at each of two difficulties."""
    made = toy_run(folder)
    run = start_run(folder.with_name("counted"), attrs.evolve(made.config, skills=skills))
    for variant in ("4", "5"):
        problems = toy_problems(run, variant, 2)
        responses = [toy_response("base", p, k, text) for p in problems for k, text in enumerate(TEXTS)]
        run.responses("base", variant).finish(0, responses)
    return run


def test_the_figures_of_a_measure_are_means_over_the_responses_that_are_a_case_of_it(tmp_path: Path) -> None:
    with plugged(plugin(COUNTING)):
        summary = summarise(counted_run(tmp_path / "run"))
    found = summary["methods"]["base"]["4"]["measures"]
    assert found["length"] == {"mean": pytest.approx(sum(map(len, TEXTS)) / 3), "of": 6, "low": any_, "high": any_}
    assert found["doubts"]["mean"] == 0.5 and found["doubts"]["of"] == 4
    assert 0 < found["doubts"]["low"] < 0.5 < found["doubts"]["high"] < 1
    assert summary["measures"] == {
        "length": "How many characters",
        "doubts": "Whether any of its verdicts is that an attempt is wrong",
    }
    assert summary["means"]["base"]["measures"]["doubts"]["of"] == 8
    assert json.loads(json.dumps(summary))["methods"]["base"]["4"]["measures"] == found


class Anything:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, float)


any_: Any = Anything()


def test_a_run_whose_skills_have_no_measures_has_no_such_entries(tmp_path: Path) -> None:
    summary = summarise(counted_run(tmp_path / "run", ("verify", "retry")))
    assert "measures" not in summary and "measures" not in summary["means"]["base"]
    assert "measures" not in summary["methods"]["base"]["4"]


def test_a_run_whose_plugin_is_gone_can_still_be_read(tmp_path: Path) -> None:
    with plugged(plugin(COUNTING)):
        run = counted_run(tmp_path / "run")
    assert "measures" not in summarise(run)


def test_the_figures_show_in_a_table_and_in_the_report(tmp_path: Path) -> None:
    with plugged(plugin(COUNTING)):
        run = counted_run(tmp_path / "run")
        summary = summarise(run)
        report(run)
    out = io.StringIO()
    Console(file=out, width=160).print(measure_table(summary))
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("base")]
    assert line.split()[2].startswith("0.50±")
    assert "doubts, Whether any of its verdicts" in " ".join(out.getvalue().split())
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "What do its skills measure?" in page and '<th scope="col">Doubts</th>' in page
    assert "<i>Length</i>: How many characters." in page


def test_the_report_draws_them_over_the_steps_of_reinforcement(tmp_path: Path) -> None:
    with plugged(plugin(COUNTING)):
        run = counted_run(tmp_path / "run")
        log = run.grpo("skillfactory") / "log.jsonl"
        log.parent.mkdir(parents=True)
        log.write_text("".join(json.dumps({"step": n, "reward": 0.5, "doubts": n / 4}) + "\n" for n in (1, 2, 3)))
        report(run)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "rl-doubts" in page and "rl-length" not in page and "mean over the responses that are a case" in page


def test_a_report_of_other_skills_does_not_mention_measures(sf: Callable[..., Outcome], finished: Path) -> None:
    assert sf("report", finished).code == 0
    assert "What do its skills measure?" not in (finished / "report.html").read_text(encoding="utf-8")
    assert "what the skills measure" not in sf("results", finished).out


def test_several_runs_have_the_measures_of_each(tmp_path: Path) -> None:
    with plugged(plugin(COUNTING)):
        one = summarise(counted_run(tmp_path / "run"))
    both = merged({"a": one, "b": {name: value for name, value in one.items() if name != "measures"}})
    assert both["measures"] == one["measures"]


def test_the_log_of_reinforcement_has_them_beside_the_other_figures() -> None:
    def grade(answer: str) -> Any:
        return Sums().grade({"numbers": [1, 2, 3], "target": 0}, answer)

    figures = skill_figures(TEXTS[0], TAGS, grade, False, measures_of([COUNTING]))
    assert (figures["length"], figures["doubts"], figures["answers"]) == (len(TEXTS[0]), 1, 2)
    assert "doubts" not in skill_figures(TEXTS[2], TAGS, grade, False, measures_of([COUNTING]))


def test_the_rewards_for_other_trainers_log_them_when_they_are_told_the_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setenv("SKILLFACTORY_SKILLS", "verify, counting")
    rewards.measures.cache_clear()
    with plugged(plugin(COUNTING)):
        rewards.countdown(
            completions=["<answer>1+2</answer>"],
            problem=[{"numbers": [1, 2], "target": 3}],
            log_metric=lambda name, value: seen.update({name: value}),
        )
    rewards.measures.cache_clear()
    assert seen["length"] == len("<answer>1+2</answer>")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (breaks, "raised ZeroDivisionError: of the skill on 'a text'"),
        (lambda text, tags: sys.exit("enough"), "raised SystemExit: enough on"),
        (lambda text, tags: "much", "gave 'much', which is no number on"),
        (lambda text, tags: nan, "gave nan, which is no number on"),
        (lambda text: 1.0, "raised TypeError"),
    ],
)
def test_a_measure_that_fails_takes_nothing_down_and_is_told_once(
    bad: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = skill(f"failing-{abs(hash(said))}", length=length, bad=bad)
    with plugged(plugin(failing)):
        measures = measures_of([failing])
        for _ in range(3):
            assert measure(measures, "a text", TAGS) == {"length": 6}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sf: plugin 'counting_plugin' (") and said in line
    assert f"skill '{failing.name}', measure 'bad'" in line and "counts as no case" in line


def test_an_interruption_is_not_a_failing_measure() -> None:
    def interrupted(text: str, tags: TagFormat) -> float | None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(measures_of([skill(interrupted=interrupted)]), "a text", TAGS)


def test_a_measure_that_fails_on_one_response_counts_the_others(tmp_path: Path) -> None:
    def shaky(text: str, tags: TagFormat) -> float | None:
        """Not always there."""
        return 1 / text.count("muse")

    with plugged(plugin(skill(shaky=shaky))):
        found = summarise(counted_run(tmp_path / "run"))["methods"]["base"]["4"]["measures"]["shaky"]
    assert (found["mean"], found["of"]) == (0.5, 4)


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        (
            [skill("one", length=length), skill("two", length=length)],
            "skills 'one' and 'two' both have a measure 'length'",
        ),
        (
            [skill("one", answers=length)],
            "skill 'one': its measure 'answers' is called like a figure that every log has",
        ),
        ([skill("one", **{"My length": length})], "its measure 'My length' needs a name of small letters"),
    ],
)
def test_a_name_that_would_stand_for_two_things_is_refused_before_a_run_starts(skills: list[Skill], said: str) -> None:
    with plugged(plugin(*skills)), pytest.raises(SkillFactoryError, match=said):
        choose(Config(task="countdown", skills=("verify", "retry", *(one.name for one in skills))))


def test_a_measure_without_a_docstring_has_no_meaning_and_still_counts() -> None:
    (one,) = measures_of([skill(short=lambda text, tags: len(text) < 9)])
    assert isinstance(one, Measured) and one.meaning == ""
    assert measure([one], "a text", TAGS) == {"short": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-9, 9)), max_size=30))
def test_totals_add_up_to_the_plain_mean(values: list[tuple[str, float]]) -> None:
    totals = Totals.of(measures_of([skill(length=length)]))
    for problem, value in values:
        totals.add(problem, {"length": value})
    (found,) = totals.figures().values()
    plain = [value for _, value in values]
    assert found["of"] == len(plain)
    assert found["mean"] == (pytest.approx(sum(plain) / len(plain), abs=1e-9) if plain else None)
    if "low" in found:
        assert found["low"] <= found["mean"] <= found["high"]


def test_pooled_figures_are_those_of_all_cases_and_have_no_interval_where_one_has_none() -> None:
    many = {"x": {"mean": 1.0, "of": 30, "low": 0.5, "high": 1.5}}
    few = {"x": {"mean": 2.0, "of": 10, "low": 1.0, "high": 3.0}}
    none, one = {"x": {"mean": None, "of": 0}}, {"x": {"mean": 5.0, "of": 1}}
    found = pooled([many, few, none])["x"]
    assert (found["mean"], found["of"]) == (1.25, 40)
    assert 0.5 < found["low"] < 1.25 < found["high"] < 3.0
    assert pooled([many, one])["x"] == {"mean": pytest.approx(35 / 31), "of": 31}
    assert pooled([none])["x"] == {"mean": None, "of": 0}


def test_95_percent_of_the_intervals_of_a_mean_hold_the_truth() -> None:
    from random import Random

    random, hits = Random("means"), 0
    for _ in range(500):
        problems = [random.expovariate(0.5) for _ in range(100)]
        drawn = [[random.gauss(each, 1) for _ in range(random.randint(1, 4))] for each in problems]
        found = mean([(sum(each), len(each)) for each in drawn])
        assert found is not None
        hits += found.low <= 2 <= found.high
    assert 0.92 <= hits / 500 <= 0.98


def test_one_problem_tells_nothing_of_how_far_a_mean_may_be_off() -> None:
    assert mean([(7.0, 4), (0.0, 0)]) is None
