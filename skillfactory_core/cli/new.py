"""sf new: a plugin that works, to be changed into one's own."""

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("kind", type=click.Choice(["task", "skill", "engine"]))
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder to make. Default: skillfactory-NAME.",
)
def new(kind: str, name: str, folder: Path | None) -> None:
    """Make a plugin of a KIND, called NAME: a package to install, with one module, its tests and a file for CI.

    It works as it is: install it, run its tests, and change it into your own. Its module works by itself too,
    without being installed: sf -p my_first.py tasks.
    """
    from skillfactory_core.scaffold.make import distribution_of, make

    folder = folder or Path(distribution_of(name))
    for path in make(kind, name, folder):
        click.echo(folder / path)
    then = f"sf check {name}" if kind == "task" else "sf plugins"
    click.echo(f'now: cd {folder} && pip install -e ".[test]" && pytest && {then}')
