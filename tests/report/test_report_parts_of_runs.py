"""What the report tells of a run's tables: the funnel, the verdicts, the lengths, the budgets, the records in the page."""

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs
import pytest
from conftest import Outcome

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from toy_run import TAGS, Sums, attempt, roll_evaluation, thinking, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core.contest import names_of
from skillfactory_core.report import budgets, charts, embedded, lengths, matrix, several, words
from skillfactory_core.report.funnel import funnel
from skillfactory_core.report.page import contents
from skillfactory_core.report.pieces import Reader
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, open_run
from skillfactory_core.skill_use import skill_use
from skillfactory_core.stages.report import report, report_of

Sf = Callable[..., Outcome]


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Run]:
    with toys_registered():
        yield toy_run(tmp_path / "toys")


def records_in(page: Path) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="records">(.*?)</script>', page.read_text("utf-8"), re.S)
    assert found is not None
    made: dict[str, object] = json.loads(found[1])
    return made


def test_the_funnel_counts_what_the_tables_hold(finished: Path) -> None:
    run = open_run(finished)
    grades, reflections = list(run.grades), list(run.reflections)
    used = {segment.source for trace in run.traces for segment in trace.segments}
    kept = {r.attempt for r in reflections if not r.dropped}
    by_title = {level.title: level for level in funnel(run)["attempts"]}
    assert by_title["graded"].count == len(grades)
    assert by_title["graded"].right == sum(g.correct for g in grades)
    assert by_title["fit to be shown"].count == sum(not g.dropped for g in grades)
    assert by_title["with a true reflection"].count == len(kept)
    assert by_title["in a trace"].count == sum(g.attempt in used for g in grades)
    assert by_title["in a trace"].right == sum(g.attempt in used and g.correct for g in grades) > 0
    levels = funnel(run)["reflections"]
    assert [level.count for level in levels] == [
        len(reflections),
        sum(not r.dropped for r in reflections),
        sum(r.key in used for r in reflections),
    ]
    without = by_title["fit to be shown"].count - len(kept)
    assert dict(by_title["with a true reflection"].fell_out) == (
        {"no reflection with the true verdict": without} if without else {}
    )
    assert dict(by_title["in a trace"].fell_out) == {
        "not drawn by the strategy": len(kept) - by_title["in a trace"].count
    }
    untrue = sum(r.dropped == "untrue" for r in reflections)
    assert untrue and dict(levels[1].fell_out) == {"verdict was not true": untrue}


def test_the_funnel_says_why_attempts_fell_out(copied: Path) -> None:
    run = open_run(copied)
    grades = run.grades.read(0)
    spoilt = [attrs.evolve(g, dropped=("cut", "hint", "cut")[n]) for n, g in enumerate(grades[:3])] + grades[3:]
    run.grades.finish(0, spoilt)
    attempts = run.attempts.read(0)
    run.attempts.finish(0, [*attempts, attrs.evolve(attempts[0], key="failed", finish="error", error="no memory")])
    graded, fit, *_ = funnel(run)["attempts"]
    assert dict(graded.fell_out) == {"failed": 1}
    assert dict(fit.fell_out) == {"cut off": 2, "told of the hint": 1}
    assert "told of the hint <b>1</b>" in report(run).read_text(encoding="utf-8")


def test_a_run_without_grades_has_no_funnel_and_one_without_traces_no_such_level(copied: Path, empty: Run) -> None:
    assert funnel(empty) == {}
    run = open_run(copied)
    for number in run.traces.parts():
        run.traces.part(number).unlink()
    assert "in a trace" not in [level.title for levels in funnel(run).values() for level in levels]


def test_the_matrix_is_the_count_of_verdicts_and_truths(toys: Run) -> None:
    roll_evaluation(toys, 20, methods=["skillfactory"])
    counted: Counter[tuple[bool, bool | None]] = Counter()
    problems = {problem.key: problem for problem in toys.problems("evaluation", "4")}
    for response in toys.responses("skillfactory", "4"):
        grade = partial(Sums(4).grade, problems[response.problem].params)
        claims = skill_use(response.text, TAGS, grade, response.finish == "length").claims
        counted.update((claim.verdict, claim.truth) for claim in claims)
    found = matrix.matrices(summarise(toys))["skillfactory"]["4"]
    assert (found.right_right, found.right_wrong) == (counted[True, True], counted[True, False])
    assert (found.wrong_right, found.wrong_wrong) == (counted[False, True], counted[False, False])
    assert found.total == sum(counted.values()) > 40


def test_a_method_without_verdicts_has_no_matrix(toys: Run) -> None:
    roll_evaluation(toys, 5, methods=["base"])
    assert matrix.matrices(summarise(toys)) == {}


def test_the_curves_of_lengths_hold_every_response_and_the_medians_are_theirs(toys: Run) -> None:
    problems = toy_problems(toys, "3", 9)
    sizes = [8, 8, 8, 8, 8, 100, 100, 1000, 1000]
    right = [Sums().reference(p.params) if size > 8 else "1" for p, size in zip(problems, sizes, strict=True)]
    made = [
        toy_response("base", p, 0, f"<out>{answer}</out>", tokens=size)
        for p, size, answer in zip(problems, sizes, right, strict=True)
    ]
    toys.responses("base", "3").finish(0, made)
    (spread,) = lengths.drawn({"3": "toy-sums"}, summarise(toys), lambda method: method)
    (medians,) = spread.medians
    assert medians.every == medians.wrong == pytest.approx(8, rel=0.1)
    assert medians.right == pytest.approx(100, rel=0.1)
    histogram = summarise(toys)["methods"]["base"]["3"]["lengths"]
    both = [a + b for a, b in zip(histogram["right"], histogram["wrong"], strict=True)]
    curve = lengths.shares(histogram["edges"], both)
    assert sum(y for _, y in curve) == pytest.approx(1)
    assert max(curve, key=lambda point: point[1]) == pytest.approx((72**0.5, 5 / 9))


def test_budgets_are_shown_where_there_are_any(toys: Run) -> None:
    roll_evaluation(toys, 4, methods=["base"])
    assert 'id="budgets"' not in report(toys).read_text(encoding="utf-8")
    entries = [{"budget": size, "accuracy": share} for size, share in ((16, 0.125), (64, 0.5))]
    (toys.folder / "8-evaluation" / "budgets.json").write_text(json.dumps({"methods": {"base": {"4": entries}}}))
    for tokens, right in ((8, "1"), (16, "2")):
        name = "8" if tokens == 8 else "8-16"
        problem = next(iter(toys.problems("evaluation", "4")))
        answer = Sums(4).reference(problem.params) if right == "2" else right
        made = toy_response("base", problem, 0, f"<out>{answer}</out>", tokens=tokens)
        made = attrs.evolve(made, correct=right == "2")
        toys.responses("base", "4", name).finish(0, [made])
    page = report(toys).read_text(encoding="utf-8")
    assert 'id="budgets"' in page and "right within so many tokens" in page and "12.5" in page
    assert "8 to 16" in page and "+100.0" in page


def test_a_torn_file_of_budgets_is_left_alone(toys: Run) -> None:
    (toys.folder / "8-evaluation").mkdir()
    (toys.folder / "8-evaluation" / "budgets.json").write_text('{"methods": ')
    assert budgets.over_budgets(toys, "") == {}
    assert 'id="budgets"' not in report(toys).read_text(encoding="utf-8")


def test_every_piece_of_an_embedded_trace_leads_to_its_generation(finished: Path) -> None:
    run = open_run(finished)
    found = embedded.records({"": run})
    traces = {trace.key: trace for trace in run.traces}
    attempts = {a.key: a for a in run.attempts}
    for row in found["kinds"][0]["rows"]:
        for segment in traces[row["key"]].segments:
            if segment.kind in ("attempt", "reflection"):
                made = found["generations"][f" {segment.source}"]
                assert "".join(text for _, text in made["blocks"][0]["parts"]) == segment.text
            if segment.kind == "attempt":
                facts = dict(found["generations"][f" {segment.source}"]["facts"])
                assert facts["prompt"] == attempts[segment.source].prompt
                assert facts["grade"] == ("ok" if segment.correct else "wrong")


def test_all_responses_to_the_first_problems_are_in_the_page(finished: Path) -> None:
    run = open_run(finished)
    rows = {row["key"] for row in embedded.records({"": run})["kinds"][1]["rows"]}
    for exam in ("3", "4", "5", "6"):
        first = [p.key for p in run.problems("evaluation", exam)][: embedded.PROBLEMS]
        for method in run.config.arms:
            assert {r.key for r in run.responses(method, exam) if r.problem in first} <= rows


def test_long_texts_do_not_make_a_long_page(toys: Run) -> None:
    problems = toy_problems(toys, "3", 40)
    for method in toys.config.arms:
        text = thinking([attempt("9", "Bad", words="so " * 2_000)] * 40, "9")
        toys.responses(method, "3").finish(0, [toy_response(method, p, 0, text) for p in problems])
    page = report(toys)
    assert 500_000 < page.stat().st_size < 8_000_000
    text = page.read_text(encoding="utf-8")
    assert "characters left out" in text and "blocks left out here" in text


def test_no_text_leaves_the_script_that_holds_the_records(toys: Run) -> None:
    bad = "</script><img src=x onerror=alert(1)><!--<script>"
    problem = attrs.evolve(toy_problems(toys, "3", 1)[0], question=bad)
    toys.problems("evaluation", "3").finish(0, [problem])
    toys.responses("base", "3").finish(0, [toy_response("base", problem, 0, f"{bad} <out>{bad}</out>")])
    page = report(toys)
    (kind,) = records_in(page)["kinds"]  # type: ignore[misc]
    assert kind["rows"][0]["question"] == bad
    assert "<img" not in page.read_text(encoding="utf-8")


def test_several_runs_stand_side_by_side_under_their_names(toys: Run, tmp_path: Path) -> None:
    other = toy_run(tmp_path / "others" / "toys")
    for run, count in ((toys, 12), (other, 8)):
        roll_evaluation(run, count, methods=["base", "skillfactory"])
    page = report_of([toys, other], tmp_path / "page.html").read_text(encoding="utf-8")
    names = names_of([toys, other])
    assert len(set(names)) == 2 and all(name.endswith("/toys") for name in names)
    for name in names:
        assert f"{name}: SkillFactory" in page and f"{name}: Base model" in page
    across = contents([toys, other])["summary"]["differences"]["4"]
    assert {(one["method"], one["against"]) for one in across} >= {(f"{names[1]}/base", f"{names[0]}/skillfactory")}
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(" ".join(re.findall(r'aria-labelledby="([^"]+)"', page)).split()) <= set(ids)


def test_two_runs_with_the_same_keys_keep_their_own_generations(finished: Path, copied: Path) -> None:
    run = open_run(copied)
    for part in run.attempts.parts():
        run.attempts.finish(part, [attrs.evolve(one, prompt="another") for one in run.attempts.read(part)])
    found = embedded.records({"first": open_run(finished), "second": run})
    by_run: dict[str, set[str]] = {"first": set(), "second": set()}
    for row in found["kinds"][0]["rows"]:
        made = found["generations"][row["blocks"][0]["from"]]
        by_run[row["facets"]["run"]].add(dict(made["facts"])["prompt"])
        assert row["heading"].startswith(f"{row['facets']['run']}: ")
    assert by_run["second"] == {"another"} and "another" not in by_run["first"]


def test_runs_that_share_no_problems_stand_side_by_side_all_the_same(toys: Run, finished: Path, tmp_path: Path) -> None:
    roll_evaluation(toys, 4, methods=["base", "sft"])
    page = report_of([toys, open_run(finished)], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "toys: Base model" in page and "it: Base model" in page


def test_a_run_alone_is_not_prefixed(toys: Run) -> None:
    roll_evaluation(toys, 4, methods=["base"])
    summary = summarise(toys)
    assert several.merged({"": summary}) == summary


def test_sf_report_writes_one_run_into_its_folder_and_several_beside_the_first(sf: Sf, copied: Path) -> None:
    (copied / "report.html").unlink()
    assert sf("report", copied).code == 0
    assert (copied / "report.html").is_file()
    outcome = sf("report", copied, copied, "-o", copied / "other.html")
    assert outcome.code == 0 and outcome.out == f"report: {copied / 'other.html'}\n"
    second = copied.parent / "second"
    assert sf("report", copied, second).code == 2
    shutil.copytree(copied, second)
    outcome = sf("report", copied, second)
    assert outcome.code == 0 and outcome.out == f"report: {copied.parent / 'report.html'}\n"
    assert "it: SkillFactory" in (copied.parent / "report.html").read_text(encoding="utf-8")


def test_a_page_cannot_be_written_into_a_folder_that_is_not_there(sf: Sf, copied: Path) -> None:
    outcome = sf("report", copied, "-o", copied / "none" / "page.html")
    assert outcome.code == 2 and "no folder to write page.html into" in outcome.err


def test_a_chart_over_what_doubles_has_round_places() -> None:
    assert charts.doublings(3, 1100, 6) == [4, 16, 64, 256, 1024]
    assert charts.doublings(1, 8, 6) == [1, 2, 4, 8]
    line = charts.Line("<b>", '"<s>', [(1, 0.0), (2, 0.25), (4, 0.5)])
    drawn = charts.log_chart("key", "<u>", "", [line], "k")
    assert "25.0 %" in drawn and not re.search("<[us]>", drawn)


def test_long_names_stand_above_their_bars() -> None:
    short = charts.bar_chart("key", "T", "", [charts.Bar("Base model", "base", 0.5, 0.4, 0.6)], 1.0)
    long = charts.bar_chart("key", "T", "", [charts.Bar("a-run-with-a-name: Base model", "base", 0.5, 0.4, 0.6)], 1.0)
    assert 'text-anchor="end">Base model' in short and 'text-anchor="start">a-run' in long


def test_a_reader_without_limits_shows_every_word() -> None:
    text = thinking([attempt("1", "Bad", words="x" * 9000)] * 60, "1")
    shown = Reader(TAGS, most=0, longest=0).of_response(text, lambda _: None)
    assert sum("x" * 9000 in block.text for block in shown) == 60


def test_a_run_that_trains_nothing_does_not_speak_of_training(sf: Sf, tmp_path: Path) -> None:
    made = ("evaluate", "scripted", "--task", "countdown", "--problems", "3", "--name", "only", "--runs", tmp_path)
    assert sf(*made).code == 0
    page = report(open_run(tmp_path / "only")).read_text(encoding="utf-8")
    assert 'id="training"' not in page and "trained on" not in page and "Not there yet" not in page
    assert "Base model is right " in page and "most often" not in page


def test_no_sentence_gives_five_intervals() -> None:
    gaps = [{"method": "one/a", "against": f"one/{n}", "difference": 0.1, "low": -0.1, "high": 0.3} for n in "bcdef"]
    figures = {f"one/{n}": {"accuracy": 0.5 if n == "a" else 0.4} for n in "abcdef"}
    said = words.standing({"means": figures, "differences": {"mean": gaps}}, "mean", "there")
    assert "may be chance" in said and "one: b, one: c" in said and "points;" not in said
