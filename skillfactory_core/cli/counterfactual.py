"""sf counterfactual: what verdicts do, by keeping, swapping and dropping them."""

import json
from typing import Any

import rich_click as click

from skillfactory_core.cli.stage import METHOD, folder_of, select
from skillfactory_core.errors import SkillFactoryError


@click.command()
@click.argument("run")
@METHOD
@click.option("--variant", "exams", multiple=True, metavar="NAME", help="Only this exam; may be given again.")
@click.option(
    "--responses", default=100, show_default=True, type=click.IntRange(min=1), help="Most responses cut, per exam."
)
@click.option("--branches", default=4, show_default=True, type=click.IntRange(min=1), help="Endings of each change.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def counterfactual(
    run: str, method: str | None, exams: tuple[str, ...], responses: int, branches: int, as_json: bool
) -> None:
    """Cut stored responses of RUN after a reflection, keep, swap or drop its verdict, and see what the model makes of it.

    Run the same command again to go on after an interruption.
    """
    from skillfactory_core.counterfactual import effects
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.run import check_versions, locked, open_run, write_text
    from skillfactory_core.stages.branch import branch

    opened = open_run(folder_of(run))
    check_versions(opened)
    with locked(opened.folder):
        pipeline = Pipeline(opened)
        names = [name for name in select(pipeline, "evaluate", method) if opened.finished(name)]
        if not names:
            raise SkillFactoryError(f"{opened.folder} has no responses to cut: sf evaluate {opened.folder}")
        try:
            for name in names:
                branch(pipeline.examiner(name.removeprefix("evaluate-")), responses, branches, exams)
        finally:
            pipeline.close()
    found = effects(opened)
    write_text(opened.folder / "8-evaluation" / "counterfactual.json", json.dumps(found, indent=2) + "\n")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo("no response has a reflection with a verdict: there is nothing to change")
    else:
        show(found)


def show(found: list[dict[str, Any]]) -> None:
    from rich.console import Console

    from skillfactory_core.results_table import plain_table

    title = "share of endings that are right, in %, with the verdict kept, swapped or dropped; differences in points, with 95 % intervals"
    head = ["method", "exam", "of", "n", "kept", "swapped", "dropped", "kept -\nswapped", "kept -\ndropped"]
    table = plain_table(title, "of: verdicts on all attempts, on right ones, on wrong ones; n: responses", head)
    for each in found:
        shares = [f"{100 * each[change]['success']:.1f}" for change in ("kept", "swapped", "dropped")]
        gaps = [points(each[name]) for name in ("swapping", "dropping")]
        table.add_row(each["method"], each["variant"], each["attempts"], f"{each['responses']:,}", *shares, *gaps)
    Console().print(table)


def points(gap: dict[str, float] | None) -> str:
    if gap is None:
        return "–"
    return f"{100 * gap['difference']:+.1f}\n({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})"
