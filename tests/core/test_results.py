"""The summary of an evaluation, and its table in the terminal."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from toy_run import Sums, attempt, roll_evaluation, thinking, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core.evaluation import Response
from skillfactory_core.results import summarise
from skillfactory_core.results_table import table
from skillfactory_core.run import Run


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
