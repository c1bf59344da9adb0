"""The results as a table for the terminal: methods down, difficulties across, the best of each column in bold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

LENGTHS = {
    "tokens": ("tokens", "{:.0f}"),
    "answers": ("answers", "{:.2f}"),
    "reflections": ("reflec-\ntions", "{:.2f}"),
}


def table(summary: Mapping[str, Any]) -> "Table":
    """The accuracies with half their 95 % intervals, then mean length, attempts and reflections per response."""
    from rich.table import Table

    columns = accuracy_columns(summary)
    shown = Table(
        title=f"{summary['task']}: accuracy in %, ± half of the 95 % interval",
        caption=f"trained on {summary['trained_on']}; tokens, answers and reflections are per response",
        box=None,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("method", no_wrap=True)
    for name in columns:
        shown.add_column(name, justify="right", no_wrap=True)
    for title, _ in LENGTHS.values():
        shown.add_column(title, justify="right", no_wrap=True)
    for method, by_variant in summary["methods"].items():
        cells = [accuracy_cell(column, method) for column in columns.values()]
        shown.add_row(method, *cells, *length_cells(by_variant, summary["means"].get(method)))
    return shown


def accuracy_columns(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Heading -> method -> figures."""
    methods = summary["methods"]
    columns = {}
    for variant in summary["variants"]:
        columns[variant] = {
            method: by_variant[variant] for method, by_variant in methods.items() if variant in by_variant
        }
    if summary["means"] and len(summary["variants"]) > 2:
        columns["others"] = dict(summary["means"])
    return columns


def accuracy_cell(column: Mapping[str, Any], method: str) -> str:
    if method not in column:
        return "–"
    figures = column[method]
    text = f"{100 * figures['accuracy']:.1f}±{50 * (figures['high'] - figures['low']):.0f}"
    best = max(other["accuracy"] for other in column.values())
    return f"[bold]{text}[/bold]" if figures["accuracy"] == best else text


def length_cells(by_variant: Mapping[str, Any], mean: Mapping[str, Any] | None) -> list[str]:
    """Of the mean over the other difficulties, or of the only one there is."""
    figures = mean or next(iter(by_variant.values()))
    return [form.format(figures[name]) if figures[name] is not None else "–" for name, (_, form) in LENGTHS.items()]
