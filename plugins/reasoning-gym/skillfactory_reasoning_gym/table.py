"""The table of all datasets of reasoning-gym, which make_table.py writes: so that listing tasks imports none of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import attrs

PATH = Path(__file__).parent / "tasks.json"


@attrs.frozen
class Row:
    """One dataset."""

    name: str
    "as reasoning-gym calls it"
    category: str
    "the part of reasoning-gym that it is in, such as 'arithmetic'"
    compares: bool
    "it has the scorer of the base class, which gives 1 to the reference alone"
    options: dict[str, tuple[str, Any]]
    "option -> (kind, default)"
    levels: dict[str, dict[str, Any]]
    "level of its curriculum -> the options that differ from their defaults"
    variants: tuple[str, ...]
    "levels that every method is evaluated on, beside the defaults"
    seconds: float
    "computing time of one problem, as it was measured when the table was written"


@cache
def rows() -> tuple[Row, ...]:
    """Every dataset, by name."""
    found = json.loads(PATH.read_text(encoding="utf-8"))["tasks"]
    return tuple(
        Row(
            name=name,
            category=row["category"],
            compares=row["compares"],
            options={option: (kind, default) for option, (kind, default) in row["options"].items()},
            levels=row["levels"],
            variants=tuple(row["variants"]),
            seconds=row["seconds"],
        )
        for name, row in found.items()
    )
