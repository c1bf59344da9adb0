"""sf report: the page that shows what a run did, or several side by side."""

from pathlib import Path

import rich_click as click

from skillfactory_core.cli.stage import do, folder_of


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN ...]")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Default: report.html in the run's folder; of several runs, beside the first.",
)
def report(runs: tuple[str, ...], output: Path | None) -> None:
    """Write report.html, one page that works offline, from whatever the run holds; several runs stand side by side.

    RUN is a run folder, or its name in runs/.
    """
    if len(runs) == 1 and output is None:
        do(runs[0], "report", None)
        return
    from skillfactory_core.errors import SkillFactoryError
    from skillfactory_core.run import open_run
    from skillfactory_core.stages.report import report_of

    folders = list(dict.fromkeys(folder_of(run).resolve() for run in runs))
    path = output or folders[0].parent / "report.html"
    if not path.parent.is_dir():
        raise SkillFactoryError(f"{path.parent} is no folder to write {path.name} into; make it, or choose another -o")
    click.echo(f"report: {report_of([open_run(folder) for folder in folders], path)}")
