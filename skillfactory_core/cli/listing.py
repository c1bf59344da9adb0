"""sf tasks, skills, strategies, methods, suites, models, prompt-sets, tag-formats, engines, trainers, exporters, plugins: what there is."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import rich_click as click

from skillfactory_core import registry
from skillfactory_core.plugins import in_one_line
from skillfactory_core.plugins import plugins as loaded
from skillfactory_core.registry import Kind

KINDS = (
    registry.TASK,
    registry.SKILL,
    registry.STRATEGY,
    registry.METHOD,
    registry.SUITE,
    registry.MODEL,
    registry.PROMPTS,
    registry.TAGS,
    registry.ENGINE,
    registry.TRAINER,
    registry.EXPORTER,
)


def commands() -> list[click.Command]:
    return [*(listing(kind) for kind in KINDS), plugins]


def listing(kind: Kind) -> click.Command:
    """The command that lists one kind of record."""

    @click.argument("name", required=False)
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    def command(name: str | None, as_json: bool) -> None:
        if name is not None:
            record, plugin = registry.find(kind, name), registry.registered(kind)[name][1]
            facts = row(record, plugin.distribution)
            show_one(facts | details(record, facts), as_json)
            return
        rows = []
        for record, plugin in registry.registered(kind).values():
            try:
                rows.append(row(record, plugin.distribution))
            except Exception as error:  # noqa: BLE001 - of one plugin; the others are listed
                told = f"{kind.singular} '{record.name}' cannot be told of: {in_one_line(error)}; {plugin.way_out}"
                click.echo(f"sf: {plugin.told(told)}", err=True)
        for line in registry.clashes(kind).values():
            click.echo(f"sf: {line}", err=True)
        if as_json:
            show(rows, as_json)
        else:
            # Options are many and long: they are told of one record at a time.
            show([{key: value for key, value in row.items() if key != "options"} for row in rows], as_json)
            if any(row.get("options") for row in rows):
                click.echo(f"options of one of them: sf {kind.command} NAME")

    what = kind.command.replace("-", " ")
    return click.command(kind.command, help=f"List the {what} that are installed, or tell of the one called NAME.")(
        command
    )


def row(record: Any, distribution: str) -> dict[str, Any]:
    """What a listing says of one record."""
    facts: dict[str, Any] = {"name": record.name, "summary": record.summary}
    if hasattr(record, "variants"):
        facts["variants"] = list(record.variants())
        facts["options"] = {f.name: getattr(record, f.name) for f in attrs.fields(type(record))}
    if hasattr(record, "entries"):
        facts["exams"] = [entry.name for entry in record.entries]
    if isinstance(record, type) and attrs.has(record):
        facts["options"] = {f.name: f.default for f in attrs.fields(record)}
    return {**facts, "from": distribution}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def plugins(as_json: bool) -> None:
    """List the plugins that were found, with what is wrong with those not in use."""
    # Asking every collect hook finds the plugins whose hooks raise or give something else.
    for kind in KINDS:
        for line in registry.clashes(kind).values():
            click.echo(f"sf: {line}", err=True)
    show(
        [
            {
                "name": p.name,
                "state": p.error or "ok",
                "notes": list(p.notes),
                "hooks": list(p.hooks),
                "module": p.module,
                "from": p.distribution,
            }
            for p in loaded().found
        ],
        as_json,
    )


def show(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Rows as JSON or as a table."""
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0] if rows else ():
        table.add_column(column, overflow="fold")
    for facts in rows:
        table.add_row(*(plain(value) for value in facts.values()))
    Console().print(table)


def details(record: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """The fields of one record that a line can tell; of a mapping, such as that of a skill's phrase banks, its names."""
    if isinstance(record, type) or "options" in facts:
        return {}
    values = {field.name: getattr(record, field.name) for field in attrs.fields(type(record))}
    told = {name: list(value) if isinstance(value, Mapping) else value for name, value in values.items()}
    plain_kinds = (str, bool, int, float, list)
    return {
        name: value
        for name, value in told.items()
        if name not in facts and value not in ("", []) and isinstance(value, plain_kinds)
    }


def show_one(facts: dict[str, Any], as_json: bool) -> None:
    """One record as JSON, or a fact to a line."""
    if as_json:
        click.echo(json.dumps(facts, indent=2, default=str))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}:" if value else f"{name}: none")
            for option, default in value.items():
                click.echo(f"  {option} = {default}")
        else:
            click.echo(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")


def plain(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, dict):
        value = [f"{k}={v}" for k, v in value.items()]
    return escape(", ".join(map(str, value)) if isinstance(value, list) else str(value))
