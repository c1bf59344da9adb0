"""Table: the record store. Frozen records in Parquet parts; one appended line per finished generation until then.

A part is a block of problems. While it is being made its rows are lines of `part-N.jsonl`; when all are there they are
written, in the order of the work list, to `part-N.parquet` under a temporary name, synced and renamed. So a file with
its final name is complete, memory is bounded by a part, and an interrupted run ends with the same bytes.
"""

import json
import os
import types
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from skillfactory_core.errors import SkillFactoryError

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
        """Add finished records to a part in the making; they survive the process from here on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(to_row(record), ensure_ascii=True) + "\n" for record in records)
        with self.journal(number).open("a", encoding="ascii") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def pending(self, number: int) -> list[Record]:
        """Records of a part in the making. A torn last line, left by a kill, is cut off."""
        path = self.journal(number)
        if not path.exists():
            return []
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with path.open("r+b") as file:
                file.truncate(whole)
        try:
            return [from_row(self.record, json.loads(line)) for line in data[:whole].splitlines()]
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error

    def finish(self, number: int, records: Sequence[Record]) -> None:
        """Write a part for good and drop its journal."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.part(number)
        temporary = path.with_suffix(".tmp")
        rows = pa.Table.from_pylist([to_row(record) for record in records], schema=schema(self.record))
        pq.write_table(rows, temporary, compression="zstd", write_page_checksum=True)
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

    def __iter__(self) -> Iterator[Record]:
        """All records of the complete parts, part by part."""
        for number in self.parts():
            yield from self._read(self.part(number))

    def _read(self, path: Path) -> Iterator[Record]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(1024):
                    for row in batch.to_pylist():
                        yield from_row(self.record, row)
        except FileNotFoundError as error:
            raise SkillFactoryError(f"{path} is missing; run the stage that makes it again") from error
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise damaged(path, error) from error

    def count(self) -> int:
        """How many records the complete parts hold."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        total = 0
        for path in map(self.part, self.parts()):
            try:
                with pq.ParquetFile(path) as file:
                    total += file.metadata.num_rows
            except (pa.ArrowException, OSError) as error:
                raise damaged(path, error) from error
        return total


def damaged(path: Path, error: Exception) -> SkillFactoryError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return SkillFactoryError(f"{path} is damaged ({reason}); delete that file and run again to redo its part")
