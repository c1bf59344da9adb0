"""Table: the record store. Frozen records in Parquet parts; one appended line per finished generation until then.

A part is a block of problems. While it is being made its rows are lines of `part-N.jsonl`; when all are there they are
written, in the order of the work list, to `part-N.parquet` under a temporary name, synced and renamed. So a file with
its final name is complete, memory is bounded by a part, and an interrupted run ends with the same bytes.
"""

import json
import os
import time
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from skillfactory_core.errors import SkillFactoryError

SYNC_SECONDS = 1.0
Record = TypeVar("Record", bound=attrs.AttrsInstance)


def to_row(record: attrs.AttrsInstance) -> dict[str, Any]:
    """A record as plain values; dicts become JSON text, as in the Parquet file."""
    row = {}
    for field in attrs.fields(type(record)):
        value = getattr(record, field.name)
        if isinstance(value, dict):
            value = json.dumps(value, ensure_ascii=True, sort_keys=True)
        elif isinstance(value, tuple):
            value = [to_row(v) if attrs.has(type(v)) else clean(v) for v in value]
        row[field.name] = clean(value)
    return row


def clean(value: Any) -> Any:
    """Text without lone surrogates, which UTF-8 and so Parquet do not have; any other value as it is."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value


def from_row(record: type[Record], row: dict[str, Any]) -> Record:
    """The record of a row; columns it does not know are ignored."""
    values = {}
    for name, hint in _hints(record).items():
        value = row[name]
        if typing.get_origin(hint) is dict:
            value = json.loads(value)
        elif typing.get_origin(hint) is tuple:
            inner = typing.get_args(hint)[0]
            value = tuple(from_row(inner, v) if attrs.has(inner) else v for v in value)
        values[name] = value
    return record(**values)


@cache
def _hints(record: type) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    return {field.name: hints[field.name] for field in attrs.fields(record)}


def to_arrow(record: type[Record], records: Sequence[Record]) -> Any:
    """Records as an Arrow table, column by column: several times faster than row by row."""
    import pyarrow as pa

    kinds = schema(record)
    columns = [
        _column([getattr(r, name) for r in records], hint, kinds.field(name).type)
        for name, hint in _hints(record).items()
    ]
    return pa.Table.from_arrays(columns, schema=kinds)


def _column(values: list[Any], hint: Any, kind: Any) -> Any:
    import pyarrow as pa

    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        flat = [v for value in values for v in value]
        offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
        return pa.ListArray.from_arrays(offsets, _column(flat, inner, kind.value_type), type=kind)
    if attrs.has(hint):
        hints = _hints(hint)
        children = [_column([getattr(v, name) for v in values], hints[name], kind.field(name).type) for name in hints]
        return pa.StructArray.from_arrays(children, fields=list(kind))
    if typing.get_origin(hint) is dict:
        values = [json.dumps(value, ensure_ascii=True, sort_keys=True) for value in values]
    return pa.array(map(clean, values) if kind == pa.string() else values, kind)


def from_arrow(record: type[Record], batch: Any) -> Iterator[Record]:
    """The records of an Arrow batch or struct array; columns they do not know are left alone."""
    columns = [_values(batch.column(name), hint) for name, hint in _hints(record).items()]
    return map(record, *columns)


def _values(column: Any, hint: Any) -> list[Any]:
    """One column as Python values."""
    import pyarrow as pa

    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        flat = _values(column.flatten(), inner)
        ends = accumulate(column.value_lengths().to_pylist(), initial=0)
        return [tuple(flat[start:end]) for start, end in pairwise(ends)]
    if attrs.has(hint):
        return list(from_arrow(hint, pa.RecordBatch.from_struct_array(column)))
    values: list[Any] = column.to_pylist()
    return [json.loads(value) for value in values] if typing.get_origin(hint) is dict else values


def schema(record: type) -> Any:
    """The Arrow schema of a record class."""
    import pyarrow as pa

    return pa.schema([pa.field(name, _arrow(hint)) for name, hint in _hints(record).items()])


def _arrow(hint: Any) -> Any:
    import pyarrow as pa

    if isinstance(hint, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if typing.get_origin(hint) is tuple:
        return pa.list_(_arrow(typing.get_args(hint)[0]))
    if attrs.has(hint):
        return pa.struct([pa.field(name, _arrow(inner)) for name, inner in _hints(hint).items()])
    return {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}.get(hint, pa.string())


@attrs.frozen
class Table(Generic[Record]):
    """A folder of parts that hold records of one class."""

    folder: Path
    record: type[Record]

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.parquet"

    def journal(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.jsonl"

    def parts(self) -> list[int]:
        """Numbers of the complete parts, in order."""
        return sorted(int(path.stem.split("-")[1]) for path in self.folder.glob("part-*.parquet"))

    def append(self, number: int, records: Sequence[Record]) -> None:
        """Add finished records to a part in the making."""
        with self.writing(number) as write:
            for record in records:
                write(record)

    @contextmanager
    def writing(self, number: int) -> Iterator[Callable[[Record], None]]:
        """A function that adds a record to a part in the making.

        From its return on the record survives the death of the process; that of the machine, from a second later.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        synced = time.monotonic()
        with self.journal(number).open("a", encoding="ascii") as file:

            def write(record: Record) -> None:
                nonlocal synced
                file.write(json.dumps(to_row(record), ensure_ascii=True) + "\n")
                file.flush()
                if time.monotonic() - synced > SYNC_SECONDS:
                    os.fsync(file.fileno())
                    synced = time.monotonic()

            yield write
            os.fsync(file.fileno())

    def pending(self, number: int, mend: bool = True) -> list[Record]:
        """Records of a part in the making. A torn last line, left by a kill, is cut off; onlookers leave it (`mend`)."""
        path = self.journal(number)
        if not path.exists():
            return []
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if mend and whole < len(data):
            with path.open("r+b") as file:
                file.truncate(whole)
        try:
            return [from_row(self.record, json.loads(line)) for line in data[:whole].splitlines()]
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error

    def finish(self, number: int, records: Sequence[Record]) -> None:
        """Write a part for good and drop its journal."""
        import pyarrow.parquet as pq

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.part(number)
        temporary = path.with_suffix(".tmp")
        pq.write_table(to_arrow(self.record, records), temporary, compression="zstd", write_page_checksum=True)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        self.journal(number).unlink(missing_ok=True)

    def reopen(self, number: int, keep: Sequence[Record]) -> None:
        """Make a complete part one in the making again, with some of its records."""
        self.journal(number).unlink(missing_ok=True)
        self.append(number, keep)
        self.part(number).unlink()

    def read(self, number: int) -> list[Record]:
        """The records of one complete part."""
        return list(self._read(self.part(number)))

    def batches(self, number: int, names: Sequence[str] | None = None, rows: int = 8192) -> Iterator[Any]:
        """One complete part as Arrow batches of so many rows: some columns, or all."""
        with self._opened(self.part(number)) as file:
            yield from file.iter_batches(rows, columns=names and list(names))

    def columns(self, number: int, *names: str) -> Iterator[tuple[Any, ...]]:
        """Some columns of one complete part, row by row, without reading the others."""
        for batch in self.batches(number, names):
            yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)

    def every(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Some columns of all complete parts."""
        for number in self.parts():
            yield from self.columns(number, *names)

    def __iter__(self) -> Iterator[Record]:
        """All records of the complete parts, part by part."""
        for number in self.parts():
            yield from self._read(self.part(number))

    def _read(self, path: Path) -> Iterator[Record]:
        with self._opened(path) as file:
            for batch in file.iter_batches(8192):
                yield from from_arrow(self.record, batch)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Any]:
        """A Parquet file; whatever is wrong with it is one error that names it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                yield file
        except FileNotFoundError as error:
            raise SkillFactoryError(f"{path} is missing; run the stage that makes it again") from error
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise damaged(path, error) from error

    def count(self, numbers: Iterable[int] | None = None) -> int:
        """How many records the complete parts hold, or some of them."""
        total = 0
        for path in map(self.part, self.parts() if numbers is None else numbers):
            with self._opened(path) as file:
                total += file.metadata.num_rows
        return total


def damaged(path: Path, error: Exception) -> SkillFactoryError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return SkillFactoryError(f"{path} is damaged ({reason}); delete that file and run again to redo its part")
