"""Grade the rows of a file: JSON lines or Parquet, in a stream, each row on its own.

A row holds a `problem` (an object, or JSON text of one) and a `response`; its other fields are kept. It comes out with
`correct`, `answer` and `reason`. A row that cannot be graded is told by its number and left out; the rest goes on.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from skillfactory_core.attempt import Grade
from skillfactory_core.deadline import Late, on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.generate import chunks
from skillfactory_core.stages.grade import grade_answer
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task, check_params

ROWS = 1024
"rows in memory at a time"
THREADS = 4
"for graders that wait for a process of theirs, as mathematics does"
FORMATS = (".jsonl", ".parquet")


@attrs.frozen
class Row:
    """One row of the file: its fields, or what is wrong with it."""

    number: int
    "line of a JSON lines file, or row of a Parquet file, from 1"
    fields: dict[str, Any]
    wrong: str = ""


@attrs.frozen
class FileGrader:
    """How the rows of a file are graded."""

    task: Task
    tags: TagFormat
    final: bool
    "the rule for final answers, where nothing before the last closing think tag counts"

    def grade_rows(self, rows: Iterable[Row]) -> list[Row]:
        return [self.grade_row(row) for row in rows]

    def grade_row(self, row: Row) -> Row:
        if row.wrong:
            return row
        try:
            with on(f"row {row.number}"):
                found = self.grade(row.fields)
        except Late:
            raise
        except SkillFactoryError as error:
            return attrs.evolve(row, wrong=str(error))
        graded = {"correct": found.correct, "answer": found.answer, "reason": found.reason}
        return attrs.evolve(row, fields={**row.fields, **graded})

    def grade(self, fields: dict[str, Any]) -> Grade:
        problem, response = self.problem(fields), fields.get("response")
        if not isinstance(response, str):
            raise SkillFactoryError(f"response is {response!r:.60}: give a text")
        return grade_answer(self.task, problem, self.tags.extract(response, self.final))

    def problem(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The problem of a row, which may be JSON text, checked."""
        problem = fields.get("problem")
        if isinstance(problem, str):
            try:
                problem = json.loads(problem)
            except (ValueError, RecursionError) as error:
                raise SkillFactoryError(f"problem {problem!r:.60} is not JSON ({error})") from error
        if not isinstance(problem, dict):
            raise SkillFactoryError(f"problem is {problem!r:.60}: give an object with the fields of the task")
        problem = {name: value for name, value in problem.items() if value is not None}
        check_params(self.task, problem)
        return problem


def grade_file(
    source: Path, out: BinaryIO, grader: FileGrader, parquet: bool, tell: Callable[[str], None]
) -> Counter[str]:
    """Grade every row of `source` into `out`; returns the counts by reason, those of bad rows under 'bad'."""
    counts: Counter[str] = Counter()
    rows = read_parquet(source) if source.suffix == ".parquet" else read_lines(source)
    writer = ParquetWriter(out, source) if parquet else LineWriter(out)
    with ThreadPoolExecutor(THREADS) as pool:
        for chunk in chunks(rows, ROWS):
            good = []
            for some in pool.map(grader.grade_rows, chunks(chunk, ROWS // THREADS)):
                for row in some:
                    counts["bad" if row.wrong else row.fields["reason"]] += 1
                    if row.wrong:
                        tell(f"{source}:{row.number}: {row.wrong}")
                    else:
                        good.append(row.fields)
            writer.write(good)
    writer.close()
    return counts


def read_lines(source: Path) -> Iterator[Row]:
    with source.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Row(number, {}, f"not JSON ({error})")
                continue
            yield Row(number, fields) if isinstance(fields, dict) else Row(number, {}, "not an object of fields")


def read_parquet(source: Path) -> Iterator[Row]:
    number = 0
    with opened(source) as file:
        # Group by group: a reader of the whole file keeps what it has read.
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(ROWS, row_groups=[group]):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(number, fields)


@contextmanager
def opened(source: Path) -> Iterator[Any]:
    """A Parquet file, or one error that names it."""
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(source) as file:
            yield file
    except (ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise SkillFactoryError(f"{source} cannot be read ({reason}): is it a whole Parquet file?") from error


class LineWriter:
    """Rows as JSON lines. Text outside ASCII is escaped, so that a lone surrogate survives."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self.out.write("".join(json.dumps(row, default=str) + "\n" for row in rows).encode("ascii"))
        self.out.flush()

    def close(self) -> None:
        pass


class ParquetWriter:
    """Rows as Parquet: the columns of the source, and the three of the grade."""

    def __init__(self, out: BinaryIO, source: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {"correct": pa.bool_(), "answer": pa.string(), "reason": pa.string()}
        with opened(source) as file:
            kept = [field for field in file.schema_arrow if field.name not in kinds]
        self.schema = pa.schema([*kept, *kinds.items()])
        self.file = parquet.ParquetWriter(out, self.schema, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        self.file.write_table(pa.Table.from_pylist(rows, schema=self.schema))

    def close(self) -> None:
        self.file.close()
