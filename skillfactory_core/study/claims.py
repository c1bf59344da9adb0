"""Claims: what a study was made to find out, written down in its file before the runs, and what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.interval import Interval
from skillfactory_core.study.figure import MEASURES, contrast, level
from skillfactory_core.study.store import Store

PART_KEYS = ("row", "against", "exams", "against_exams", "measure", "above")


@attrs.frozen
class Part:
    """One comparison: a measure of a row, or of its distance to another row or to other exams, is above a number."""

    row: str
    exams: tuple[str, ...] = attrs.field(converter=tuple)
    against: str = ""
    "the other row; empty with `against_exams`: the same row, without: the measure itself"
    against_exams: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    "the exams of the other side. Empty: the same"
    measure: str = "accuracy"
    above: float = 0.0

    def measured(self, store: Store) -> Interval | None:
        """None where the runs do not say (yet)."""
        if not self.against and not self.against_exams:
            return level(store, self.measure, self.row, self.exams)
        other = (self.against or self.row, self.against_exams or self.exams)
        return contrast(store, self.measure, (self.row, self.exams), other)


@attrs.frozen
class Claim:
    """A claim holds where all of its parts do."""

    name: str
    title: str
    parts: tuple[Part, ...]


def read_claims(path: Path, tables: Any) -> tuple[Claim, ...]:
    """The claims of a study's file: [claims.NAME] with a title and [[claims.NAME.parts]]."""
    if not isinstance(tables, dict):
        raise SkillFactoryError(f"study {path}: claims is not a table ([claims.NAME])")
    return tuple(read_claim(path, name, table) for name, table in tables.items())


def read_claim(path: Path, name: str, table: Any) -> Claim:
    if not isinstance(table, dict) or not isinstance(table.get("title"), str) or not table.get("parts"):
        raise SkillFactoryError(f"study {path}: claims.{name} needs a title and [[claims.{name}.parts]]")
    for key in table:
        if key not in ("title", "parts"):
            raise not_found(f"entry of study {path}", f"claims.{name}.{key}", ["title", "parts"], "study")
    return Claim(name, table["title"], tuple(read_part(path, name, part) for part in table["parts"]))


def read_part(path: Path, claim: str, table: Mapping[str, Any]) -> Part:
    where = f"study {path}: claims.{claim}.parts"
    for key in table:
        if key not in PART_KEYS:
            raise not_found(f"entry of study {path}", f"claims.{claim}.parts.{key}", PART_KEYS, "study")
    for key, kind, what in (("row", str, "a row"), ("exams", list, "a list of exams")):
        if not isinstance(table.get(key), kind):
            raise SkillFactoryError(f"{where}: a part needs {key}, {what}")
    if isinstance(above := table.get("above", 0.0), bool) or not isinstance(above, int | float):
        raise SkillFactoryError(f"{where}: above = {above!r} is not a number")
    measure = table.get("measure", "accuracy")
    if measure not in MEASURES:
        raise not_found(f"measure in study {path}", measure, MEASURES, "study")
    return Part(**table)


def judged(claims: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """claim -> title, verdict (holds, fails, open, unknown), parts: what was said and value, low, high (None: not known yet).

    It holds where the interval of every part is above its number, fails where one is below, and is open where one has it inside.
    """
    found = {}
    for name, claim in claims.items():
        each = [(part, part.measured(store)) for part in (Part(**said) for said in claim["parts"])]
        found[name] = {
            "title": claim["title"],
            "verdict": verdict([state(part, interval) for part, interval in each]),
            "parts": [
                {**attrs.asdict(part), "state": state(part, interval), **(interval.named("value") if interval else {})}
                for part, interval in each
            ],
        }
    return found


def state(part: Part, found: Interval | None) -> str:
    if found is None:
        return "unknown"
    return "holds" if found.low > part.above else "fails" if found.high < part.above else "open"


def verdict(states: list[str]) -> str:
    """Of a claim, from its parts."""
    return next((one for one in ("fails", "unknown", "open") if one in states), "holds")
