"""The figures of budgets as tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def forcing_table(entries: Sequence[Mapping[str, Any]]) -> "Table":
    """Standard against forced, a row for each method and exam."""
    budget, force = (entries[0]["budget"], entries[0]["force"]) if entries else (0, 0)
    columns = ("method", "exam", "standard", "forced", "difference", "gained", "lost", "tokens")
    table = empty(
        f"accuracy in %: at most {budget} tokens, then made to go on to at most {force}",
        "± and [ ]: 95 % intervals, those of differences paired by problem; tokens: mean before and after",
        columns,
    )
    for one in entries:
        standard, forced = one["standard"], one["forced"]
        table.add_row(
            one["method"],
            one["variant"],
            *(f"{100 * side['accuracy']:.1f} ± {50 * (side['high'] - side['low']):.1f}" for side in (standard, forced)),
            f"{100 * one['difference']:+.1f} [{100 * one['low']:+.1f}, {100 * one['high']:+.1f}]",
            f"{one['gained']:,}",
            f"{one['lost']:,}",
            f"{standard['tokens']:.0f}, {forced['tokens']:.0f}",
        )
    return table


def budgets_table(figures: Mapping[str, Any]) -> "Table":
    """Accuracy over budgets, a row for each method and exam."""
    table = empty(
        "accuracy in % at so many tokens, and the share that was cut off there",
        f"from responses of at most {figures['limit']} tokens, cut at fewer",
        ("method", "exam", *(f"{budget:,}" for budget in figures["budgets"])),
    )
    for method, by_exam in figures["methods"].items():
        for exam, entries in by_exam.items():
            cells = (f"{100 * one['accuracy']:.1f} ({100 * one['truncated']:.0f})" for one in entries)
            table.add_row(method, exam, *cells)
    return table


def empty(title: str, caption: str, columns: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(title=title, caption=caption, caption_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("method", "exam") else "right", no_wrap=True)
    return table
