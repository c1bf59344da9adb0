"""sf compare: methods of one run or of several, on the problems that they share."""

import json

import rich_click as click

from skillfactory_core.cli.stage import folder_of


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--method", "methods", multiple=True, help="Only this method; may be given again. Default: all.")
@click.option("--ablations", is_flag=True, help="Only each run's own method, against that of the first run.")
@click.option("--against", default="", metavar="METHOD", help="Compare all others with this one. Default: the first.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every difference.")
def compare(runs: tuple[str, ...], methods: tuple[str, ...], ablations: bool, against: str, as_json: bool) -> None:
    """Compare the methods of RUNS on the problems that they share: accuracy, paired differences, tokens, forgetting.

    Where there are several runs, a method is named RUN/METHOD.
    """
    from skillfactory_core.compare import compare as line_up
    from skillfactory_core.run import open_run

    found = line_up([open_run(folder_of(run)) for run in runs], methods, own=ablations, against=against)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console

    from skillfactory_core.compare_table import tables

    console = Console()
    for each in tables(found):
        console.print(each)
