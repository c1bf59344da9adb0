"""The report page: what it says of a whole run, of half a run, and of none; and that it is safe to open."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest
from toy_run import attempt, thinking, toy_problems, toy_response, toy_run, toy_trace, toys_registered

from skillfactory_core.report import story
from skillfactory_core.run import Run
from skillfactory_core.stages.report import report

sys.path.insert(0, str(Path(__file__).parent.parent))
import make_demo_run

VOID = {"meta", "link", "line", "br", "img", "input", "hr"}
LOADS = {"src", "srcset", "data", "poster", "action", "xlink:href", "background"}


class Page(HTMLParser):
    """A page taken apart: its tags in balance, its ids, its texts, and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        for name, value in attributes:
            self.ids += [value or ""] if name == "id" else []
            self.refers += (value or "").split() if name == "aria-labelledby" else []
            self.loads += [f"{tag} {name}={value}"] if name in LOADS or (tag != "a" and name == "href") else []

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if not self.open or self.open[-1] not in ("script", "style") else ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a made-up run with every stage."""
    with toys_registered():
        return make_demo_run.make(tmp_path_factory.mktemp("whole") / "demo").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with toys_registered():
        yield toy_run(tmp_path / "run")


def page_of(run: Run) -> str:
    return report(run).read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_small(whole: str) -> None:
    page = Page(whole)
    assert len(whole.encode()) < 1_000_000
    assert len(page.ids) == len(set(page.ids))
    assert set(page.refers) <= set(page.ids)


def test_the_page_loads_nothing(whole: str) -> None:
    assert Page(whole).loads == [] and "default-src 'none'" in whole
    assert not re.search(r"url\(|@import|fetch\(|import\(", whole)
    outside = re.findall(r"https?://[^\s\"<]+", whole)
    assert outside == re.findall(r'<a href="(https?://[^\s"]+)', whole)


ASKED_FOR = ("grpo-rl-instructed", "validate")
"chapters of stages that this run has not: they come when a setting asks for them"


def test_every_method_difficulty_and_step_is_there(whole: str) -> None:
    text = Page(whole).text
    for what in (
        "SkillFactory",
        "RL only",
        "Base model",
        "Traces only",
        "toy-sums 3",
        "toy-sums 6",
        "New difficulties",
    ):
        assert what in text
    for chapter in story.CHAPTERS:
        assert (chapter.title in text) is (chapter.stage not in ASKED_FOR)
    assert "Not there yet" not in text and "not run yet" not in text


def test_every_chart_has_a_name_a_description_and_a_table(whole: str) -> None:
    drawn = re.findall(r'<figure class="chart.*?</figure>', whole, re.S)
    assert len(drawn) >= 12
    for chart in drawn:
        assert 'role="img"' in chart and "<title" in chart and "<desc" in chart
        assert "<details>" in chart and "<table>" in chart and "</td>" in chart


def test_the_funnel_names_what_was_dropped_and_why(whole: str) -> None:
    text = Page(whole).text
    for what in ("verdict was not true", "30,116", "not checked", "47", "61,240", "4,000"):
        assert what in text


def test_traces_show_where_each_piece_is_from(whole: str) -> None:
    assert 'data-source="incorrect:4"' in whole and "<code>closing:2</code>" in whole
    assert "Wrong, then right" in whole


def test_the_wall_time_of_every_stage_is_there(whole: str) -> None:
    text = Page(whole).text
    for seconds in ("0.8 s", "6 min 52 s", "1 h 27 min", "3 h 9 min"):
        assert seconds in text


def test_an_empty_run_says_what_is_missing(run: Run) -> None:
    page = Page(page_of(run))
    for stage in ("evaluate", "sft", "rearrange"):
        assert stage in page.text
    assert page.text.count("Not there yet") == 6
    assert page.text.count("not run yet") == len(story.CHAPTERS) - len(ASKED_FOR)


@pytest.mark.parametrize(
    "last", ["sample", "reflect", "rearrange", "sft", "grpo-skillfactory", "grpo-rl-only", "evaluate-base"]
)
def test_a_run_that_stopped_at_any_stage_has_a_page(tmp_path: Path, last: str) -> None:
    with toys_registered():
        text = Page(make_demo_run.make(tmp_path / "demo", last).read_text(encoding="utf-8")).text
    assert ("Not there yet" in text) == ("evaluate" not in last)
    assert ("Unfinished." in text) == ("evaluate" in last)
    assert ("Fine-tuning: the form is learned" in text) == (last.startswith(("sft", "grpo", "evaluate")))


def test_stage_summaries_with_unknown_or_missing_counts_are_shown_as_they_are(run: Run) -> None:
    run.record("reflect", {"kept": 3, "surprise": 7, "nested": {"deep": 1}, "flag": True})
    run.record("sample", {})
    text = Page(page_of(run)).text
    assert "surprise" in text and "kept 3" in text


def test_an_unfinished_evaluation_says_so(run: Run) -> None:
    problem = toy_problems(run, "4", 1)[0]
    run.responses("base", "4").finish(0, [toy_response("base", problem, 0, "<out>1</out>")])
    text = Page(page_of(run)).text
    assert "Unfinished." in text and "Nothing to compare it with yet" in text


def test_what_a_model_wrote_is_never_markup(run: Run) -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    problem = attrs.evolve(toy_problems(run, "3", 1)[0], question=bad)
    run.problems("evaluation", "3").finish(0, [problem])
    text = thinking([attempt("1", "Bad", words=bad), attempt(bad, "Good", doubt=bad)], bad)
    run.responses("skillfactory", "3").finish(0, [toy_response("skillfactory", problem, 0, text)])
    trace = toy_trace(problem, 0, (False, True))
    evil = tuple(
        attrs.evolve(s, text=s.text + bad, source='"><script>') if s.kind != "tag" else s for s in trace.segments
    )
    run.traces.finish(0, [attrs.evolve(trace, segments=evil, prompt=bad)])
    run.record("sample", {"<script>": 1, "note": bad})
    html = page_of(run)
    page = Page(html)
    assert page.scripts == 2 and page.loads == []
    assert page.text.count("<script>alert(1)</script>") >= 5
    assert "<script>alert" not in html and "<img" not in html


def test_broken_unicode_and_control_characters_do_not_stop_the_page(run: Run) -> None:
    problem = toy_problems(run, "3", 1)[0]
    run.responses("base", "3").finish(0, [toy_response("base", problem, 0, "lone \ud800 and \x00\x1b <out>1</out>")])
    run.record("sample", {"odd \udfff name": 4})
    html = page_of(run)
    assert "lone" in html and "\x00" not in html and "\x1b" not in html
