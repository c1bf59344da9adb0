"""sf rearrange: traces from a run's attempts and reflections, by its own strategy or by another."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from skillfactory_core.cli.stage import do, folder_of
from skillfactory_core.config import merge, parse_flag


@click.command()
@click.argument("run")
@click.option("--strategy", default=None, help="Another strategy than the run's own (sf strategies).")
@click.option(
    "-s",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of traces: strategy_options, rearrange, skills, phrases.",
)
@click.option("--to", "name", default=None, help="Put the traces into a new run of this name beside RUN.")
@click.option("--workers", default=0, type=click.IntRange(min=0), help="Processes. 0: all cores, where that pays.")
def rearrange(run: str, strategy: str | None, settings: tuple[str, ...], name: str | None, workers: int) -> None:
    """Rearrange attempts and reflections into silver traces. RUN is a run folder, or its name in runs/.

    With --strategy or -s the traces are made anew: in RUN itself as long as no model was trained on them, or with --to in a new run
    that shares the attempts and reflections of RUN.
    """
    from skillfactory_core.fork import changed, fork, rearrange_anew
    from skillfactory_core.run import locked, open_run

    above: Mapping[str, Any] = {"strategy": strategy} if strategy else {}
    for setting in settings:
        above = merge(above, parse_flag(setting))
    folder = folder_of(run)
    if above or name:
        opened = open_run(folder)
        config = changed(opened.config, above)
        from skillfactory_core.choices import choose

        choose(config)
        with locked(folder):
            opened = fork(opened, folder.parent / name, config) if name else rearrange_anew(opened, config)
        folder = opened.folder
        click.echo(f"run folder: {folder}", err=True)
    do(str(folder), "rearrange", None, workers)
