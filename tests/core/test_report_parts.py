"""The parts of the report page: pieces of a text, sentences, curves and charts."""

import json
import re
from pathlib import Path

import pytest
from toy_run import TAGS, Sums, attempt, thinking, toy_trace

from skillfactory_core.problem import Problem
from skillfactory_core.report import charts, curves, words
from skillfactory_core.report.pieces import LONGEST, MOST, Reader, clip
from skillfactory_core.task import make_problem


def test_very_long_texts_are_cut_in_the_middle_and_say_so() -> None:
    shown = clip("a" * 9000 + "end")
    assert len(shown) < LONGEST + 100
    assert shown.endswith("end") and "6,603 characters left out" in shown


def test_a_response_of_a_thousand_attempts_stays_readable() -> None:
    blocks = Reader(TAGS).of_response(thinking([attempt("1", "Bad")] * 1000, "1"), lambda _: False)
    assert len(blocks) == MOST
    assert blocks[-1].kind == "answer"
    assert any("blocks left out" in block.text for block in blocks)


def test_a_response_is_cut_into_its_pieces() -> None:
    right = Sums().reference({"numbers": [1, 2, 3]})
    text = thinking([attempt("9", "Bad"), attempt(right, "Good")], right)
    blocks = Reader(TAGS).of_response(text, lambda answer: answer == right)
    assert [(block.kind, block.note) for block in blocks] == [
        ("attempt", "wrong"),
        ("reflection", "says wrong"),
        ("glue", ""),
        ("attempt", "right"),
        ("reflection", "says right"),
        ("closing", ""),
        ("answer", "right"),
    ]
    assert blocks[0].opening == "<muse><try>" and blocks[4].closing == "</check></muse>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "<muse>",
        "<try><check></muse>",
        "</out></try>",
        "<out>1",
        "<claim>Bad</claim>",
        "<muse><try>a<try>b",
    ],
)
def test_malformed_responses_keep_their_words(text: str) -> None:
    blocks = Reader(TAGS).of_response(text, lambda _: None)
    shown = "".join(block.text for block in blocks)
    assert re.sub(r"</?(muse|try|check|out)>", "", text) == re.sub(r"</?(muse|try|check|out)>", "", shown)


def test_a_trace_reads_as_its_segments() -> None:
    trace = toy_trace(toy_problem(), 0, (False, True))
    blocks = Reader(TAGS).of_trace(trace)
    segments = [segment for segment in trace.segments if segment.kind != "tag"]
    assert [(b.kind, b.text, b.source) for b in blocks] == [(s.kind, s.text, s.source) for s in segments]
    assert re.sub(r"\s", "", "".join(b.opening + b.text + b.closing for b in blocks)) == re.sub(
        r"\s", "", trace.completion
    )


def toy_problem() -> Problem:
    return make_problem(Sums(), 0, "train", 0)


def compared(low: float, high: float) -> dict[str, object]:
    """A summary in which SkillFactory and RL only differ by this interval."""
    figures = {"skillfactory": {"accuracy": 0.4}, "rl-only": {"accuracy": 0.3}}
    gap = {"method": "rl-only", "against": "skillfactory", "difference": -(low + high) / 2, "low": -high, "high": -low}
    return {"means": figures, "methods": {}, "trained_on": "3", "differences": {"mean": [gap]}}


def test_a_lead_is_called_one_only_where_its_interval_is_above_zero() -> None:
    assert "ahead of reinforcement learning alone" in words.headline(compared(0.02, 0.18))
    assert "cannot be told apart" in words.headline(compared(-0.02, 0.18))
    assert "behind reinforcement learning alone" in words.headline(compared(-0.3, -0.1))
    assert "clearly ahead of RL only" in words.standing(compared(0.02, 0.18), "mean", "there")
    open_lead = words.standing(compared(-0.02, 0.18), "mean", "there")
    assert "may be chance" in open_lead and "clearly" not in open_lead


def test_a_torn_or_strange_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{"step": 2, "reward": 0.5}, {"step": 1, "reward": float("nan"), "tokens": 9}, {"loss": 3}, [1]]
    path.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"step": 3, "rew', encoding="ascii")
    log = curves.read_log(path)
    assert log == [{"step": 1, "tokens": 9}, {"step": 2, "reward": 0.5}]
    assert curves.curve(log, "reward") == [(2, 0.5)]


def test_a_long_log_is_drawn_with_few_points_and_keeps_its_mean() -> None:
    log = [{"step": float(step), "reward": step / 5000} for step in range(5000)]
    points = curves.curve(log, "reward")
    assert len(points) <= curves.MOST
    assert sum(y for _, y in points) / len(points) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("points", [[(1, 0.0)], [(1, 0.0), (2, 0.0)], [(5, -1.0), (9, 2.0)], [(1, 1e-9)], [(1, 1e9)]])
def test_curves_of_any_size_can_be_drawn(points: charts.Points) -> None:
    html = charts.line_chart("key", "Title", "", [charts.Line("one", "base", points)])
    assert "<svg" in html and "nan" not in html and "inf" not in html


def test_labels_of_a_chart_are_never_markup() -> None:
    bar = charts.bar_chart("key", "<b>", "<i>", [charts.Bar("<u>", '"<s>', 0.5, 0.4, 0.6)], 1.0)
    split = charts.split_chart("key", "<b>", [charts.Share("<u>", '"<s>', 3)])
    assert not re.search("<[usi]>", bar + split) and "<b>&" not in bar + split


def test_ticks_are_round_and_reach_the_top() -> None:
    assert charts.ticks(1.0, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert charts.ticks(0.3, 5) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert charts.ticks(217, 4) == pytest.approx([0, 100, 200])


def test_lengths_of_time_are_said_in_two_units() -> None:
    said = [words.duration(seconds) for seconds in (None, 0.84, 42, 3600, 5230, 100000)]
    assert said == ["", "0.8 s", "42 s", "1 h", "1 h 27 min", "1 d 3 h"]
