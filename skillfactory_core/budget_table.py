"""The figures of budgets as tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def forcing_table(entries: Sequence[Mapping[str, Any]]) -> "Table":
    """Standard against forced, a row for each method and exam."""
    budget, force = (entries[0]["budget"], entries[0]["force"]) if entries else (0, 0)
    table = empty(
        f"accuracy in %: at most {budget} tokens, then made to go on to at most {force}",
        "difference with its 95 % interval, paired by problem; responses that became right, and wrong; mean tokens",
        ("standard", "forced", "difference", "gained,\nlost", "tokens"),
    )
    for one in entries:
        standard, forced = one["standard"], one["forced"]
        table.add_row(
            one["method"],
            one["variant"],
            f"{100 * standard['accuracy']:.1f}",
            f"{100 * forced['accuracy']:.1f}",
            f"{100 * one['difference']:+.1f} [{100 * one['low']:+.1f}, {100 * one['high']:+.1f}]",
            f"{one['gained']:,}, {one['lost']:,}",
            f"{standard['tokens']:.0f}, {forced['tokens']:.0f}",
        )
    return table


def budgets_table(figures: Mapping[str, Any]) -> "Table":
    """Accuracy over budgets, a row for each method and exam."""
    table = empty(
        "accuracy in % at so many tokens",
        f"responses of at most {figures['limit']:,} tokens, cut at fewer; more about them in 8-evaluation/budgets.json",
        [f"{budget:,}" for budget in figures["budgets"]],
    )
    for method, by_exam in figures["methods"].items():
        for exam, entries in by_exam.items():
            table.add_row(method, exam, *(f"{100 * one['accuracy']:.1f}" for one in entries))
    return table


def empty(title: str, caption: str, columns: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(title=title, caption=caption, caption_justify="left", box=None, padding=(0, 1, 0, 0))
    for column in ("method", "exam"):
        table.add_column(column, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
