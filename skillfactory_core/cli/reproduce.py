"""sf reproduce: a run again, from its settings, and what differs."""

import json
import sys
from pathlib import Path

import attrs
import rich_click as click

from skillfactory_core.cli.stage import folder_of
from skillfactory_core.errors import SkillFactoryError


@click.command()
@click.argument("run")
@click.option(
    "--to",
    "folder",
    default=None,
    type=click.Path(path_type=Path),
    help="Folder of the second run. Default: RUN-again.",
)
@click.option(
    "--until", default=None, help="Only up to this stage: problems, sample, grade, reflect, rearrange, sft, …"
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def reproduce(run: str, folder: Path | None, until: str | None, as_json: bool) -> None:
    """Do RUN again, from its settings and seed, and print what differs: versions, records, weights, results.

    It ends with code 1 where something does. Run the same command again to go on after an interruption.
    """
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.reproduce import again_folder, compare
    from skillfactory_core.run import locked, open_run, start_run

    first = open_run(folder_of(run))
    stages = first.manifest()["stages"]
    if "imported" in stages.get("problems", {}):
        raise SkillFactoryError(
            f"{first.folder} began with imported attempts: import them again (sf import), then sf compare"
        )
    if not stages:
        raise SkillFactoryError(f"{first.folder} has no finished stage that could be done again")
    place = folder or again_folder(first)
    with locked(place):
        again = start_run(place, first.config)
        pipeline = Pipeline(again)
        names = pipeline.up_to(until)
        pipeline.do(*(name for name in names if name in stages and name != "report"))
    found = compare(first, again)
    if as_json:
        click.echo(json.dumps(attrs.asdict(found), indent=2))
    else:
        click.echo(f"{len(found.same)} tables and models are the same, bit by bit")
        for each in found.differences:
            click.echo(f"{each.what}: {each.before} | {each.now}")
        if not found.differences:
            click.echo("nothing differs")
    sys.exit(1 if found.differences else 0)
