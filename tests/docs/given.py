"""What a page takes for granted: a run that was made before, a file of the reader's own."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from reader import Reader

Given = Callable[[Reader, Path], None]


def runs(*names: str) -> Given:
    """The finished run, under these names."""

    def give(reader: Reader, folder: Path) -> None:
        for name in names:
            shutil.copytree(reader.finished, folder / "runs" / name)

    return give


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def hard_questions(reader: Reader, folder: Path) -> None:
    runs("countdown-pocket")(reader, folder)
    write(folder / "hard.jsonl", ({"problem": f"What is {n} times 7?", "answer": str(7 * n)} for n in range(60)))


def my_questions(reader: Reader, folder: Path) -> None:
    rows = ({"question": f"Ann has {n} pens and gets {n}. How many?", "answer": f"#### {2 * n}"} for n in range(1, 400))
    write(folder / "my_questions.jsonl", rows)


def attempts_of_others(reader: Reader, folder: Path) -> None:
    """A table in the authors' columns, and one in columns of its own."""
    import pyarrow
    import pyarrow.parquet

    said, rows, own = "model_responses__mutated_prompts", [], []
    for n in range(30):
        right = n % 2 == 0
        answer = f"{n} + {n + 1}" if right else "1"
        verdict = "Correct" if right else "Incorrect"
        rows.append(
            {
                "question": f"Make {2 * (n // 2) + 1} from {n // 2}, {n // 2 + 1}.",
                "answer": f"{n // 2} + {n // 2 + 1}",
                "prompt_variant": "original",
                said: [f"I think <answer>{answer}</answer>"],
                f"{said}__eval_extracted_answers": [answer],
                f"{said}__eval_is_correct": [right],
                f"{said}_reflection": [f"Looked at. <verdict>{verdict}</verdict>"],
            }
        )
        gold = n // 2
        output = f"That makes <answer>{gold if right else 1000}</answer>"
        own.append({"prompt": f"How much is {gold} and nothing?", "gold": f"#### {gold}", "output": output})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "raw.parquet")
    write(folder / "answers.jsonl", own)


def folder_with_weights(reader: Reader, folder: Path) -> None:
    (folder / "models" / "qwen").mkdir(parents=True)


GIVEN: dict[str, Given] = {
    "README.md": runs("countdown-pocket"),
    "docs/explanation/run-folder.md": runs("countdown-pocket"),
    "docs/how-to/check-a-model.md": runs("countdown-pocket"),
    "docs/how-to/check-a-task.md": my_questions,
    "docs/how-to/choose-traces.md": hard_questions,
    "docs/how-to/compare.md": runs("countdown-pocket"),
    "docs/how-to/evaluate.md": runs("countdown-pocket"),
    "docs/how-to/grade-a-file.md": runs("countdown-pocket"),
    "docs/how-to/import.md": attempts_of_others,
    "docs/how-to/read-a-report.md": runs("countdown-pocket", "first", "second"),
    "docs/how-to/real-model.md": folder_with_weights,
    "docs/how-to/write-a-strategy.md": runs("countdown-pocket"),
    "docs/how-to/verdicts.md": runs("countdown-pocket"),
}
