"""Exporter: writes what a run holds in the layout of another program."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from skillfactory_core.run import Run


class Exporter:
    """What an exporter plugin subclasses. `sf export` gives it an empty folder, and makes that final when it is done."""

    name: ClassVar[str]
    "what `sf export` takes"
    summary: ClassVar[str]
    "one line for `sf exporters`"
    needs: ClassVar[tuple[str, str]] = ("rearrange", "finished traces")
    "the stage that must be finished, for one method at least, and what it makes"
    then: ClassVar[str] = ""
    "the command that goes on from there, to be typed in the folder"

    def export(self, run: "Run", folder: Path) -> dict[str, Any]:
        """Write the files; returns counts. Iterate `run.traces`: a run may have more of them than fit into memory."""
        raise TypeError(f"exporter '{self.name}' does not define export")
