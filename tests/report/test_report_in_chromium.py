"""The report in a real browser: quick, quiet, safe, for any width, either theme and the keyboard alone."""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
from chromium import Page, needs_chromium, opened

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
import make_demo_run
from toy_run import attempt, thinking, toy_problems, toy_response, toy_run, toy_trace, toys_registered

from skillfactory_core.run import open_run
from skillfactory_core.stages.report import report, report_of

pytestmark = needs_chromium
STATUS = "document.querySelector('#browser [role=status]').textContent"
ROWS = "document.querySelectorAll('#browser .rows > li').length"
BAD = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
HACKED = "window.hacked === undefined && !document.querySelector('main img, main script, main iframe')"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a made-up run with every stage."""
    with toys_registered():
        return make_demo_run.make(tmp_path_factory.mktemp("demo") / "demo").as_uri()


@pytest.fixture(scope="module")
def scripted(world: None, finished: Path) -> str:
    """The page of a run whose traces were cut from generations that are there."""
    return (finished / "report.html").as_uri()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with opened() as shown:
        yield shown


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    """No page complains about anything, and none asks for anything but itself."""
    with page.quiet("file:", "about:"):
        yield


def choose(page: Page, facet: str, value: str) -> str:
    """Set a filter; returns what the browser says then."""
    script = """(() => { const menu = document.querySelector(`#browser select[name="${%s}"]`); menu.value = %s;
        menu.dispatchEvent(new Event("change")); })()"""
    before = page.run(STATUS)
    page.run(script % (json.dumps(facet), json.dumps(value)))
    page.wait(f"{STATUS} !== {json.dumps(before)}")
    return str(page.run(STATUS))


def tab(page: Page, number: int) -> None:
    page.run(f"document.querySelectorAll('#browser .tabs button')[{number}].click()")
    page.wait(f"document.querySelectorAll('#browser .tabs button')[{number}].ariaPressed === 'true' && {ROWS}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390, 320])
def test_the_page_opens_quickly_and_is_never_scrolled_sideways(page: Page, demo: str, width: int, dark: bool) -> None:
    page.resize(width, phone=width < 600)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.ask("Emulation.setEmulatedMedia", features=[scheme])
    assert page.open(demo) < 2
    page.wait(ROWS)
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait("document.querySelector('#browser .rows .blocks')")
    assert not page.sideways()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.run(paper) == ("rgb(25, 24, 22)" if dark else "rgb(252, 251, 248)")
    page.ask("Emulation.setEmulatedMedia", features=[])


def test_filters_choose_among_the_responses(page: Page, demo: str) -> None:
    page.open(demo)
    tab(page, 1)
    choose(page, "method", "SkillFactory")
    said = choose(page, "grade", "right")
    assert "that fit, among the " in said and "of 6,400 responses that are in this page" in said
    marks = page.run("[...document.querySelectorAll('#browser .rows summary')].map((one) => one.textContent)")
    assert marks and all("SkillFactory" in text and "✓ right" in text for text in marks)
    few = int(choose(page, "last verdict", "says right").split(" of ")[1].split()[0].replace(",", ""))
    page.run("[...document.querySelectorAll('#browser .filters button')].at(-1).click()")
    page.wait(f"{STATUS}.startsWith('25 of ')")
    assert few < int(page.run(STATUS).split(" of ")[1].split()[0].replace(",", ""))


def test_more_rows_come_when_asked_for(page: Page, demo: str) -> None:
    page.open(demo)
    tab(page, 1)
    assert page.run(ROWS) == 25
    page.run("document.querySelector('#browser .more').click()")
    page.wait(f"{ROWS} === 50")
    assert page.run("document.activeElement.closest('li') === document.querySelectorAll('#browser .rows > li')[25]")


def test_a_piece_of_a_trace_opens_the_generation_that_it_was_cut_from(page: Page, scripted: str) -> None:
    page.open(scripted)
    page.run("document.querySelector('#browser .rows summary').click()")
    page.wait("document.querySelector('#browser .rows .block.attempt button.from')")
    piece = page.run("document.querySelector('#browser .rows .block.attempt .text').textContent")
    source = page.run("document.querySelector('#browser button.from code').textContent")
    page.run("document.querySelector('#browser button.from').click()")
    page.wait("document.querySelector('#browser .origin .known')")
    assert page.run("document.querySelector('#browser button.from').ariaExpanded") == "true"
    whole = page.run("document.querySelector('#browser .origin .text').textContent")
    assert whole in piece and "prompt" in page.run("document.querySelector('#browser .origin .known').textContent")
    assert page.run("document.querySelector('#browser .origin .sources code').textContent") == source


def test_the_keyboard_is_enough(page: Page, scripted: str) -> None:
    page.open(scripted)
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    assert page.run("document.activeElement.getBoundingClientRect().left >= 0")
    page.run("document.querySelector('#browser .tabs button').focus()")
    reached = []
    for _ in range(40):
        page.press("Tab")
        name = page.run("document.activeElement.tagName")
        reached.append(name)
        if name == "SUMMARY" and page.run("!!document.activeElement.closest('#browser')"):
            break
    assert "SELECT" in reached and reached[-1] == "SUMMARY"
    page.press("Enter")
    page.wait("document.querySelector('#browser details[open] .blocks')")
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_whoever_listens_finds_names_and_landmarks(page: Page, demo: str) -> None:
    page.open(demo)
    tree = page.ask("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in tree if not node.get("ignored")]
    roles = {node["role"]["value"] for node in shown}
    assert {"main", "banner", "navigation", "heading", "table", "region"} <= roles
    for role in ("button", "combobox", "link", "region", "image", "navigation", "group"):
        found = [node for node in shown if node["role"]["value"] == role]
        nameless = [node for node in found if not node.get("name", {}).get("value")]
        # Details are groups that their summaries name.
        assert role == "group" or (found and not nameless), role
    levels = page.run("[...document.querySelectorAll('h1,h2,h3,h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))


def test_every_chart_has_its_table(page: Page, demo: str) -> None:
    page.open(demo)
    bare = (
        "[...document.querySelectorAll('figure.chart')].filter((one) => !one.querySelector('details table td')).length"
    )
    assert page.run("document.querySelectorAll('figure.chart').length") > 15
    assert page.run(bare) == 0


def test_what_a_model_wrote_does_nothing(page: Page, tmp_path: Path) -> None:
    with toys_registered():
        run = toy_run(tmp_path / "run")
        problem = attrs.evolve(toy_problems(run, "3", 1)[0], question=BAD)
        run.problems("evaluation", "3").finish(0, [problem])
        text = thinking([attempt("1", "Bad", words=BAD), attempt(BAD, "Good", doubt=BAD)], BAD)
        run.responses("skillfactory", "3").finish(0, [toy_response("skillfactory", problem, 0, text)])
        trace = toy_trace(problem, 0, (False, True))
        evil = tuple(attrs.evolve(s, text=s.text + BAD, source=BAD) if s.kind != "tag" else s for s in trace.segments)
        run.traces.finish(0, [attrs.evolve(trace, segments=evil, prompt=BAD)])
        run.record("sample", {BAD: 1, "note": BAD})
        page.open(report(run).as_uri())
    for number in (0, 1):
        tab(page, number)
        page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.wait("document.querySelector('#browser .rows .blocks')")
        assert BAD in page.run("document.querySelector('#browser .record').textContent")
    assert page.run(HACKED)


def test_several_runs_fit_a_phone(page: Page, finished: Path, copied: Path, tmp_path: Path) -> None:
    second = copied.rename(tmp_path / "a-second-run-with-a-long-name")
    made = report_of([open_run(finished), open_run(second)], tmp_path / "both.html")
    page.resize(390, phone=True)
    page.open(made.as_uri())
    page.wait(ROWS)
    assert not page.sideways()
    assert "a-second-run-with-a-long-name" in choose_run(page)


def choose_run(page: Page) -> str:
    """The headings that are left when the second run is chosen."""
    choose(page, "run", "a-second-run-with-a-long-name")
    return str(page.run("document.querySelector('#browser .rows').textContent"))


def test_a_page_without_records_has_no_browser(page: Page, tmp_path: Path) -> None:
    with toys_registered():
        page.open(report(toy_run(tmp_path / "run")).as_uri())
    assert page.run("!document.getElementById('browser') && document.querySelectorAll('.missing').length > 4")
