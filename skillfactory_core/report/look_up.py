"""Look up: some records of a table, without holding the others. Texts are long: a few rows are read at a time."""

from collections.abc import Collection, Iterator
from typing import TypeVar

import attrs

from skillfactory_core.table import Table, from_arrow

ROWS = 64
"records in memory"
Record = TypeVar("Record", bound=attrs.AttrsInstance)


def stream(table: Table[Record]) -> Iterator[tuple[int, Record]]:
    """(part, record) in order, a few rows at a time."""
    for part in table.parts():
        for batch in table.batches(part, rows=ROWS):
            for record in from_arrow(table.record, batch):
                yield part, record


def by_key(table: Table[Record], part: int, keys: Collection[str], field: str = "key") -> dict[str, Record]:
    """The records of one part that have these keys; nothing where the part is not there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, Record] = {}
    wanted = pa.array(sorted(keys), pa.string())
    for batch in table.batches(part, rows=ROWS) if part in table.parts() else ():
        some = batch.filter(pc.is_in(batch.column(field), wanted))
        found |= {getattr(record, field): record for record in from_arrow(table.record, some)}
        if len(found) == len(wanted):
            break
    return found
