"""Stopwatch: a command, and an observer of stages. Try it: sf -p docs/examples/stopwatch.py slowest RUN"""

from pathlib import Path
from typing import Any

import click

from skillfactory_core import hookimpl
from skillfactory_core.run import Run, open_run


@hookimpl
def stage_finished(run: Run, stage: str, summary: dict[str, Any]) -> None:
    """One line per stage, in a file beside the tables."""
    with (run.folder / "stopwatch.txt").open("a", encoding="utf-8") as file:
        file.write(f"{stage} {summary['seconds']}\n")


@click.command(epilog="Example: sf -p docs/examples/stopwatch.py slowest runs/first")
@click.argument("run", type=click.Path(path_type=Path))
def slowest(run: Path) -> None:
    """Say which stage of RUN took longest."""
    seconds = {name: summary["seconds"] for name, summary in open_run(run).manifest()["stages"].items()}
    name = max(seconds, key=lambda stage: seconds[stage])
    click.echo(f"{name}: {seconds[name]} of {sum(seconds.values()):.2f} s")


@hookimpl
def register_commands(cli: click.Group) -> None:
    cli.add_command(slowest)
