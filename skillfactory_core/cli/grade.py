"""sf grade: a run's attempts, or the rows of a file; sf regrade: a run whose grader changed."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import attrs
import rich_click as click

from skillfactory_core.cli.stage import do, folder_of
from skillfactory_core.config import Config, merge, parse_flag
from skillfactory_core.errors import SkillFactoryError

SHOWN = 20
"changes that sf regrade prints one by one"


@click.command()
@click.argument("source")
@click.option("--task", default=None, help="Grade the rows of a file by this task (sf tasks).")
@click.option(
    "--raw/--final", "raw", default=True, help="Grade attempts (default), or final answers after the thinking."
)
@click.option(
    "-o", "--out", default=None, type=click.Path(path_type=Path), help="Where to: .jsonl, or .parquet from .parquet."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the task: --option deadline=10."
)
@click.option(
    "--tags", default=attrs.fields(Config).tags.default, show_default=True, help="The tag format (sf tag-formats)."
)
def grade(source: str, task: str | None, raw: bool, out: Path | None, options: tuple[str, ...], tags: str) -> None:
    """Grade the attempts of a run, or the rows of a file.

    SOURCE is a run folder (or its name in runs/), or with --task a .jsonl or .parquet file whose rows hold a problem and
    a response. Each row comes out with correct, answer and reason, on standard output or in OUT. Rows that cannot be
    graded are told by their number and left out; then the exit code is 1.
    """
    if task is None:
        if Path(source).is_file():
            raise SkillFactoryError(f"{source} is a file: say which task grades its rows (--task NAME)")
        do(source, "grade", None)
        return
    from skillfactory_core import registry
    from skillfactory_core.stages.grade_file import FORMATS, FileGrader, grade_file
    from skillfactory_core.stages.problems import task_of

    path = Path(source)
    if not path.is_file() or path.suffix not in FORMATS:
        raise SkillFactoryError(f"{source} is no file that ends in {' or '.join(FORMATS)}: give one")
    parquet = out is not None and out.suffix == ".parquet"
    if out is not None and (out.suffix not in FORMATS or (parquet and path.suffix != ".parquet")):
        raise SkillFactoryError(f"{out}: write .jsonl, or .parquet where the source is .parquet too")
    asked: dict[str, object] = {}
    for option in options:
        asked = merge(asked, parse_flag(option))
    grader = FileGrader(task_of(Config(task, task_options=asked)), registry.find_tags(tags), final=not raw)
    with opened(out) as file:
        counts = grade_file(path, file, grader, parquet, lambda line: click.echo(f"sf: {line}", err=True))
    bad = counts.pop("bad", 0)
    told = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    click.echo(f"graded {counts.total()} rows: {told or 'none'}; bad rows: {bad}", err=True)
    if bad:
        sys.exit(1)


@contextmanager
def opened(out: Path | None) -> Iterator[BinaryIO]:
    """The file to write, which gets its name when it is whole; standard output without a name."""
    if out is None:
        yield sys.stdout.buffer
        return
    temporary = out.with_name(out.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


@click.command()
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@click.option("--json", "as_json", is_flag=True, help="Every change as JSON.")
def regrade(run: str, dry_run: bool, as_json: bool) -> None:
    """Grade a run again after a grader changed, and print what changed.

    Corrects the grades of attempts, which reflections count as true, and the grades of responses. Nothing is generated
    or trained: if grades of attempts changed, the traces are from before (sf rearrange RUN makes them anew).
    """
    from skillfactory_core.choices import choose
    from skillfactory_core.deadline import deadline
    from skillfactory_core.run import locked, open_run
    from skillfactory_core.stages.regrade import regrade as all_changes

    opened_run = open_run(folder_of(run))
    choices = choose(opened_run.config)
    counts: Counter[str] = Counter()
    changes: list[dict[str, object]] = []
    with locked(opened_run.folder), deadline(opened_run.config.most_seconds):
        for change in all_changes(opened_run, choices.tags, choices.prompts, write=not dry_run):
            counts[f"{change.before} -> {change.after}"] += 1
            if as_json:
                changes.append(attrs.asdict(change))
            elif counts.total() <= SHOWN:
                click.echo(f"{change.key}: {change.before} -> {change.after} ({change.answer!r:.80})")
        if counts.total() > SHOWN and not as_json:
            click.echo(f"… and {counts.total() - SHOWN} more")
        if counts and not dry_run:
            opened_run.event(event="regraded", changes=dict(counts))
    if as_json:
        click.echo(json.dumps({"changed": not dry_run, "counts": counts, "changes": changes}, indent=2))
        return
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    click.echo(f"{'would change' if dry_run else 'changed'}: {told or 'nothing'}")
