"""The viewer in a real browser: lists, filters, links from record to record, phone, theme, keyboard, and nothing that runs."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import attrs
import pytest
from chromium import Page, needs_chromium, opened

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from toy_run import attempt, thinking, toy_problems, toy_response, toy_run, toy_trace, toys_registered

from skillfactory_core.run import Run, open_run
from skillfactory_core.view.server import Server

pytestmark = needs_chromium
ROWS = "document.querySelectorAll('.rows > li').length"
STATUS = "document.querySelector('#browser [role=status]').textContent"
BAD = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'><a href='javascript:1'>a</a>"


@contextmanager
def served(run: Run) -> Iterator[str]:
    with Server(run, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def address(world: None, finished: Path) -> Iterator[str]:
    with served(open_run(finished)) as found:
        yield found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with opened() as shown:
        yield shown


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    """No page complains about anything, and none asks for anything but the viewer."""
    with page.quiet("http://127.0.0.1:", "about:", "data:,"):
        yield


def go(page: Page, address: str, place: str = "") -> None:
    page.open("about:blank")
    page.open(address + place)
    page.wait(f"{ROWS} || document.querySelector('#alone .record, .missing')")


def test_every_kind_of_record_has_its_list(page: Page, address: str) -> None:
    go(page, address)
    assert page.run("document.title") == "it · SkillFactory"
    names = page.run("[...document.querySelectorAll('.tabs button')].map((one) => one.firstChild.textContent)")
    assert names == ["Problems", "Attempts", "Reflections", "Traces", "Responses"]
    for number, name in enumerate(names):
        page.run(f"document.querySelectorAll('.tabs button')[{number}].click()")
        page.wait(f"location.hash === '#/{name.lower()}' && {STATUS}.includes('{name.lower()}') && {ROWS}")


def test_a_filter_chooses_and_is_in_the_address(page: Page, address: str) -> None:
    go(page, address, "#/attempts")
    page.run("""(() => { const menu = document.querySelector('select[name=grade]'); menu.value = 'wrong';
        menu.dispatchEvent(new Event('change')); })()""")
    page.wait("location.hash === '#/attempts?grade=wrong'")
    page.wait("[...document.querySelectorAll('.rows .mark')].every((one) => one.textContent === '✗ wrong')")
    go(page, address, "#/attempts?grade=right")
    assert page.run("document.querySelector('select[name=grade]').value") == "right"
    assert page.run("[...document.querySelectorAll('.rows .mark')].every((one) => one.textContent === '✓ right')")


def test_words_are_searched_for(page: Page, address: str) -> None:
    go(page, address, "#/responses")
    page.run("""(() => { const input = document.querySelector('input[name=contains]'); input.value = 'trying 7';
        input.dispatchEvent(new Event('change')); })()""")
    page.wait("location.hash === '#/responses?contains=trying+7'")
    page.wait(f"{STATUS}.includes('these are all') && {ROWS}")
    page.run("document.querySelector('.rows summary').click()")
    page.wait("document.querySelector('.rows .record')")
    assert "Trying 7" in page.run("document.querySelector('.rows .record').textContent")


def test_a_piece_of_a_trace_leads_to_its_generation_and_from_there_to_the_problem_and_back(
    page: Page, address: str
) -> None:
    go(page, address, "#/traces")
    page.run("document.querySelector('.rows summary').click()")
    page.wait("document.querySelector('.rows .block.attempt a.from')")
    key = page.run("document.querySelector('.rows .block.attempt a.from code').textContent")
    page.run("document.querySelector('.rows .block.attempt a.from').click()")
    page.wait("!document.getElementById('alone').hidden && document.querySelector('#alone .record')")
    assert unquote(page.run("location.hash")) == f"#/attempts/key/{key}"
    assert page.run("document.querySelector('#alone .sources code').textContent") == key
    assert page.run("document.activeElement.id") == "alone"
    page.run(
        "[...document.querySelectorAll('#alone .leads a')].find((one) => one.textContent === 'the problem').click()"
    )
    page.wait("document.querySelector('#alone h3').textContent.startsWith('Problems')")
    page.run(
        "[...document.querySelectorAll('#alone .leads a')].find((one) => one.textContent === 'its attempts').click()"
    )
    page.wait(
        f"location.hash.startsWith('#/attempts?problem=') && !document.getElementById('browser').hidden && {ROWS}"
    )
    page.run("history.back()")
    page.wait("document.getElementById('browser').hidden")


def test_coming_back_to_a_list_finds_it_as_it_was(page: Page, address: str) -> None:
    go(page, address, "#/traces")
    page.run("document.querySelector('.rows summary').click()")
    page.wait("document.querySelector('.rows .block.attempt a.from')")
    page.run("document.querySelector('.rows .block.attempt a.from').click()")
    page.wait("document.querySelector('#alone .record')")
    page.run("history.back()")
    page.wait("!document.getElementById('browser').hidden")
    assert page.run("!!document.querySelector('.rows details[open] .record')")


def test_what_is_not_there_is_said(page: Page, address: str) -> None:
    go(page, address, "#/attempts/key/nothing")
    said = page.run("document.querySelector('#alone [role=alert]').textContent")
    assert said == "no record 'nothing' among the attempts"
    # The browser itself notes the answer 400.
    assert len(page.complaints) == 1 and "400" in page.complaints.pop()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390, 320])
def test_it_fits_any_width_in_either_theme(page: Page, address: str, width: int, dark: bool) -> None:
    page.resize(width, phone=width < 600)
    page.ask(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    )
    for kind in ("problems", "attempts", "reflections", "traces", "responses"):
        go(page, address, f"#/{kind}")
        page.run("document.querySelector('.rows summary').click()")
        page.wait("document.querySelector('.rows .record')")
        assert not page.sideways()
    assert page.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(25, 24, 22)" if dark else "rgb(252, 251, 248)"
    )
    page.ask("Emulation.setEmulatedMedia", features=[])


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    go(page, address, "#/traces")
    reached = []
    for _ in range(30):
        page.press("Tab")
        reached.append(page.run("document.activeElement.tagName"))
        if reached[-1] == "SUMMARY":
            break
    assert {"A", "BUTTON", "SELECT", "INPUT"} <= set(reached) and reached[-1] == "SUMMARY"
    page.press("Enter")
    page.wait("document.querySelector('.rows details[open] .record a.from')")
    page.press("Tab")
    assert page.run("document.activeElement.className") == "from"


def test_whoever_listens_finds_names_and_landmarks(page: Page, address: str) -> None:
    go(page, address, "#/attempts")
    shown = [n for n in page.ask("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
    assert {"main", "banner", "region", "status", "form"} <= {node["role"]["value"] for node in shown}
    for role in ("button", "combobox", "searchbox", "link", "region", "form"):
        found = [node for node in shown if node["role"]["value"] == role]
        assert found and all(node.get("name", {}).get("value") for node in found), role


def test_what_a_model_wrote_does_nothing(page: Page, tmp_path: Path) -> None:
    with toys_registered():
        run = toy_run(tmp_path / "run")
        for split in ("evaluation", "train"):
            problem = attrs.evolve(
                toy_problems(run, "3", 1, split)[0],
                question=BAD,
                params={**toy_problems(run, "3", 1, split)[0].params, BAD: BAD},
            )
            run.problems(split, "3").finish(0, [problem])
        text = thinking([attempt("1", "Bad", words=BAD), attempt(BAD, "Good", doubt=BAD)], BAD)
        response = attrs.evolve(toy_response("skillfactory", problem, 0, text, reason="wrong"), problem=BAD, error=BAD)
        run.responses("skillfactory", "3").finish(0, [response])
        trace = toy_trace(problem, 0, (False, True))
        evil = tuple(attrs.evolve(s, text=s.text + BAD, source=BAD) if s.kind != "tag" else s for s in trace.segments)
        run.traces.finish(0, [attrs.evolve(trace, segments=evil, prompt=BAD, strategy=BAD, key=BAD)])
        with served(run) as address:
            for kind in ("problems", "traces", "responses"):
                go(page, address, f"#/{kind}")
                page.run("document.querySelector('.rows summary').click()")
                page.wait("document.querySelector('.rows .record')")
                assert BAD in page.run("document.querySelector('.rows .record').textContent")
                assert page.run("window.hacked === undefined && !document.querySelector('main img, main script')")
                assert page.run("[...document.querySelectorAll('main a')].every((one) => one.hash.startsWith('#/'))")
            go(page, address, f"#/traces/key/{json.dumps(BAD)[1:-1]}")
            page.complaints.clear()
            assert page.run("window.hacked") is None


def test_an_empty_run_says_so(page: Page, empty: Run) -> None:
    with served(empty) as address:
        go(page, address)
        assert "no records yet" in page.run("document.querySelector('.missing').textContent")
