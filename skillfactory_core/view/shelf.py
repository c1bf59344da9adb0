"""Shelf: every record of a run, by kind: the next ones of a list, or one of them whole. Memory is that of a few rows."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.report import texts
from skillfactory_core.run import Run
from skillfactory_core.table import from_arrow
from skillfactory_core.view.kinds import KINDS, Case, Kind, Row, kind_of
from skillfactory_core.view.sieve import LONG_ROWS, ROWS, columns_of, graded, sift

PAGE = 25
"records of a list that are shown at once"
SECONDS = 1.0
"that a search goes on before it shows what it has"
OFTEN = 256
"records between two looks at the clock"


@attrs.frozen
class Place:
    """Where a record lies: the table among those of its kind, the part of the table, the row of the part."""

    table: int
    part: int
    row: int

    def __str__(self) -> str:
        return f"{self.table}.{self.part}.{self.row}"


def place_of(text: str) -> Place:
    """A place as an address names it."""
    found = re.fullmatch(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", text)
    if not found:
        raise SkillFactoryError(f"no place '{text}': it is TABLE.PART.ROW, as a list gives it")
    return Place(*(int(number) for number in found.groups()))


@attrs.frozen
class Shelf:
    """The records of one run."""

    run: Run
    counted: dict[tuple[Path, int], int] = attrs.field(factory=dict)
    "(a part, when it was written) -> its records"

    def described(self) -> list[Row]:
        """The kinds that there are records of, as the browser takes them."""
        found = []
        for kind in (kind_of(self.run, name) for name in KINDS):
            total = sum(map(self.count, kind.cases))
            facets = [
                {"name": name, "options": list(values)} for name, values in kind.offered.items() if len(values) > 1
            ]
            typed = [name for name in kind.tests if name not in kind.offered]
            if total:
                found.append({"name": kind.name, "title": kind.title, "total": total, "facets": facets, "words": typed})
        return found

    def count(self, case: Case) -> int:
        """How many records a table has; a part that was counted is not opened again."""
        total = 0
        for part in case.table.parts():
            path = case.table.part(part)
            known = (path, path.stat().st_mtime_ns)
            if known not in self.counted:
                self.counted[known] = case.table.count([part])
            total += self.counted[known]
        return total

    def page(self, name: str, chosen: Mapping[str, str], start: str = "", seconds: float = SECONDS) -> Row:
        """The next records of a kind that fit, from a place on: rows, looked (how many were looked at), next (a place, or None)."""
        kind = kind_of(self.run, name)
        unknown = sorted(chosen.keys() - kind.tests.keys() - kind.offered.keys())
        if unknown:
            raise SkillFactoryError(f"no filter named '{unknown[0]}' for {name}: there is {', '.join(kind.tests)}")
        found: list[Place] = []
        looked, then = 0, None
        deadline = time.monotonic() + seconds
        for place, fits in self._from(kind, chosen, place_of(start) if start else Place(0, 0, 0)):
            if len(found) == PAGE or (looked and looked % OFTEN == 0 and time.monotonic() > deadline):
                then = str(place)
                break
            looked += 1
            if fits:
                found.append(place)
        return {"rows": list(self._rows(kind, found)), "looked": looked, "next": then}

    def record(self, name: str, key: str = "", at: str = "") -> Row:
        """One record, whole, with where it leads; by its place or its key."""
        kind = kind_of(self.run, name)
        place = place_of(at) if at else self._find(kind, key)
        case = kind.cases[place.table] if place.table < len(kind.cases) else None
        found = [one for _, one in self._read(case, place.part, {place.row})] if case else []
        if not found:
            raise SkillFactoryError(f"no record at {at} among the {name}")
        text = kind.read(found[0], case, place.part, True)  # type: ignore[arg-type]
        return {**texts.as_json(text), "at": str(place), "kind": name, "leads": kind.leads(found[0])}

    def _from(self, kind: Kind, chosen: Mapping[str, str], start: Place) -> Iterator[tuple[Place, bool]]:
        """(place, whether it fits) of the records from a place on."""
        for number, case in enumerate(kind.cases):
            if number < start.table or any(case.same.get(facet, value) != value for facet, value in chosen.items()):
                continue
            tests = {n: kind.tests[n] for n in chosen if n in kind.tests and n not in (*case.same, *kind.of_attempts)}
            names, long = columns_of(tests)
            for part in case.table.parts():
                if (number, part) < (start.table, start.part):
                    continue
                first = start.row if (number, part) == (start.table, start.part) else 0
                batches = case.table.batches(part, names, LONG_ROWS if long else ROWS)
                for row, fits in sift(
                    batches, [(t, chosen[n]) for n, t in tests.items()], self._among(kind, chosen, part)
                ):
                    if row >= first:
                        yield Place(number, part, row), fits

    def _among(self, kind: Kind, chosen: Mapping[str, str], part: int) -> set[str] | None:
        """The keys that fit as far as the grades decide that."""
        sets = [graded(self.run, part, name, chosen[name]) for name in kind.of_attempts if name in chosen]
        return set.intersection(*sets) if sets else None

    def _rows(self, kind: Kind, places: Sequence[Place]) -> Iterator[Row]:
        """What a list shows of the records at some places."""
        wanted: dict[tuple[int, int], set[int]] = {}
        for place in places:
            wanted.setdefault((place.table, place.part), set()).add(place.row)
        for (number, part), rows in wanted.items():
            case = kind.cases[number]
            for row, record in self._read(case, part, rows):
                yield {
                    **texts.row(kind.read(record, case, part, False)),
                    "at": str(Place(number, part, row)),
                    "kind": kind.name,
                }

    def _read(self, case: Case, part: int, rows: set[int]) -> Iterator[tuple[int, Any]]:
        """(row, record) of some rows of a part."""
        start, last = 0, max(rows, default=-1)
        for batch in case.table.batches(part, rows=LONG_ROWS) if part in case.table.parts() else ():
            here = sorted(row - start for row in rows if start <= row < start + batch.num_rows)
            if here:
                yield from zip(
                    (start + row for row in here), from_arrow(case.table.record, batch.take(here)), strict=True
                )
            start += batch.num_rows
            if start > last:
                return

    def _find(self, kind: Kind, key: str) -> Place:
        """Where a key is. A problem's number tells which part to look into first."""
        import pyarrow.compute as pc

        number = re.search(r"/(?:train|rl|validation|evaluation)/(\d{1,9})", key)
        guess = int(number[1]) // self.run.config.part if number else 0
        for place, case in enumerate(kind.cases):
            for part in sorted(case.table.parts(), key=lambda part: abs(part - guess)):
                start = 0
                for batch in case.table.batches(part, ["key"]):
                    row = pc.index(batch.column("key"), key).as_py()
                    if row >= 0:
                        return Place(place, part, start + row)
                    start += batch.num_rows
        raise SkillFactoryError(f"no record '{key}' among the {kind.name}")
