"""Every record of a run can be listed, filtered and read whole; found by place and by key; a few rows at a time."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from toy_run import TAGS, attempt, roll_evaluation, thinking, toy_problems, toy_response, toy_run, toys_registered

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import Run, open_run
from skillfactory_core.view import shelf as shelves
from skillfactory_core.view.shelf import Shelf, place_of


def every(
    shelf: Shelf, kind: str, chosen: Mapping[str, str] | None = None, seconds: float = 60.0
) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    rows, start = [], ""
    while True:
        page = shelf.page(kind, chosen or {}, start, seconds)
        rows += page["rows"]
        if page["next"] is None:
            return rows
        assert page["next"] != start
        start = page["next"]


def keys(rows: list[dict[str, Any]]) -> list[str]:
    return [row["key"] for row in rows]


@pytest.fixture
def shelf(finished: Path) -> Shelf:
    return Shelf(open_run(finished))


def tables(run: Run) -> dict[str, list[str]]:
    """kind -> the keys of all its records, in order."""
    names = sorted(path.name.split("-", 1) for path in (run.folder / "1-problems").iterdir())
    responses = [run.responses(m, exam) for exam in ("3", "4", "5", "6") for m in run.config.arms]
    return {
        "problems": [p.key for split, exam in names for p in run.problems(split, exam)],
        "attempts": [a.key for a in run.attempts],
        "reflections": [r.key for r in run.reflections],
        "traces": [t.key for t in run.traces],
        "responses": [r.key for table in responses for r in table],
    }


def test_the_lists_hold_every_record_once_and_in_order(shelf: Shelf) -> None:
    there = tables(shelf.run)
    assert {kind["name"]: kind["total"] for kind in shelf.described()} == {k: len(v) for k, v in there.items()}
    for kind, wanted in there.items():
        assert keys(every(shelf, kind)) == wanted


@pytest.mark.parametrize(
    ("kind", "chosen", "fits"),
    [
        ("attempts", {"grade": "right"}, lambda run: [g.attempt for g in run.grades if g.correct]),
        ("attempts", {"grade": "wrong", "prompt": "rephrase"}, lambda run: wrong_rephrased(run)),
        ("attempts", {"contains": "TRYING 1"}, lambda run: [a.key for a in run.attempts if "Trying 1" in a.text]),
        ("reflections", {"left out": "untrue"}, lambda run: [r.key for r in run.reflections if r.dropped == "untrue"]),
        ("reflections", {"verdict": "says wrong"}, lambda run: [r.key for r in run.reflections if r.verdict is False]),
        ("traces", {"grade": "with wrong attempts"}, lambda run: [t.key for t in run.traces if "I" in t.shape]),
        ("traces", {"attempts": "2"}, lambda run: [t.key for t in run.traces if len(t.shape) == 2]),
        ("responses", {"method": "sft", "difficulty": "4", "grade": "right"}, lambda run: right_of_sft(run)),
        ("problems", {"split": "rl"}, lambda run: [p.key for p in run.problems("rl", "3")]),
    ],
)
def test_a_filter_leaves_what_fits(
    shelf: Shelf, kind: str, chosen: dict[str, str], fits: Callable[[Run], list[str]]
) -> None:
    wanted = fits(shelf.run)
    assert keys(every(shelf, kind, chosen)) == wanted
    assert 0 < len(wanted) < len(tables(shelf.run)[kind])


def wrong_rephrased(run: Run) -> list[str]:
    wrong = {g.attempt for g in run.grades if not g.correct}
    return [a.key for a in run.attempts if a.key in wrong and a.prompt == "rephrase"]


def right_of_sft(run: Run) -> list[str]:
    return [r.key for r in run.responses("sft", "4") if r.correct]


def test_the_last_verdict_and_failures_can_be_chosen(tmp_path: Path) -> None:
    with toys_registered():
        run = toy_run(tmp_path / "run")
        roll_evaluation(run, 12, methods=["skillfactory"])
        problem = toy_problems(run, "3", 1)[0]
        failed = attrs.evolve(toy_response("base", problem, 0, ""), finish="error", error="out of memory")
        slow = toy_response("base", problem, 1, "<out>slow</out>", reason="timeout")
        run.responses("base", "3").finish(0, [failed, slow])
        shelf = Shelf(run)
        for value, verdict in (("says right", True), ("says wrong", False)):
            found = keys(every(shelf, "responses", {"last verdict": value, "difficulty": "4"}))
            claims = {
                r.key: [one.verdict for one in TAGS.parse(r.text).tries if one.verdict is not None]
                for r in run.responses("skillfactory", "4")
            }
            assert found == [key for key, given in claims.items() if given and given[-1] is verdict]
            assert 0 < len(found) < len(claims)
        assert keys(every(shelf, "responses", {"grade": "failed"})) == [failed.key]
        assert keys(every(shelf, "responses", {"grade": "not checked"})) == [slow.key]


def test_a_search_that_takes_long_shows_what_it_has_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "OFTEN", 8)
    with toys_registered():
        run = toy_run(tmp_path / "run")
        problems = toy_problems(run, "3", 100)
        made = [toy_response("base", p, 0, "needle" if p.index == 90 else "hay") for p in problems]
        for part in range(4):
            run.responses("base", "3").finish(part, made[25 * part : 25 * part + 25])
        shelf = Shelf(run)
        first = shelf.page("responses", {"contains": "needle"}, seconds=0)
        assert first["rows"] == [] and first["looked"] == 8 and first["next"] == "0.0.8"
        assert keys(every(shelf, "responses", {"contains": "needle"}, seconds=0)) == [made[90].key]


def test_a_record_is_found_by_place_and_by_key_and_is_whole(shelf: Shelf) -> None:
    for kind, wanted in tables(shelf.run).items():
        for row in (every(shelf, kind)[0], every(shelf, kind)[-1]):
            at, by_key = shelf.record(kind, at=row["at"]), shelf.record(kind, key=row["key"])
            assert at == by_key and at["key"] == row["key"] in wanted


def test_every_piece_of_a_trace_and_every_lead_is_there(shelf: Shelf) -> None:
    of = {"attempt": "attempts", "answer": "attempts", "reflection": "reflections"}
    for row in every(shelf, "traces"):
        record = shelf.record("traces", at=row["at"])
        for block in record["blocks"]:
            if block["kind"] in of:
                made = shelf.record(of[block["kind"]], key=block["source"])
                said = "".join(text for _, text in made["blocks"][0]["parts"])
                assert "".join(text for _, text in block["parts"]) in said
    for kind in tables(shelf.run):
        for lead in shelf.record(kind, at=every(shelf, kind)[0]["at"])["leads"]:
            if lead["key"]:
                assert shelf.record(lead["kind"], key=lead["key"])["key"] == lead["key"]
            else:
                assert every(shelf, lead["kind"], lead["chosen"])


def test_long_responses_are_shown_to_the_last_word(tmp_path: Path) -> None:
    with toys_registered():
        run = toy_run(tmp_path / "run")
        text = thinking([attempt("1", "Bad", words="so " * 9000)] * 40, "1") + " the end"
        problem = toy_problems(run, "3", 1)[0]
        run.responses("base", "3").finish(0, [toy_response("base", problem, 0, text)])
        blocks = Shelf(run).record("responses", at="0.0.0")["blocks"]
        said = "".join(part for block in blocks for _, part in block["parts"])
        assert said.count("so ") == 360_000 and said.endswith("the end")


def test_responses_of_budgets_are_records_too(tmp_path: Path) -> None:
    with toys_registered():
        run = toy_run(tmp_path / "run")
        problem = toy_problems(run, "3", 1)[0]
        short, long = (toy_response("base", problem, 0, f"<out>{n}</out>", tokens=n) for n in (1, 9))
        run.responses("base", "3").finish(0, [long])
        run.responses("base", "3", "1").finish(0, [short])
        shelf = Shelf(run)
        assert [row["detail"] for row in every(shelf, "responses", {"budget": "1"})] == ["1 tokens, answer 1"]
        assert [row["detail"] for row in every(shelf, "responses", {"budget": "none"})] == ["9 tokens, answer 9"]


def test_a_run_that_is_at_work_shows_what_is_complete(empty: Run) -> None:
    shelf = Shelf(empty)
    assert shelf.described() == []
    assert shelf.page("attempts", {})["rows"] == []
    from skillfactory_core.attempt import Attempt

    empty.attempts.finish(0, [Attempt("p/original/0", "p", "original", 0, "hello", 1, "stop")])
    assert [kind["name"] for kind in shelf.described()] == ["attempts"]
    (row,) = every(shelf, "attempts")
    assert row["correct"] is None and shelf.record("attempts", at=row["at"])["question"] == "p"


@pytest.mark.parametrize("place", ["", "1", "1.2", "a.b.c", "1.2.3.4", "-1.0.0", "9999999999.0.0"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(SkillFactoryError, match=r"TABLE\.PART\.ROW"):
        place_of(place)


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        ("nothing", {"key": "x"}, "no records named 'nothing'"),
        ("attempts", {"key": "countdown/3/train/99/original/0"}, "no record"),
        ("attempts", {"at": "0.0.99999"}, "no record"),
        ("attempts", {"at": "7.0.0"}, "no record"),
        ("attempts", {"at": "0.99.0"}, "no record"),
    ],
)
def test_what_is_not_there_is_said(shelf: Shelf, kind: str, asked: dict[str, str], said: str) -> None:
    with pytest.raises(SkillFactoryError, match=said):
        shelf.record(kind, **asked)


def test_a_filter_that_there_is_not_is_refused(shelf: Shelf) -> None:
    with pytest.raises(SkillFactoryError, match="no filter named 'colour'"):
        shelf.page("attempts", {"colour": "red"})
