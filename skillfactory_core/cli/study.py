"""sf study: methods x seeds as one job, and its page of results."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from skillfactory_core.study.plan import Study
    from skillfactory_core.study.store import Store


@click.command()
@click.argument("files", metavar="FILE|TABLES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", default=None, type=click.Path(path_type=Path), help="Folder. Default: runs/NAME-OF-FILE."
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Runs at a time, each in a process.")
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=int,
    metavar="N",
    help="Only the runs of this seed, and their results. Repeatable.",
)
@click.option("--only", default="", metavar="RUN", help="Only this run, such as skillfactory-0, and no results.")
@click.option("--results", is_flag=True, help="Only write the results of what is done so far.")
@click.option(
    "--tables", default=None, type=click.Path(path_type=Path), help="Also store the tables of the page in this folder."
)
@click.option(
    "--page", "target", default=None, type=click.Path(path_type=Path), help="Also write the page to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def study(
    files: tuple[Path, ...],
    folder: Path | None,
    jobs: int,
    seeds: tuple[int, ...],
    only: str,
    results: bool,
    tables: Path | None,
    target: Path | None,
    as_json: bool,
) -> None:
    """Do all runs of a study (methods x seeds, from a TOML FILE) and write results.md and results.json.

    Run the same command again to go on after an interruption. Given folders of stored TABLES, it makes the page of them, joined, without
    any runs. On a cluster with a common disk, every machine does one run with --only; then once without, for what is left and the
    results. Without a common disk, every machine does some seeds with --seed, and the --tables that each stores are joined.
    """
    from skillfactory_core.run import write_text
    from skillfactory_core.study.join import join
    from skillfactory_core.study.outcome import outcome
    from skillfactory_core.study.page import page
    from skillfactory_core.study.store import read_store, write_store

    stored = files[0].is_dir()
    if len(files) > 1 and not all(file.is_dir() for file in files):
        raise click.UsageError("several FILES: give one study's file, or folders of stored tables")
    file = files[0]
    if only:
        # The page of stored tables needs no pipeline.
        from skillfactory_core.study.work import do_only

        do_only(*planned(file, folder), only)
        return
    store = (
        join({str(name): read_store(name) for name in files})
        if stored
        else run_study(file, folder, jobs, seeds, results)
    )
    found = outcome(store)
    if tables is not None:
        write_store(store, tables)
    if target is not None:
        write_text(target, page(found))
    if not stored:
        place = folder_of(file, folder)
        write_text(place / "results.json", json.dumps(found, indent=2) + "\n")
        write_text(place / "results.md", page(found))
        click.echo(f"results: {place / 'results.md'}", err=True)
    click.echo(json.dumps(found, indent=2) if as_json else page(found))


def folder_of(file: Path, folder: Path | None) -> Path:
    return folder or Path("runs") / file.stem


def planned(file: Path, folder: Path | None) -> "tuple[Study, Path]":
    """A study and its folder, which holds nothing else."""
    from skillfactory_core.study.plan import read_study
    from skillfactory_core.study.work import check_folder

    plan, place = read_study(file), folder_of(file, folder)
    check_folder(plan, place)
    return plan, place


def run_study(file: Path, folder: Path | None, jobs: int, seeds: tuple[int, ...], results: bool) -> "Store":
    """Do the runs that are missing, or none of them, and bring together what there is."""
    from skillfactory_core.errors import SkillFactoryError
    from skillfactory_core.run import locked
    from skillfactory_core.study.collect import collect
    from skillfactory_core.study.jobs import Jobs
    from skillfactory_core.study.work import do, finished

    plan, place = planned(file, folder)
    some = plan.only(seeds)
    if not results:
        with locked(place):
            Jobs(file, some, place, jobs).do() if jobs > 1 else do(some, place)
    done = list(finished(some, place))
    if not done:
        raise SkillFactoryError(f"nothing of study {plan.name} is in {place} yet: sf study {file}")
    return collect(plan, done)
