"""Tasks that read datasets: files of three kinds, the Hub, splits, and errors that say what to do."""

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.parquet
import pytest

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.task import SPLITS, split_of
from skillfactory_tasks import csqa, gpqa, gsm8k
from skillfactory_tasks.choice import read_choices
from skillfactory_tasks.csqa import Csqa
from skillfactory_tasks.dataset import DatasetTask
from skillfactory_tasks.gpqa import Gpqa
from skillfactory_tasks.gsm8k import Gsm8k

Rows = list[dict[str, Any]]
THINGS = ("pears", "stamps", "shells", "tiles")
NUMBERS: Rows = [
    {
        "question": f"Tom has {n} {THINGS[n % 4]} and gets {2 * n} more. How many has he?",
        "answer": f"{n}+{2 * n}. #### {3 * n}",
    }
    for n in range(1, 121)
]
CHOICES: Rows = [
    {
        "question": f"Which room number follows {n}?",
        "choices": {"label": list("ABCDE"), "text": [str(n + k) for k in range(-2, 3)]},
        "answerKey": "D",
    }
    for n in range(120)
]
SCIENCE: Rows = [
    {
        "Question": f"A cart rolls {n} m in 2 s. How fast is it?",
        "Correct Answer": f"{n / 2} m/s",
        **{f"Incorrect Answer {k}": f"{n * k} m/s" for k in (1, 2, 3)},
    }
    for n in range(5, 45)
]


def write_jsonl(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows)
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}
SETS: dict[str, tuple[DatasetTask, Rows]] = {
    "gsm8k": (Gsm8k(), NUMBERS),
    "csqa": (Csqa(), CHOICES),
    "gpqa": (Gpqa(), SCIENCE),
}


def problems(task: DatasetTask, split: str, seed: int = 0) -> list[Problem]:
    return list(task.problems(seed, split))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", SETS)
def test_every_row_of_a_file_is_a_problem_of_one_split(name: str, kind: str, tmp_path: Path) -> None:
    task, rows = SETS[name]
    task = attrs.evolve(task, path=str(WRITERS[kind](tmp_path / f"rows.{kind}", rows)))
    by_split = {split: problems(task, split) for split in SPLITS}
    hashes = [p.hash for found in by_split.values() for p in found]
    assert len(hashes) == len(set(hashes)) == len(rows)
    for split, found in by_split.items():
        assert all(p.split == split == split_of(p.hash) for p in found)
        assert [p.index for p in found] == list(range(len(found)))
        assert all(p.key == f"{name}/default/{split}/{p.index}" for p in found)
        for problem in found:
            assert json.loads(json.dumps(problem.params)) == problem.params
            assert problem.question == task.question(problem.params)
            assert task.grade(problem.params, task.reference(problem.params)).correct


@pytest.mark.parametrize("name", SETS)
def test_the_three_kinds_of_file_give_the_same_problems(name: str, tmp_path: Path) -> None:
    task, rows = SETS[name]
    tasks = [attrs.evolve(task, path=str(write(tmp_path / f"rows.{kind}", rows))) for kind, write in WRITERS.items()]
    jsonl, table, parquet = (problems(task, "train") for task in tasks)
    assert jsonl == table == parquet and jsonl


def test_the_seed_gives_the_order_and_nothing_else(tmp_path: Path) -> None:
    task = Gsm8k(path=str(write_jsonl(tmp_path / "rows.jsonl", NUMBERS)))
    one, same, other = (problems(task, "train", seed) for seed in (1, 1, 2))
    assert one == same
    assert [p.hash for p in one] != [p.hash for p in other]
    assert {p.hash for p in one} == {p.hash for p in other}


def test_a_row_that_is_added_leaves_the_others_in_their_order(tmp_path: Path) -> None:
    task = Gsm8k(path=str(write_jsonl(tmp_path / "rows.jsonl", NUMBERS[:100])))
    before = [p.hash for p in problems(task, "train")]
    more = Gsm8k(path=str(write_jsonl(tmp_path / "more.jsonl", NUMBERS)))
    assert [p.hash for p in problems(more, "train") if p.hash in before] == before


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", NUMBERS[:50])
    task = Gsm8k(path=str(path))
    first = sum(len(problems(task, split)) for split in SPLITS)
    time.sleep(0.02)
    write_jsonl(path, NUMBERS)
    assert (first, sum(len(problems(task, split)) for split in SPLITS)) == (50, 120)


def test_columns_and_the_number_of_rows_can_be_chosen(tmp_path: Path) -> None:
    rows = [{"q": row["question"], "gold": 3 * n, "id": n} for n, row in enumerate(NUMBERS, 1)]
    path = str(write_jsonl(tmp_path / "rows.jsonl", rows))
    task = Gsm8k(path=path, question_column="q", answer_column="gold", limit=30)
    found = [p for split in SPLITS for p in problems(task, split)]
    assert len(found) == 30
    assert all(set(p.params) == {"question", "answer"} for p in found)


def test_an_evaluation_file_is_kept_whole_and_out_of_the_other_splits(tmp_path: Path) -> None:
    task = Gsm8k(
        path=str(write_jsonl(tmp_path / "rows.jsonl", NUMBERS)),
        evaluation_path=str(write_jsonl(tmp_path / "test.jsonl", NUMBERS[100:])),
    )
    by_split = {split: {p.hash for p in problems(task, split)} for split in SPLITS}
    assert len(by_split["evaluation"]) == 20
    assert sum(map(len, by_split.values())) == 120  # none twice, and none of the hash's evaluation share lost


def test_one_problem_in_two_rows_is_one_problem(tmp_path: Path) -> None:
    rows = [*NUMBERS[:10], {**NUMBERS[0], "question": "  " + NUMBERS[0]["question"].replace(" ", "  ")}]
    task = Gsm8k(path=str(write_jsonl(tmp_path / "rows.jsonl", rows)))
    assert sum(len(problems(task, split)) for split in SPLITS) == 10


def test_a_task_for_evaluation_says_so_when_asked_for_other_problems() -> None:
    with pytest.raises(
        SkillFactoryError, match=r"^task 'gpqa' .* is for evaluation: it has no problems in split 'train'; give"
    ):
        problems(Gpqa(), "train")


GOOD = '{"question": "How many?", "answer": "3"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"question": "How many?"}',
            r"there is no 'answer' in this row \(question\): name the column with -o answer_column=",
        ),
        ('{"question": null, "answer": "3"}', "there is no 'question' in this row"),
        ('{"question": "How many?", "answer": "many"}', "answer 'many' is not one number: correct it"),
        ('{"question": "How many?", "answer": "3 or 4"}', "answer '3 or 4' is not one number"),
        ('{"question": "How many?", "answer": "1,2345"}', "is not one number"),
        ('{"question": "How many?", "answer": ""}', "'answer' is '': it has to be a text that is not empty"),
        ('{"question": "How many?", "answer": NaN}', "'answer' is nan: it has to be a text"),
        ('{"question": "How many?", "answer": true}', "'answer' is True: it has to be a text"),
        ('{"question": ["How"], "answer": "3"}', r"'question' is \['How'\]: it has to be a text"),
        ('["How many?", "3"]', "not an object: write one object a line"),
        ('{"question": "How', "not JSON .*: write one object a line"),
        ("[" * 100_000, "not JSON"),
        ("\udcff", "not JSON"),
    ],
)
def test_a_bad_row_is_an_error_with_file_and_line_that_says_what_to_do(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes((GOOD + "\n" + line + "\n" + GOOD).encode("utf-8", "surrogateescape"))
    with pytest.raises(SkillFactoryError, match=rf"^{path}:3: .*{message}") as error:
        problems(Gsm8k(path=str(path)), "train")
    assert "\n" not in str(error.value)


def test_bad_rows_of_tables_are_counted_like_their_readers_count(tmp_path: Path) -> None:
    rows = [*NUMBERS[:2], {"question": "How many?", "answer": "none"}]
    with pytest.raises(SkillFactoryError, match=r"rows\.csv:4: gsm8k problem: answer 'none'"):
        problems(Gsm8k(path=str(write_csv(tmp_path / "rows.csv", rows))), "train")
    with pytest.raises(SkillFactoryError, match=r"rows\.parquet, row 3: gsm8k problem: answer 'none'"):
        problems(Gsm8k(path=str(write_parquet(tmp_path / "rows.parquet", rows))), "train")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b'question,answer\n"How', "not CSV in UTF-8"),
        ("rows.csv", b"question,answer\n\xff,3\n", "not CSV in UTF-8"),
        ("rows.parquet", b"question", "not a Parquet file"),
        ("rows.txt", b"question", "give a file that ends in .jsonl, .parquet, .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SkillFactoryError, match=message) as error:
        problems(Gsm8k(path=str(tmp_path / name)), "train")
    assert name in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SkillFactoryError, match=r"data file .*none\.jsonl cannot be read: No such file"):
        problems(Gsm8k(path=str(tmp_path / "none.jsonl")), "train")


def test_the_hub_is_asked_for_the_source_its_configuration_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(source: str, config: str | None, split: str) -> Rows:
        asked.append((source, config, split))
        return NUMBERS[:100] if split == "train" else NUMBERS[90:]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    task = Gsm8k(limit=1_000)  # another task than those of the other tests, so that nothing is remembered
    assert len(problems(task, "evaluation")) == 30
    assert len(problems(task, "train")) + len(problems(task, "rl")) + len(problems(task, "validation")) == 90
    assert asked == [("openai/gsm8k", "main", "test"), ("openai/gsm8k", "main", "train")]


def test_without_a_network_the_error_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*_: Any, **__: Any) -> Rows:
        raise ConnectionError("no route to the Hub\nand a second line")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(
        SkillFactoryError, match=r"^dataset 'openai/gsm8k' \(test\) cannot .*no route.*-o path=FILE\)$"
    ) as error:
        problems(Gsm8k(limit=1_001), "evaluation")
    assert "\n" not in str(error.value)


def test_importing_the_tasks_does_not_import_datasets() -> None:
    import subprocess

    code = (
        "import sys, skillfactory_tasks.gsm8k, skillfactory_tasks.csqa, skillfactory_tasks.gpqa\n"
        "print([m for m in ('datasets', 'pyarrow', 'pandas', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "value",
    [
        {"A": "one", "B": "two"},
        {"a": " one ", "b": "two"},
        ["one", "two"],
        {"label": ["A", "B"], "text": ["one", "two"]},
        '{"A": "one", "B": "two"}',
        '["one", "two"]',
    ],
    ids=str,
)
def test_choices_are_read_in_every_form_that_datasets_have(value: Any) -> None:
    assert read_choices(value) == {"A": "one", "B": "two"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Which?", "answerKey": "A"}, "there is no 'choices' .*-o choices_column="),
        ({"question": "Which?", "choices": "one, two", "answerKey": "A"}, "choices 'one, two' are no JSON"),
        ({"question": "Which?", "choices": 7, "answerKey": "A"}, "choices are 7: write letters and their texts"),
        ({"question": "Which?", "choices": [["x"], "y"], "answerKey": "A"}, "write letters and their texts"),
        ({"question": "Which?", "choices": ["one"], "answerKey": "A"}, "two or more capital letters"),
        ({"question": "Which?", "choices": {"1": "one", "2": "two"}, "answerKey": "1"}, "two or more capital letters"),
        (
            {"question": "Which?", "choices": ["one", "two"], "answerKey": "C"},
            "answer 'C' is not among the choices A, B",
        ),
        ({"question": "Which?", "choices": ["one", "two"], "answerKey": ""}, "'answerKey' is ''"),
    ],
)
def test_a_bad_row_of_choices_is_an_error(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [row])
    with pytest.raises(SkillFactoryError, match=rf"rows\.jsonl:1: .*{message}"):
        problems(Csqa(path=str(path)), "train")


def test_the_seed_shuffles_the_choices_of_gpqa_and_not_those_of_csqa(tmp_path: Path) -> None:
    task = Gpqa(evaluation_path=str(write_jsonl(tmp_path / "rows.jsonl", SCIENCE)))
    one, same, other = ({p.hash: p.params for p in problems(task, "evaluation", seed)} for seed in (1, 1, 2))
    assert one == same != other and one.keys() == other.keys()
    assert {params["answer"] for params in one.values()} == set("ABCD")
    for digest, params in one.items():
        assert params["choices"][params["answer"]] == other[digest]["choices"][other[digest]["answer"]]
        assert task.canonical(params) == task.canonical(other[digest])
    plain = Csqa(path=str(write_jsonl(tmp_path / "choices.jsonl", CHOICES)))
    assert all(p.params["answer"] == "D" for p in problems(plain, "train"))


def test_gpqa_also_reads_files_that_hold_choices(tmp_path: Path) -> None:
    path = str(write_jsonl(tmp_path / "rows.jsonl", CHOICES))
    task = Gpqa(path=path, question_column="question", choices_column="choices", answer_column="answerKey")
    found = problems(task, "train")
    for problem in found:
        before = int(problem.params["question"].removesuffix("?").split()[-1])
        assert problem.params["choices"][problem.params["answer"]] == str(before + 1)
    assert {p.params["answer"] for p in found} == set("ABCDE")


def test_the_question_lists_the_choices() -> None:
    params = {"question": "Which?", "choices": {"A": "one", "B": "two"}, "answer": "B"}
    assert Csqa().question(params) == "Which?\nA. one\nB. two"


@pytest.mark.parametrize(
    "params", [{}, {"question": "How many?"}, {"answer": "3"}, {"question": 3, "answer": "3"}], ids=str
)
def test_a_problem_that_makes_no_sense_is_an_error_when_it_is_loaded(params: dict[str, Any]) -> None:
    for task in (Gsm8k(), Csqa()):
        with pytest.raises(SkillFactoryError, match=rf"^{task.name} problem: "):
            task.question(params)


def test_small_sets_are_answered_more_often() -> None:
    assert (Gsm8k.evaluation_samples, Csqa.evaluation_samples, Gpqa.evaluation_samples) == (4, 4, 34)


def test_the_plugins_register_their_tasks() -> None:
    assert gsm8k.register_tasks() == [Gsm8k()]
    assert csqa.register_tasks() == [Csqa()]
    assert gpqa.register_tasks() == [Gpqa()]
