"""The summary of an evaluation, and its table in the terminal."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Outcome
from rich.console import Console
from rich.table import Table
from toy_run import Sums, attempt, roll_evaluation, thinking, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core.compare import compare
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.results import summarise
from skillfactory_core.results_table import skill_table, table
from skillfactory_core.run import Run, start_run


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with toys_registered():
        yield


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return toy_run(tmp_path / "run")


def plain(run: Run, method: str, variant: str, right: list[int], samples: int = 4) -> None:
    """Untagged responses: the first `right[i]` to problem i are right."""
    problems = toy_problems(run, variant, len(right))
    responses: list[Response] = []
    for problem, good in zip(problems, right, strict=True):
        answers = [Sums().reference(problem.params) if k < good else "0" for k in range(samples)]
        responses += [toy_response(method, problem, k, f"<out>{answer}</out>") for k, answer in enumerate(answers)]
    run.responses(method, variant).finish(0, responses)


def test_a_run_without_responses_has_an_empty_summary(run: Run) -> None:
    found = summarise(run)
    assert found["methods"] == {} and found["means"] == {} and found["variants"] == []


def test_accuracy_counts_responses_and_problems(run: Run) -> None:
    plain(run, "base", "4", [4, 0, 2, 0])
    found = summarise(run)["methods"]["base"]["4"]
    assert (found["accuracy"], found["n"], found["problems"]) == (6 / 16, 16, 4)
    assert found["low"] < 6 / 16 < found["high"]


def test_methods_and_difficulties_come_in_their_own_order(run: Run) -> None:
    for method in ("rl-only", "base"):
        for variant in ("5", "3"):
            plain(run, method, variant, [1, 2])
    found = summarise(run)
    assert list(found["methods"]) == ["base", "rl-only"]
    assert found["variants"] == ["3", "5"]


def test_the_mean_leaves_out_the_difficulty_trained_on_and_weighs_the_others_alike(run: Run) -> None:
    plain(run, "base", "3", [4, 4])
    plain(run, "base", "4", [4, 0])
    plain(run, "base", "5", [1, 0, 0, 0])
    found = summarise(run)
    assert found["trained_on"] == "3"
    assert found["means"]["base"]["variants"] == ["4", "5"]
    assert found["means"]["base"]["accuracy"] == pytest.approx((1 / 2 + 1 / 16) / 2)


def test_where_nothing_is_trained_no_difficulty_is_left_out_of_the_mean(tmp_path: Path) -> None:
    run = start_run(tmp_path / "untrained", Config(task="toy-sums", tags="toy-tags", model="dice", trains=False))
    plain(run, "base", "3", [4, 4])
    plain(run, "base", "4", [0, 0])
    found = summarise(run)
    assert found["trained_on"] == "" and found["means"]["base"]["accuracy"] == 0.5
    assert "trained on" not in printed(table(found))


def test_a_method_that_lacks_a_difficulty_has_no_mean(run: Run) -> None:
    for variant in ("4", "5"):
        plain(run, "base", variant, [1, 2])
    plain(run, "rl-only", "4", [1, 2])
    assert list(summarise(run)["means"]) == ["base"]


def test_responses_that_failed_are_left_out_and_counted(run: Run) -> None:
    problem = toy_problems(run, "3", 1)[0]
    right = toy_response("base", problem, 0, f"<out>{Sums().reference(problem.params)}</out>")
    failed = toy_response("base", problem, 1, "", finish="error", tokens=0)
    run.responses("base", "3").finish(0, [right, failed])
    found = summarise(run)["methods"]["base"]["3"]
    assert (found["accuracy"], found["n"], found["errors"]) == (1.0, 1, 1)


def test_responses_that_could_not_be_checked_count_as_not_right(run: Run) -> None:
    problem = toy_problems(run, "3", 1)[0]
    found = toy_response("base", problem, 0, "<out>slow</out>", reason="timeout")
    run.responses("base", "3").finish(0, [found])
    found = summarise(run)["methods"]["base"]["3"]
    assert (found["accuracy"], found["n"], found["unchecked"]) == (0.0, 1, 1)


def test_well_formedness_is_asked_only_of_methods_that_think(run: Run) -> None:
    plain(run, "base", "3", [1])
    problem = toy_problems(run, "3", 1)[0]
    good, bad = thinking([attempt("1", "Good")], "1"), "<muse>" + attempt("1", "Good")
    run.responses("sft", "3").finish(0, [toy_response("sft", problem, k, text) for k, text in enumerate((good, bad))])
    methods = summarise(run)["methods"]
    assert methods["base"]["3"]["well_formed"] is None
    assert methods["sft"]["3"]["well_formed"] == 0.5


def test_length_and_cut_off_responses_are_means_over_responses(run: Run) -> None:
    problem = toy_problems(run, "3", 1)[0]
    cut = toy_response("base", problem, 0, "on and on", finish="length", tokens=30)
    run.responses("base", "3").finish(0, [cut, toy_response("base", problem, 1, "<out>1</out>", tokens=10)])
    found = summarise(run)["methods"]["base"]["3"]
    assert (found["tokens"], found["truncated"]) == (20, 0.5)


def test_differences_are_paired_by_problem(run: Run) -> None:
    plain(run, "base", "4", [0, 1, 2, 3] * 10)
    plain(run, "rl-only", "4", [1, 2, 3, 4] * 10)
    (found,) = summarise(run)["differences"]["4"]
    assert (found["method"], found["against"], found["difference"]) == ("rl-only", "base", 0.25)
    assert found["low"] > 0.15


def test_the_figures_agree_with_the_run_they_were_made_from(run: Run) -> None:
    roll_evaluation(run, 20)
    found = summarise(run)
    responses = list(run.responses("skillfactory", "4"))
    figures = found["methods"]["skillfactory"]["4"]
    assert figures["accuracy"] == pytest.approx(sum(r.correct for r in responses) / len(responses))
    assert figures["answers"] > 1 and figures["reflections"] > 1
    assert len(found["differences"]["mean"]) == 6


def test_fixed_and_broken_come_from_the_grade_of_the_final_answer(run: Run) -> None:
    problem = toy_problems(run, "4", 1)[0]
    right = Sums(4).reference(problem.params)
    texts = [
        thinking([attempt("1", "Bad"), attempt(right, "Good")], right),
        thinking([attempt(right, "Bad"), attempt("1", "Good")], "1"),
    ]
    run.responses("sft", "4").finish(0, [toy_response("sft", problem, k, text) for k, text in enumerate(texts)])
    found = summarise(run)["methods"]["sft"]["4"]
    assert found["fixed"] == {"share": 1.0, "count": 1, "of": 1}
    assert found["broken"] == {"share": 0.5, "count": 1, "of": 2}


def test_an_answer_counts_for_its_own_problem_alone(run: Run) -> None:
    first, second = toy_problems(run, "4", 2)
    right = Sums(4).reference(first.params)
    assert right != Sums(4).reference(second.params)
    text = thinking([attempt(right, "Bad"), attempt("1", "Good")], "1")
    run.responses("sft", "4").finish(0, [toy_response("sft", problem, 0, text) for problem in (first, second)])
    assert summarise(run)["methods"]["sft"]["4"]["broken"] == {"share": 1.0, "count": 1, "of": 1}


def test_pass_at_k_and_lengths_are_among_the_figures(run: Run) -> None:
    plain(run, "base", "4", [4, 0, 2, 0])
    found = summarise(run)["methods"]["base"]["4"]
    assert {k: each["mean"] for k, each in found["pass"].items()} == pytest.approx(
        {1: 6 / 16, 2: (1 + 5 / 6) / 4, 4: 0.5}
    )
    assert found["lengths"] == {"edges": [10, 11], "right": [6], "wrong": [10]}


def test_the_mean_pools_shares_and_averages_pass_at_k(run: Run) -> None:
    roll_evaluation(run, 20)
    found = summarise(run)
    figures = [found["methods"]["skillfactory"][variant] for variant in ("4", "5", "6")]
    mean = found["means"]["skillfactory"]
    for name in ("fixed", "broken", "looping", "malformed", "retry_after_incorrect", "stop_after_correct"):
        assert mean[name]["of"] == sum(each[name]["of"] for each in figures) > 0
    assert mean["pass"][4]["mean"] == pytest.approx(sum(each["pass"][4]["mean"] for each in figures) / 3)
    assert mean["pass"][4]["low"] < mean["pass"][4]["mean"] < mean["pass"][4]["high"]


def test_every_figure_can_be_written_as_json(run: Run) -> None:
    roll_evaluation(run, 5)
    found = summarise(run)
    again = json.loads(json.dumps(found))
    assert again["methods"]["sft"]["5"]["pass"]["4"] == found["methods"]["sft"]["5"]["pass"][4]


def printed(shown: Table, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(shown)
    return out.getvalue()


def test_the_use_of_the_skill_is_a_table_of_its_own(run: Run) -> None:
    roll_evaluation(run, 20)
    summary = summarise(run)
    lines = {line.split()[0]: line.split() for line in printed(skill_table(summary)).splitlines() if line.strip()}
    fixed = summary["means"]["skillfactory"]["fixed"]["share"]
    assert "pass@4" in lines["method"]
    assert f"{100 * fixed:.1f}" in lines["skillfactory"]
    assert lines["base"].count("–") == 5, "it has no tags"


def test_sf_results_shows_both_tables(sf: Callable[..., Outcome], finished: Path) -> None:
    out = sf("results", finished).out
    assert "accuracy in %" in out and "use of the skill" in out and "pass@" in out


def test_a_problem_that_is_gone_is_said_in_one_line(run: Run) -> None:
    plain(run, "base", "4", [1, 2])
    table = run.problems("evaluation", "4")
    table.finish(0, table.read(0)[:1])
    for figures in (summarise, lambda opened: compare([opened])):
        with pytest.raises(SkillFactoryError, match=r"evaluation-4 has no problem '.*/1', which was answered"):
            figures(run)


def test_many_exams_go_below_one_another(run: Run) -> None:
    roll_evaluation(run, 5)
    summary = summarise(run)
    summary["variants"] = [f"{name}{copy}" for copy in ("", "-again") for name in ("3", "4", "5", "6")]
    for by_variant in summary["methods"].values():
        by_variant.update({f"{name}-again": figures for name, figures in list(by_variant.items())})
    text = printed(table(summary), width=80)
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "5-again" in lines and "others" in lines and "reflections" in lines
    assert all(len(line) <= 80 for line in text.splitlines()) and "…" not in text
    assert f"{100 * summary['methods']['rl-only']['5']['accuracy']:.1f}±" in lines["5-again"]


def test_the_table_names_every_method_and_marks_the_best(run: Run) -> None:
    plain(run, "base", "4", [0, 1])
    plain(run, "rl-only", "4", [4, 4])
    plain(run, "base", "5", [0, 0])
    shown = io.StringIO()
    Console(file=shown, width=160, force_terminal=True).print(table(summarise(run)))
    lines = {line.split()[0]: line for line in shown.getvalue().splitlines() if "±" in line and "accuracy" not in line}
    assert "\x1b[1m100.0±" in lines["rl-only"]
    assert "12.5±" in lines["base"] and "\x1b[1m12.5" not in lines["base"]
    assert "–" in lines["rl-only"]


def test_an_empty_summary_makes_an_empty_table(run: Run) -> None:
    assert table(summarise(run)).row_count == 0
