"""Comparisons of methods and runs: what is paired with what, what is ahead, what it cost, what was forgotten."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy
import pytest
from conftest import Outcome
from rich.console import Console
from scipy import stats
from toy_run import roll_evaluation, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core import hookimpl, registry
from skillfactory_core.bootstrap import MADE_UP, percentiles, resample
from skillfactory_core.compare import compare
from skillfactory_core.compare_table import short, tables
from skillfactory_core.compute import tokens_of
from skillfactory_core.config import Config, EvaluateSettings
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import plugins
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run, start_run
from skillfactory_core.suite import Entry, Suite


@hookimpl
def register_suites() -> list[Suite]:
    return [Suite("toy-suite", "products", (Entry("products", "multiplication", {"digits": 2}),))]


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with toys_registered():
        found = plugins()
        found.add("toy-suite", "the tests", __name__, lambda: SimpleNamespace(register_suites=register_suites))
        try:
            yield
        finally:
            found.manager.unregister(name="toy-suite")
            found.found = [plugin for plugin in found.found if plugin.name != "toy-suite"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return toy_run(tmp_path / "run")


def answer(run: Run, method: str, exam: str, problems: list[Problem], right: list[int], responses: int = 4) -> None:
    """Responses of a method: the first `right[i]` to problem i are right."""
    made = []
    for problem, good in zip(problems, right, strict=True):
        for k in range(responses):
            wrong = toy_response(method, problem, k, "<out>?</out>", reason="wrong")
            made.append(attrs.evolve(wrong, correct=True, reason="ok") if k < good else wrong)
    run.responses(method, exam).finish(0, made)


def sums(run: Run, method: str, exam: str, right: list[int], responses: int = 4) -> None:
    answer(run, method, exam, toy_problems(run, exam, len(right)), right, responses)


def difference(found: dict[str, Any], where: str, method: str, against: str = "base") -> dict[str, Any]:
    (only,) = [d for d in found["differences"][where] if (d["method"], d["against"]) == (method, against)]
    return dict(only)


def test_a_difference_is_paired_by_problem_and_counts_the_problems_won_drawn_and_lost(run: Run) -> None:
    sums(run, "base", "4", [0, 1, 2, 3, 4] * 8)
    sums(run, "rl-only", "4", [1, 2, 2, 4, 3] * 8)
    found = difference(compare([run]), "4", "rl-only")
    assert found["difference"] == pytest.approx(2 / 4 / 5)
    assert (found["wins"], found["ties"], found["losses"], found["problems"]) == (24, 8, 8, 40)
    assert found["low"] < found["difference"] < found["high"]


def test_equal_shares_of_unlike_numbers_of_responses_are_a_tie(run: Run) -> None:
    sums(run, "base", "4", [1] * 5, responses=3)
    sums(run, "rl-only", "4", [2] * 5, responses=6)
    assert difference(compare([run]), "4", "rl-only")["ties"] == 5


def test_every_method_is_compared_with_every_one_before_it(run: Run) -> None:
    roll_evaluation(run, 10)
    found = compare([run], draws=100)
    assert [(d["method"], d["against"]) for d in found["differences"]["5"]] == [
        ("sft", "base"),
        ("skillfactory", "base"),
        ("skillfactory", "sft"),
        ("rl-only", "base"),
        ("rl-only", "sft"),
        ("rl-only", "skillfactory"),
    ]


def test_any_method_can_be_the_one_that_the_others_are_compared_with(run: Run) -> None:
    roll_evaluation(run, 10)
    first, turned = compare([run]), compare([run], against="rl-only")
    assert turned["against"] == next(iter(turned["methods"])) == "rl-only"
    ahead, behind = difference(first, "mean", "rl-only"), difference(turned, "mean", "base", "rl-only")
    assert ahead["difference"] == pytest.approx(-behind["difference"])
    assert (ahead["low"], ahead["wins"]) == (pytest.approx(-behind["high"], abs=0.01), behind["losses"])


def test_the_mean_is_over_exams_that_all_took_and_none_was_trained_on(run: Run) -> None:
    for exam, right in (("3", [0, 4]), ("4", [0, 4]), ("5", [0, 0, 0, 4])):
        sums(run, "base", exam, right)
        sums(run, "rl-only", exam, [4] * len(right))
    sums(run, "base", "6", [1, 1])
    found = compare([run])
    assert found["mean_of"] == ["4", "5"] and found["exams"]["3"]["trained_on"]
    assert found["methods"]["base"]["mean"]["accuracy"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    mean = difference(found, "mean", "rl-only")
    assert mean["difference"] == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert (mean["wins"], mean["ties"], mean["problems"]) == (4, 2, 6)
    assert found["differences"]["6"] == []


def test_the_interval_of_a_mean_over_exams_is_narrower_than_theirs(run: Run) -> None:
    roll_evaluation(run, 60)
    found = compare([run])
    widths = {where: (d := difference(found, where, "rl-only"))["high"] - d["low"] for where in ("4", "5", "6", "mean")}
    assert widths["mean"] < 0.75 * min(widths["4"], widths["5"], widths["6"])


def test_where_only_the_exam_trained_on_is_there_the_mean_is_that_of_it(run: Run) -> None:
    sums(run, "base", "3", [0, 1])
    sums(run, "rl-only", "3", [4, 1])
    found = compare([run])
    assert found["mean_of"] == ["3"]
    assert difference(found, "mean", "rl-only")["difference"] == 0.5


def test_a_comparison_says_the_same_every_time(run: Run) -> None:
    roll_evaluation(run, 20)
    assert compare([run]) == compare([run])


def test_responses_that_failed_are_left_out(run: Run) -> None:
    problems = toy_problems(run, "4", 3)
    answer(run, "base", "4", problems, [0, 0, 0])
    answer(run, "rl-only", "4", problems[:2], [4, 4])
    table = run.responses("rl-only", "4")
    failed = toy_response("rl-only", problems[2], 0, "", finish="error")
    table.finish(1, [failed])
    found = difference(compare([run]), "4", "rl-only")
    assert (found["problems"], found["difference"]) == (2, 1.0)


def test_problems_that_only_one_of_them_answered_do_not_count(run: Run) -> None:
    problems = toy_problems(run, "4", 30)
    answer(run, "base", "4", problems[:20], [0] * 20)
    answer(run, "rl-only", "4", problems[10:], [4] * 10 + [0] * 10)
    found = compare([run])
    only = difference(found, "4", "rl-only")
    assert (only["problems"], only["wins"], only["difference"]) == (10, 10, 1.0)
    standing = found["methods"]["rl-only"]["exams"]["4"]
    assert (standing["accuracy"], standing["problems"]) == (0.5, 20)


def test_methods_that_share_no_exam_have_no_mean_and_no_difference(run: Run) -> None:
    sums(run, "base", "4", [0, 1])
    sums(run, "rl-only", "5", [1, 1])
    found = compare([run])
    assert found["mean_of"] == [] and found["methods"]["base"]["mean"] is None
    assert all(every == [] for every in found["differences"].values())
    assert "rl-only" in printed(found)


def test_runs_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    runs = [toy_run(tmp_path / place) for place in ("a/it", "b/it", "b/other")]
    for run in runs:
        sums(run, "base", "4", [0, 1])
    assert list(compare(runs)["methods"]) == ["a/it/base", "b/it/base", "b/other/base"]
    assert list(compare(runs[1:])["methods"]) == ["it/base", "other/base"]


def test_ablations_line_up_the_runs_own_methods(tmp_path: Path) -> None:
    settings = Config(task="toy-sums", tags="toy-tags", model="dice", method="star")
    runs = [toy_run(tmp_path / "full"), start_run(tmp_path / "star", settings)]
    for run in runs:
        for method, right in (("base", [0, 0]), (run.config.method, [1, 4])):
            sums(run, method, "4", right)
    found = compare(runs, own=True)
    assert list(found["methods"]) == ["full/skillfactory", "star/star"]
    assert found["against"] == "full/skillfactory"


def test_problems_are_the_same_whatever_a_run_calls_their_exam(tmp_path: Path) -> None:
    one, other = toy_run(tmp_path / "one"), toy_run(tmp_path / "other")
    problems = toy_problems(one, "4", 10)
    answer(one, "base", "4", problems, [0] * 10)
    renamed = [attrs.evolve(p, key=f"toy-sums/5/evaluation/{9 - p.index}", variant="5") for p in problems]
    other.problems("evaluation", "5").finish(0, renamed)
    answer(other, "base", "5", renamed, [4] * 5 + [0] * 5)
    found = compare([one, other])
    assert list(found["exams"]) == ["4"]
    assert difference(found, "4", "other/base", "one/base")["wins"] == 5


def test_other_problems_under_the_same_keys_are_not_taken_for_the_same(tmp_path: Path) -> None:
    one, other = toy_run(tmp_path / "one"), toy_run(tmp_path / "other")
    sums(one, "base", "4", [0] * 5)
    renamed = [attrs.evolve(p, hash=f"{p.hash}x") for p in toy_problems(other, "4", 5)]
    other.problems("evaluation", "4").finish(0, renamed)
    answer(other, "base", "4", renamed, [4] * 5)
    with pytest.raises(
        SkillFactoryError, match=r"one and .*other share no evaluation problems: evaluate both on one suite"
    ):
        compare([one, other])


def test_exams_of_one_name_and_other_problems_are_kept_apart(tmp_path: Path) -> None:
    one, other = toy_run(tmp_path / "one"), toy_run(tmp_path / "other")
    for run in (one, other):
        sums(run, "base", "5", [0, 1])
    sums(one, "base", "4", [0] * 5)
    renamed = [attrs.evolve(p, hash=f"{p.hash}x") for p in toy_problems(other, "4", 5)]
    other.problems("evaluation", "4").finish(0, renamed)
    answer(other, "base", "4", renamed, [4] * 5)
    found = compare([one, other])
    assert list(found["exams"]) == ["4", "5", "toy-sums-4"]
    assert found["mean_of"] == ["5"] and found["differences"]["4"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"methods": ("bass",)}, "no method with responses named 'bass': did you mean 'base'"),
        ({"methods": ("base",)}, "there is only base to compare"),
        ({"against": "sftt"}, "no method named 'sftt': did you mean 'sft'"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(run: Run, asked: dict[str, Any], said: str) -> None:
    roll_evaluation(run, 2)
    with pytest.raises(SkillFactoryError, match=said) as refused:
        compare([run], **asked)
    assert "\n" not in str(refused.value)


def test_a_run_without_responses_or_named_twice_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SkillFactoryError, match=f"run {run.folder} has no responses to compare: sf evaluate"):
        compare([run])
    roll_evaluation(run, 2)
    with pytest.raises(SkillFactoryError, match="run run is named twice"):
        compare([run, run])


# Forgetting.


@pytest.fixture
def abroad(tmp_path: Path) -> Run:
    """A run that was also evaluated on products."""
    evaluate = EvaluateSettings(suites=("toy-suite",))
    run = start_run(tmp_path / "abroad", Config(task="toy-sums", tags="toy-tags", model="dice", evaluate=evaluate))
    task = attrs.evolve(registry.find(registry.TASK, "multiplication"), digits=2)
    problems = [
        attrs.evolve(p, key=f"multiplication/products/evaluation/{p.index}", variant="products")
        for p in islice(task.problems(0, "evaluation"), 40)
    ]
    run.problems("evaluation", "products").finish(0, problems)
    for method, right in (("base", [3, 4] * 20), ("sft", [1, 2] * 20), ("rl-only", [3, 4] * 20)):
        answer(run, method, "products", problems, right)
        sums(run, method, "4", [1, 2] * 20)
    return run


def test_what_a_method_forgot_is_how_far_it_fell_behind_the_base_on_other_tasks(abroad: Run) -> None:
    found = compare([abroad])["forgetting"]
    assert found.keys() == {"sft", "rl-only"} and found["sft"].keys() == {"products", "mean"}
    assert found["sft"]["products"]["difference"] == found["sft"]["mean"]["difference"] == -0.5
    assert found["sft"]["mean"]["high"] < -0.4
    assert found["rl-only"]["mean"]["difference"] == 0 and found["rl-only"]["mean"]["ties"] == 40


def test_what_was_forgotten_does_not_depend_on_who_is_put_first(abroad: Run) -> None:
    found = compare([abroad], against="sft")
    assert found["forgetting"]["sft"]["mean"]["difference"] == -0.5
    assert difference(found, "products", "base", "sft")["difference"] == 0.5


def test_without_exams_of_other_tasks_nothing_is_said_to_be_forgotten(run: Run) -> None:
    roll_evaluation(run, 5)
    assert compare([run])["forgetting"] == {}


# The bootstrap.


def test_all_draws_of_one_problem_and_the_two_made_up_ones_come_as_often_as_they_should() -> None:
    drawn = resample(numpy.array([[0.5]]), seed=0, draws=60_000)[:, 0]
    possible = [sum(each) / 3 for each in product((0.5, MADE_UP, -MADE_UP), repeat=3)]
    for value in set(numpy.round(possible, 9)):
        share = sum(abs(each - value) < 1e-8 for each in possible) / 27
        assert (abs(drawn - value) < 1e-8).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("size", [20, 150])
def test_the_interval_is_that_of_scipys_bootstrap_over_the_same_problems(size: int) -> None:
    random = numpy.random.default_rng(size)
    gaps = (random.binomial(4, random.beta(2, 2, size)) - random.binomial(4, random.beta(1, 2, size))) / 4
    ours = percentiles(float(gaps.mean()), resample(gaps[:, None], seed=1, draws=40_000)[:, 0])
    population = [*gaps, MADE_UP, -MADE_UP]
    theirs = stats.bootstrap(
        (population,), numpy.mean, n_resamples=40_000, method="percentile", rng=2
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_a_column_that_lacks_problems_is_drawn_from_those_that_it_has() -> None:
    random = numpy.random.default_rng(0)
    whole = random.normal(0.2, 0.3, 80)
    column = numpy.full(200, numpy.nan)
    column[:80] = whole
    both = resample(numpy.stack([column, numpy.zeros(200)], axis=1), seed=0)
    alone = resample(whole[:, None], seed=0)[:, 0]
    assert both[:, 0].mean() == pytest.approx(alone.mean(), abs=0.003)
    assert both[:, 0].std() == pytest.approx(alone.std(), rel=0.05)


def test_methods_that_never_differ_still_get_a_width() -> None:
    found = percentiles(0.0, resample(numpy.zeros((100, 1)), seed=0)[:, 0])
    assert -0.03 < found.low < 0 < found.high < 0.03


def test_draws_in_blocks_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = numpy.arange(10.0)[:, None] / 10
    monkeypatch.setattr("skillfactory_core.bootstrap.BLOCK", 500)
    drawn = resample(gaps, seed=0, draws=1001)
    assert drawn.shape == (1001, 1) and numpy.isfinite(drawn).all()
    assert drawn.mean() == pytest.approx(0.45 * 10 / 12, abs=0.02)


# What it cost.


def write_log(folder: Path, lines: list[dict[str, float]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def costly(run: Run) -> Run:
    """A run whose logs say what its trainings went over."""
    write_log(run.sft, [{"step": 1, "num_tokens": 100}, {"step": 2, "num_tokens": 250}])
    settings = run.config.grpo
    each = settings.prompts * settings.rollouts
    write_log(run.grpo("skillfactory"), [{"step": n, "tokens": 10.5, "num_tokens": n * each * 12} for n in (1, 2)])
    write_log(run.grpo("rl-only"), [{"step": 1, "tokens": 7.0, "num_tokens": each * 9}])
    return run


def test_a_method_costs_what_was_generated_and_what_was_trained_on(costly: Run) -> None:
    each = costly.config.grpo.prompts * costly.config.grpo.rollouts
    assert tokens_of(costly, "base") == dict.fromkeys(
        ("attempts", "reflections", "rollouts", "sft", "grpo", "generated", "trained"), 0
    )
    assert tokens_of(costly, "sft")["trained"] == 250 and tokens_of(costly, "sft")["rollouts"] == 0
    ours = tokens_of(costly, "skillfactory")
    assert (ours["rollouts"], ours["grpo"], ours["trained"]) == (21 * each, 24 * each, 24 * each + 250)
    alone = tokens_of(costly, "rl-only")
    assert (alone["generated"], alone["trained"], alone["attempts"]) == (7 * each, 9 * each, 0)


def test_attempts_and_reflections_are_part_of_what_a_taught_method_cost(finished: Path) -> None:
    from skillfactory_core.run import open_run

    run = open_run(finished)
    found = tokens_of(run, "sft")
    assert found["attempts"] == sum(attempt.tokens for attempt in run.attempts) > 0
    assert found["reflections"] == sum(reflection.tokens for reflection in run.reflections) > 0
    assert found["generated"] == sum(found[name] or 0 for name in ("attempts", "reflections"))
    assert found["sft"] is None, "the scripted trainer does not say"
    assert found["trained"] is None


def test_a_training_that_was_resumed_counted_from_zero_again(run: Run) -> None:
    write_log(run.sft, [{"step": n, "num_tokens": count} for n, count in ((1, 100), (2, 200), (3, 90), (4, 190))])
    assert tokens_of(run, "sft")["sft"] == 390


def test_what_a_log_does_not_say_is_unknown_and_not_zero(run: Run) -> None:
    write_log(run.sft, [{"step": 1, "loss": 1.0}])
    found = tokens_of(run, "skillfactory")
    assert found["sft"] is found["rollouts"] is found["grpo"] is found["generated"] is found["trained"] is None
    (run.sft / "log.jsonl").write_text('{"step": 1, "num_tokens": 7}\n{"step": 2, "num_to')
    assert tokens_of(run, "sft")["sft"] == 7


def test_rounds_of_star_cost_what_the_rounds_before_them_did(costly: Run, tmp_path: Path) -> None:
    model = str(costly.sft / "model")
    later = start_run(tmp_path / "later", Config(task="toy-sums", tags="toy-tags", model=model, method="star"))
    write_log(later.sft, [{"step": 1, "num_tokens": 40}])
    assert tokens_of(later, "sft")["trained"] == 290
    assert tokens_of(later, "base")["trained"] == 250


# The tables and the command.


def printed(found: dict[str, Any], width: int = 160) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for each in tables(found):
        console.print(each)
    return console.export_text()


def test_the_tables_show_accuracy_cost_differences_and_what_was_forgotten(abroad: Run) -> None:
    write_log(abroad.sft, [{"step": 1, "num_tokens": 1_234_567}])
    text = printed(compare([abroad]))
    assert "1.23M" in text and "mean: over 4, products" in text
    (row,) = [
        line for line in text.splitlines() if line.split()[:3] == ["sft", "products", "-50.0"] and "+" not in line
    ][:1]
    assert row.split()[-3:] == ["0", "0", "40"]
    assert "kept or forgotten" in text
    assert len([line for line in text.splitlines() if line.split()[:2] == ["sft", "products"]]) == 2


def test_many_exams_go_below_one_another(run: Run) -> None:
    roll_evaluation(run, 5)
    found = compare([run], draws=100)
    for each in found["methods"].values():
        each["exams"] |= {f"{name}-again": figures for name, figures in each["exams"].items()}
    found["exams"] |= {f"{name}-again": figures for name, figures in found["exams"].items()}
    lines = printed(found, width=80).splitlines()
    assert any(line.startswith("5-again") for line in lines) and any(
        line.startswith("tokens trained") for line in lines
    )
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(None, "?"), (0, "0"), (999, "999"), (54_648, "54.6k"), (2_500_000, "2.5M"), (3 * 10**9, "3G")],
)
def test_tokens_are_shown_in_three_digits(tokens: int | None, shown: str) -> None:
    assert short(tokens) == shown


def test_sf_compare_shows_tables_and_json(sf: Callable[..., Outcome], finished: Path) -> None:
    shown = sf("compare", finished)
    assert shown.code == 0 and "difference to base" in shown.out and "rl-only" in shown.out
    found = json.loads(sf("compare", finished, "--json", "--method", "base", "--method", "sft").out)
    assert list(found["methods"]) == ["base", "sft"]
    assert [d["method"] for d in found["differences"]["mean"]] == ["sft"]


def test_sf_compare_lines_up_runs(sf: Callable[..., Outcome], finished: Path, tmp_path: Path) -> None:
    other = shutil.copytree(finished, tmp_path / "other")
    found = json.loads(sf("compare", finished, other, "--ablations", "--json").out)
    assert list(found["methods"]) == ["it/skillfactory", "other/skillfactory"]
    (mean,) = found["differences"]["mean"]
    assert mean["difference"] == 0 and mean["ties"] == mean["problems"]
    refused = sf("compare", finished, other, "--against", "it/sfft")
    assert refused.code == 2 and "did you mean 'it/sft'?" in refused.err
