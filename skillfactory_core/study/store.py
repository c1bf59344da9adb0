"""Store: everything that a study's page needs, in two files that are small enough to be committed.

`cells.parquet` holds what each row did on each problem, `study.json` what the rows and exams are and what they cost. The page and
its intervals are made from these alone, so that they can be made again without the runs.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import write_text
from skillfactory_core.study.cell import SUMS, Cell
from skillfactory_core.table import schema, to_arrow

if TYPE_CHECKING:
    from numpy import ndarray

CELLS, STUDY = "cells.parquet", "study.json"
Sums = dict[int, dict[str, "ndarray"]]
"seed -> name of a sum -> one number for each problem of the exam; NaN where the seed has no response to it"


@attrs.frozen(eq=False)
class Store:
    """The cells of a study by row, and what they are of."""

    about: Mapping[str, Any]
    """title, plan, seeds, first (arm), claims; order: of the names of rows; rows: name -> title, costs (seed -> tokens generated and
    trained, hours, cpu_hours); exams: name -> task, trained_on; versions: package -> version"""
    cells: Sequence[Cell]

    @cached_property
    def problems(self) -> dict[str, dict[str, int]]:
        """exam -> hash of a problem -> its place."""
        found: dict[str, dict[str, int]] = {name: {} for name in self.about["exams"]}
        for cell in self.cells:
            found[cell.exam].setdefault(cell.problem, len(found[cell.exam]))
        return found

    @cached_property
    def _tables(self) -> dict[tuple[str, str, str], Sums]:
        """(row, exam, way) -> its sums: once, since every pair of rows asks for them."""
        import numpy

        found: dict[tuple[str, str, str], Sums] = {}
        for cell in sorted(self.cells, key=lambda cell: cell.seed):
            place = self.problems[cell.exam]
            by_seed = found.setdefault((cell.row, cell.exam, cell.way), {})
            if cell.seed not in by_seed:
                by_seed[cell.seed] = {name: numpy.full(len(place), numpy.nan) for name in SUMS}
            for name in SUMS:
                by_seed[cell.seed][name][place[cell.problem]] = getattr(cell, name)
        return found

    @cached_property
    def budgets(self) -> list[str]:
        """Those of responses that were not the evaluation's, in the order of their numbers."""
        ways = {cell.way for cell in self.cells if cell.way[:1].isdigit()}
        return sorted(ways, key=lambda way: [int(number) for number in way.split("-")])

    @cached_property
    def forcing(self) -> tuple[str, str]:
        """The budget of the standard responses and that of those made to go on, as cells name them; both empty without any."""
        forced = next((name for name in self.budgets if "-" in name), "")
        return forced.partition("-")[0], forced

    def has(self, row: str, exam: str, way: str = "") -> bool:
        return (row, exam, way) in self._tables

    def seeds(self, row: str) -> list[int]:
        return sorted({seed for (name, _, _), by_seed in self._tables.items() if name == row for seed in by_seed})

    def sums(self, row: str, exam: str, way: str = "") -> Sums:
        """What one row did on one exam; empty where it did nothing."""
        return self._tables.get((row, exam, way), {})


def write_store(store: Store, folder: Path) -> None:
    """Write both files; the same cells give the same bytes."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{CELLS}.tmp"
    pq.write_table(to_arrow(Cell, store.cells), temporary, compression="zstd", compression_level=19)
    temporary.replace(folder / CELLS)
    write_text(folder / STUDY, json.dumps(store.about, indent=2) + "\n")


def read_store(folder: Path) -> Store:
    """What `write_store` wrote."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        about = json.loads((folder / STUDY).read_text(encoding="utf-8"))
        table = pq.read_table(folder / CELLS)
        if table.schema.names != schema(Cell).names:
            raise ValueError("their columns are of another version")
    except (OSError, ValueError, ArrowException) as error:
        raise SkillFactoryError(
            f"{folder} does not hold the tables of a study ({error}): write them with sf study FILE --tables {folder}"
        ) from error
    return Store(about, [Cell(**row) for row in table.to_pylist()])


def sorted_cells(cells: Iterable[Cell]) -> list[Cell]:
    """In an order that does not depend on that of the runs."""
    return sorted(cells, key=lambda cell: (cell.row, cell.exam, cell.way, cell.seed, cell.problem))
