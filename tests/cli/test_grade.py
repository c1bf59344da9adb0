"""`sf grade FILE --task T` and `sf regrade RUN`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Outcome, spawn, tables_of

from skillfactory_core.attempt import Grade
from skillfactory_core.run import open_run
from skillfactory_core.stages.grade_file import ROWS
from skillfactory_tasks.countdown import Countdown

Sf = Callable[..., Outcome]
SUM = {"numbers": [1, 2], "target": 3}
RIGHT = "<answer>1+2</answer>"
PROBLEMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "countdown": (SUM, "1+2", "2-1"),
    "multiplication": ({"a": 12, "b": 12}, "144", "12*12"),
    "gsm8k": ({"question": "How many?", "answer": "long way #### 29"}, "$29.00", "29 or 30"),
    "word_problems": (
        {"name": "Ann", "thing": "pens", "story": [["own", 12], ["give_each", 2, 3]]},
        "6 pens",
        "9",
    ),
    "math": ({"question": "What is it?", "answer": r"\frac{1}{2}"}, "0.5", "0.3333333"),
    "csqa": ({"question": "Which?", "choices": {"A": "bank", "B": "river"}, "answer": "B"}, "(b)", "A"),
    "gpqa": ({"question": "Which?", "choices": {"A": "bank", "B": "river"}, "answer": "B"}, "B", "A or B"),
    "letter_countdown": ({"letters": ["s", "p", "a", "x"], "length": 3}, "spa", "spax"),
    "acronym": ({"words": ["Red", "even", "apple", "lion"], "length": 4}, "real", "rela"),
}
"task -> a problem in the fields that the issue names, a right answer, a wrong one"


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("task", PROBLEMS)
def test_the_rows_of_every_task_are_graded(sf: Sf, tmp_path: Path, task: str) -> None:
    problem, right, wrong = PROBLEMS[task]
    responses = [f"so <answer>{right}</answer>", f"<answer>{wrong}</answer>", "no idea"]
    source = lines(tmp_path / "rows.jsonl", *({"problem": problem, "response": r} for r in responses))
    outcome = sf("grade", source, "--task", task, "-o", tmp_path / "out.jsonl")
    assert outcome.code == 0, outcome.err
    rows = read(tmp_path / "out.jsonl")
    assert [row["correct"] for row in rows] == [True, False, False]
    assert [row["answer"] for row in rows] == [right, wrong, None]
    assert rows[0]["reason"] == "ok" and rows[2]["reason"] == "no_answer"


def test_other_fields_are_kept_and_an_old_grade_is_replaced(sf: Sf, tmp_path: Path) -> None:
    row = {"id": 7, "problem": json.dumps(SUM), "response": RIGHT, "note": "é\ud800\u2028", "correct": "old"}
    source = lines(tmp_path / "rows.jsonl", row)
    assert sf("grade", source, "--task", "countdown", "-o", tmp_path / "out.jsonl").code == 0
    assert read(tmp_path / "out.jsonl") == [{**row, "correct": True, "answer": "1+2", "reason": "ok"}]


@pytest.mark.parametrize(
    ("response", "raw", "final"),
    [
        (f"<think>hm</think>{RIGHT}", "ok", "ok"),
        (f"<think>{RIGHT}</think>", "ok", "no_answer"),
        (f"<think>{RIGHT}", "ok", "no_answer"),
        (RIGHT, "ok", "ok"),
    ],
)
def test_raw_grades_an_attempt_and_final_what_follows_the_thinking(
    sf: Sf, tmp_path: Path, response: str, raw: str, final: str
) -> None:
    source = lines(tmp_path / "rows.jsonl", {"problem": SUM, "response": response})
    for flag, reason in (("--raw", raw), ("--final", final)):
        assert sf("grade", source, "--task", "countdown", flag, "-o", tmp_path / "out.jsonl").code == 0
        assert read(tmp_path / "out.jsonl")[0]["reason"] == reason


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{bad\n", "not JSON"),
        ("[1]\n", "not an object"),
        ('{"problem": {"numbers": [1]}, "response": ""}\n', "target is None"),
        ('{"problem": [1], "response": ""}\n', "problem is [1]"),
        ('{"problem": "{", "response": ""}\n', "not JSON"),
        ('{"response": ""}\n', "problem is None"),
        ('{"problem": {"numbers": [1], "target": 1}}\n', "response is None"),
        ('{"problem": {"numbers": [1], "target": 1}, "response": 7}\n', "response is 7"),
        ("[" * 100_000 + "\n", "not JSON"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_does_not_stop_the_rest(sf: Sf, tmp_path: Path, bad: str, why: str) -> None:
    good = {"problem": SUM, "response": RIGHT}
    source = lines(tmp_path / "rows.jsonl", good, "\n", bad, good)
    outcome = sf("grade", source, "--task", "countdown", "-o", tmp_path / "out.jsonl")
    assert outcome.code == 1
    assert "rows.jsonl:3: " in outcome.err and why in outcome.err
    assert "graded 2 rows: ok 2; bad rows: 1" in outcome.err
    assert len(read(tmp_path / "out.jsonl")) == 2


def test_parquet_comes_out_as_parquet_with_its_columns_and_types(sf: Sf, tmp_path: Path) -> None:
    rows = [{"problem": SUM, "response": RIGHT, "k": k} for k in range(2 * ROWS + 1)]
    rows[5]["response"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    outcome = sf("grade", tmp_path / "rows.parquet", "--task", "countdown", "-o", tmp_path / "out.parquet")
    assert outcome.code == 1 and "rows.parquet:6: response is None" in outcome.err
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["problem", "response", "k", "correct", "answer", "reason"]
    assert table["k"].to_pylist() == [k for k in range(2 * ROWS + 1) if k != 5]
    assert set(table["reason"].to_pylist()) == {"ok"}


@pytest.mark.parametrize(
    ("name", "args", "why"),
    [
        ("rows.jsonl", ["--task", "contdown"], "did you mean 'countdown'"),
        ("rows.txt", ["--task", "countdown"], "ends in .jsonl or .parquet"),
        ("none.jsonl", ["--task", "countdown"], "ends in .jsonl or .parquet"),
        ("torn.parquet", ["--task", "countdown", "-o", "out.parquet"], "is it a whole Parquet file?"),
        ("torn.parquet", ["--task", "countdown", "-o", "out.jsonl"], "is it a whole Parquet file?"),
        ("rows.jsonl", ["--task", "countdown", "-o", "out.parquet"], "write .jsonl"),
        ("rows.jsonl", ["--task", "countdown", "-o", "out.csv"], "write .jsonl"),
        ("rows.jsonl", ["--task", "math", "--option", "dedline=3"], "no option 'dedline'"),
        ("rows.jsonl", [], "--task NAME"),
    ],
)
def test_what_cannot_be_graded_is_one_line_and_leaves_nothing_behind(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, args: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("rows.jsonl", "rows.txt", "torn.parquet"):
        (tmp_path / file).write_text("PAR1 and no more")
    outcome = sf("grade", name, *args)
    assert outcome.code == 2 and why in outcome.err and outcome.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.jsonl", "rows.txt", "torn.parquet"]


def test_without_out_the_rows_go_to_standard_output(tmp_path: Path) -> None:
    source = lines(tmp_path / "rows.jsonl", {"problem": SUM, "response": RIGHT})
    process = spawn(["grade", source, "--task", "countdown"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and json.loads(out)["correct"] is True
    assert err == "graded 1 rows: ok 1; bad rows: 0\n"


# -- regrade


def test_regrading_with_the_same_grader_changes_nothing(sf: Sf, copied: Path) -> None:
    before = tables_of(copied)
    assert sf("regrade", copied).out == "changed: nothing\n"
    assert tables_of(copied) == before


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Countdown grader that takes no answer with a +."""
    real = Countdown.grade

    def grade(self: Countdown, params: Mapping[str, Any], answer: str) -> Grade:
        found = real(self, params, answer)
        return Grade(False, answer, "wrong") if found.correct and "+" in answer else found

    monkeypatch.setattr(Countdown, "grade", grade)


def test_a_dry_run_says_what_would_change_and_changes_nothing(sf: Sf, copied: Path, strict: None) -> None:
    before = tables_of(copied)
    outcome = sf("regrade", copied, "--dry-run")
    assert "ok -> wrong" in outcome.out and "would change: " in outcome.out
    assert tables_of(copied) == before


def test_regrading_corrects_grades_reflections_responses_and_counts(sf: Sf, copied: Path, strict: None) -> None:
    run = open_run(copied)
    right = {g.attempt for g in run.grades if g.correct}
    now_wrong = {g.attempt for g in run.grades if g.correct and "+" in str(g.answer)}
    responses = sum(r.correct and "+" in str(r.answer) for m in ("base", "sft") for r in run.responses(m, "3"))
    assert now_wrong and responses
    out = sf("regrade", copied).out
    assert "changed: " in out and "ok -> wrong" in out
    assert {g.attempt for g in run.grades if g.correct} == right - now_wrong
    for reflection in run.reflections:
        if reflection.attempt in now_wrong and reflection.verdict is not None:
            assert reflection.dropped == ("untrue" if reflection.verdict else "")
    assert not any(r.correct and "+" in str(r.answer) for r in run.responses("base", "3"))
    assert (run.finished("grade") or {})["right"] == len(right - now_wrong)
    assert sf("regrade", copied).out == "changed: nothing\n", "it is idempotent"
