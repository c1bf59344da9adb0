"""sf study: methods x seeds as one job, and its page of results."""

import json
from pathlib import Path

import rich_click as click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", default=None, type=click.Path(path_type=Path), help="Folder. Default: runs/NAME-OF-FILE."
)
@click.option("--results", is_flag=True, help="Only write the results of what is done so far.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def study(file: Path, folder: Path | None, results: bool, as_json: bool) -> None:
    """Do all runs of a study (methods x seeds, from a TOML FILE) and write results.md and results.json.

    Run the same command again to go on after an interruption.
    """
    from skillfactory_core.errors import SkillFactoryError
    from skillfactory_core.run import locked, write_text
    from skillfactory_core.study.outcome import outcome
    from skillfactory_core.study.page import page
    from skillfactory_core.study.plan import read_study
    from skillfactory_core.study.work import check_folder, do, finished

    plan = read_study(file)
    folder = folder or Path("runs") / plan.name
    check_folder(plan, folder)
    if results:
        done = list(finished(plan, folder))
        if not done:
            raise SkillFactoryError(f"nothing of study {plan.name} is in {folder} yet: sf study {file}")
    else:
        with locked(folder):
            done = do(plan, folder)
    found = outcome(plan, done)
    write_text(folder / "results.json", json.dumps(found, indent=2) + "\n")
    write_text(folder / "results.md", page(found))
    click.echo(json.dumps(found, indent=2) if as_json else page(found))
    click.echo(f"results: {folder / 'results.md'}", err=True)
