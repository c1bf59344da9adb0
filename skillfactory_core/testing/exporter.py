"""Check an exporter: it writes files, the same ones each time, and nothing of the run changes."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from skillfactory_core.exporter import Exporter
from skillfactory_core.run import Run
from skillfactory_core.stages.export import LIST, checksums, export
from skillfactory_core.testing.demand import demand


def check_exporter(exporter: type[Exporter], run: Run) -> None:
    """Export a run twice; `temporary_run` makes one."""
    name = f"exporter '{exporter.name}'"
    stage, made = exporter.needs
    demand(stage and made, f"{name}: needs has to name a stage and what it makes")
    before = checksums(run.folder)
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        first.mkdir()
        check_counts(name, exporter().export(run, first))
        export(run, exporter(), second)
        (second / LIST).unlink()
        first_files, second_files = checksums(first), checksums(second)
    demand(first_files, f"{name} wrote no file")
    differing = unlike(first_files, second_files)
    demand(not differing, f"{name}: the same run gave another {', '.join(differing[:3])} the second time")
    changed = unlike(before, checksums(run.folder))
    demand(not changed, f"{name} changed the run that it exports: {', '.join(changed[:3])}")


def unlike(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that are not the same in both."""
    return sorted(file for file in one.keys() | other.keys() if one.get(file) != other.get(file))


def check_counts(name: str, counts: Any) -> None:
    """What an export returns can be told and stored."""
    demand(isinstance(counts, dict) and counts, f"{name} returned {counts!r:.80}: tell how much it wrote, by name")
    try:
        json.dumps(counts)
    except TypeError as error:
        raise AssertionError(f"{name}: its counts are no JSON: {error}") from error
