"""sf import: attempts that were made elsewhere become a run."""

from pathlib import Path

import rich_click as click

from skillfactory_core.cli.stage import folder_of
from skillfactory_core.config import PRESETS
from skillfactory_core.resolve import resolve
from skillfactory_core.run import Run


@click.command("import")
@click.argument("schema", type=click.Choice(["authors", "table"]))
@click.argument("source")
@click.option("--run", required=True, help="The run folder to make, or its name in runs/.")
@click.option("--task", required=True, help="The task that the attempts are at (sf tasks).")
@click.option("--map", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Which column holds what; see below.")
@click.option("--model", default=None, help="The model that made the attempts, and learns from them. Default: pocket.")
@click.option("--preset", default="default", show_default=True, help=f"Sizes: {', '.join(PRESETS)}.")
@click.option("--config", "config_file", default=None, type=click.Path(path_type=Path), help="A TOML file of settings.")
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the task: -o numbers=4.")
@click.option("-s", "settings", multiple=True, metavar="NAME=VALUE", help="Any setting: -s prompts=paper.")
@click.option("--seed", default=None, type=int, help="Seed of everything that is drawn later. Default: 0.")
@click.option("--subset", default="", help="Configuration of a dataset on the Hub, where it has several.")
@click.option("--split", default="train", show_default=True, help="Split of a dataset on the Hub.")
def import_(
    schema: str,
    source: str,
    run: str,
    task: str,
    pairs: tuple[str, ...],
    model: str | None,
    preset: str,
    config_file: Path | None,
    options: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int | None,
    subset: str,
    split: str,
) -> None:
    """Make a run from attempts that were made elsewhere: one row of SOURCE per attempt.

    SOURCE is a Parquet or JSONL file, or a Hub name such as owner/name. `authors` is the raw schema of the paper's
    authors; of a `table`, --map names the columns. FIELD is question and answer (or problem: an object with
    the task's own fields), response, and, where there is one: correct (else the task grades), extracted, variant,
    reflections, key.
    """
    from skillfactory_core.choices import choose
    from skillfactory_core.importing.columns import read_columns
    from skillfactory_core.importing.fill import import_run
    from skillfactory_core.importing.source import open_source

    columns = read_columns(schema, pairs)
    flags = {name: value for name, value in (("model", model), ("seed", seed)) if value is not None}
    config = resolve(task, preset, config_file, flags, options, settings)
    choose(config)
    show(import_run(folder_of(run), config, open_source(source, columns, subset, split)))


def show(run: Run) -> None:
    """What was imported, what was not, and what to do next."""
    problems, attempts, grades, reflections = (
        run.finished(stage) or {} for stage in ("problems", "sample", "grade", "reflect")
    )
    imported = problems["imported"]
    train = next(count for name, count in problems.items() if name.startswith("train-"))
    click.echo(
        f"imported {attempts['attempts']:,} attempts at {train:,} problems; {grades['right']:,} are right"
        + (f"; {reflections['kept']:,} of {reflections['reflections']:,} reflections are kept" if reflections else "")
    )
    reasons = ", ".join(
        f"{why['rows']:,} {name} (first: row {why['first_row']:,}, {why['note']})"
        for name, why in imported["left_out"].items()
    )
    click.echo(f"left out: {reasons or 'no row'}")
    unusable = ", ".join(f"{n:,} {k.removeprefix('dropped_')}" for k, n in grades.items() if k.startswith("dropped_"))
    if unusable:
        click.echo(f"attempts that can be in no trace: {unusable}")
    for note in notes(problems):
        click.echo(note)
    click.echo(f"run folder: {run.folder}; next: sf {'rearrange' if reflections else 'reflect'} {run.folder}")


def notes(problems: dict[str, object]) -> list[str]:
    """What else is to be known about an import; empty where all is well."""
    found = []
    if problems["mended_texts"]:
        found.append(f"mended: {problems['mended_texts']:,} texts that were no proper Unicode")
    if problems["other_extracted"]:
        found.append(
            f"unchecked: {problems['other_extracted']:,} attempts whose answer is not the one that the source extracted "
            "and graded; --map extracted= trusts its grades"
        )
    if problems["not_compared"]:
        found.append(
            f"not compared: {problems['not_compared']:,} problems that the task cannot read, so that they may also be "
            "among those for RL and evaluation"
        )
    imported = problems["imported"]
    assert isinstance(imported, dict)
    return found + [f"no problems for {split}: {why}" for split, why in imported["not_made"].items()]
