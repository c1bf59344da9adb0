"""Join: the stored tables of one study that several machines did, some seeds or arms each, as one."""

from collections.abc import Mapping, Sequence
from typing import Any

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.study.store import Store, sorted_cells

SAME = ("title", "plan", "seeds", "claims", "exams")
"what tables of one study have in common"


def join(stores: Mapping[str, Store]) -> Store:
    """One store of several, by the names of their folders. What one of them holds, no other may hold."""
    (first, one), *others = stores.items()
    for name, other in others:
        for key in SAME:
            if other.about[key] != one.about[key]:
                raise SkillFactoryError(f"{name} and {first} are not of the same study: their {key} differ")
    held: dict[tuple[str, int], str] = {}
    for name, store in stores.items():
        for row, seed in sorted({(cell.row, cell.seed) for cell in store.cells}):
            if (row, seed) in held:
                raise SkillFactoryError(
                    f"{held[row, seed]} and {name} both hold {row} of seed {seed}: give one of them, or make the tables of one anew "
                    "without that run"
                )
            held[row, seed] = name
    abouts = [store.about for store in stores.values()]
    about = {
        **one.about,
        "rows": {name: joined_row([a["rows"][name] for a in abouts if name in a["rows"]]) for name in in_order(abouts)},
        "versions": versions([a["versions"] for a in abouts]),
    }
    return Store(about, sorted_cells(cell for store in stores.values() for cell in store.cells))


def in_order(abouts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the rows that any has."""
    there = {name for about in abouts for name in about["rows"]}
    return [name for name in abouts[0]["order"] if name in there]


def joined_row(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row with the costs and steps of all its seeds."""
    found = dict(rows[0])
    for key in ("costs", "steps"):
        if key in found:
            every = {seed: each for row in rows for seed, each in row[key].items()}
            found[key] = dict(sorted(every.items(), key=lambda item: int(item[0])))
    return found


def versions(tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """package -> its version, or the versions of the machines."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: ", ".join(dict.fromkeys(table[name] for table in tables if name in table)) for name in names}
