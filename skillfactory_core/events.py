"""The line that a finished stage gets in events.jsonl: with its counts, so that whoever follows the file sees how a run fares."""

from typing import TYPE_CHECKING, Any

from skillfactory_core import hookimpl

if TYPE_CHECKING:
    from skillfactory_core.run import Run


@hookimpl
def stage_finished(run: "Run", stage: str, summary: dict[str, Any]) -> None:
    counts = {name: value for name, value in summary.items() if name != "files"}
    run.event(event="finished", stage=stage, **counts)
