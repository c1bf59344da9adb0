"""sf results: the comparison of the methods of a run."""

import json

import rich_click as click

from skillfactory_core.cli.stage import folder_of
from skillfactory_core.run import Run


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def results(run: str, as_json: bool) -> None:
    """Show accuracy, intervals and skill use of every method of RUN."""
    from skillfactory_core.results import summarise
    from skillfactory_core.run import open_run

    opened = open_run(folder_of(run))
    if as_json:
        click.echo(json.dumps(summarise(opened), indent=2))
    else:
        show_results(opened)


def show_results(run: Run) -> None:
    """Print the tables of results."""
    from rich.console import Console

    from skillfactory_core.results import summarise
    from skillfactory_core.results_table import measure_table, skill_table, table, validation_table

    summary = summarise(run)
    console = Console()
    console.print(table(summary))
    if summary["methods"]:
        console.print(skill_table(summary))
    if summary["methods"] and summary.get("measures"):
        console.print(measure_table(summary))
    if summary.get("validation"):
        console.print(validation_table(summary))
