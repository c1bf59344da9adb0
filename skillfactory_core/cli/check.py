"""sf check: whether a task keeps what it promises."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import rich_click as click

from skillfactory_core.config import Config, merge, parse_flag

if TYPE_CHECKING:
    from rich.table import Table

    from skillfactory_core.check.run import Finding
    from skillfactory_core.prompts import PromptSet

STYLES = {"ok": "green", "failed": "bold red", "not checked": "dim"}


@click.command()
@click.argument("task")
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the task: -o numbers=5.")
@click.option(
    "--problems", type=click.IntRange(min=1), default=200, show_default=True, help="How many problems of each variant."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the problems and of what is changed.")
@click.option(
    "--prompts", "names", multiple=True, metavar="NAME", help="A prompt set (sf prompt-sets) or file. Default: all."
)
@click.option(
    "--most-trivial",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of the problems that an answer without skill may solve; more is a failure.",
)
@click.option("--open-ended", is_flag=True, help="Any text may stand beside a right answer in this task.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def check(
    task: str,
    options: tuple[str, ...],
    problems: int,
    seed: int,
    names: tuple[str, ...],
    most_trivial: float,
    open_ended: bool,
    as_json: bool,
) -> None:
    """Check that TASK keeps what a task promises, in every variant. The exit code is 1 if it does not.

    TASK is installed, or in a file: sf -p my_task.py check my_task.

    Makes problems twice, grades references, changed and poisonous answers, searches for solutions, fills the prompts,
    and tells how often answers are right that take no skill. Writes nothing.
    """
    from skillfactory_core import registry
    from skillfactory_core.check.run import check_task
    from skillfactory_core.check.subject import Settings
    from skillfactory_core.stages.problems import task_of

    asked: dict[str, object] = {}
    for option in options:
        asked = merge(asked, parse_flag(option))
    chosen = task_of(Config(task, task_options=asked))
    tags = [record for record, _ in registry.registered(registry.TAGS).values()]
    settings = Settings(problems, seed, most_trivial, open_ended)
    findings = list(check_task(chosen, settings, tags, prompt_sets(names)))
    failed = [finding for finding in findings if finding.state == "failed"]
    if as_json:
        told = {"task": task, "passed": not failed, "checks": [attrs.asdict(finding) for finding in findings]}
        click.echo(json.dumps(told, indent=2))
    else:
        show(findings)
    if failed:
        names_of = ", ".join(f"{finding.check} ({finding.variant})" for finding in failed)
        click.echo(f"sf: task '{task}': {len(failed)} of {len(findings)} checks failed: {names_of}", err=True)
        sys.exit(1)
    if not as_json:
        passed = sum(finding.state == "ok" for finding in findings)
        click.echo(f"task '{task}': {passed} checks passed, {len(findings) - passed} do not apply")


def prompt_sets(names: Sequence[str]) -> "list[PromptSet]":
    """Those of these names or files, or all that are installed."""
    from skillfactory_core import registry
    from skillfactory_core.prompts import read_prompt_set

    if not names:
        return [record for record, _ in registry.registered(registry.PROMPTS).values()]
    return [
        read_prompt_set(Path(name)) if name.endswith(".toml") else registry.find(registry.PROMPTS, name)
        for name in names
    ]


def show(findings: "Sequence[Finding]") -> None:
    """The findings, and how often each trivial answer is right, as tables."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    checks = table("variant", "check", "state", "count", "what was seen")
    for finding in findings:
        state = "FAILED" if finding.state == "failed" else finding.state
        row = (finding.variant, finding.check, state, str(finding.count or ""), finding.what)
        checks.add_row(*(Text(text, style=STYLES[finding.state] if text == state else "") for text in row))
    console.print(checks)
    rates = {finding.variant: finding.rates for finding in findings if finding.rates}
    if rates:
        trivial = table("trivial answer", *rates)
        for name in dict.fromkeys(name for of_variant in rates.values() for name in of_variant):
            shares = (of_variant.get(name) for of_variant in rates.values())
            trivial.add_row(Text(name), *(f"{share[0] / share[1]:.1%}" if share else "" for share in shares))
        console.print("\nproblems solved without skill", style="bold")
        console.print(trivial)


def table(*columns: str) -> "Table":
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
