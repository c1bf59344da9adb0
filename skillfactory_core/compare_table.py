"""A comparison as tables for the terminal: who is right how often and at what cost, who is ahead of whom, what was forgotten."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from skillfactory_core.results_table import WIDEST, accuracy_cell, plain_table

if TYPE_CHECKING:
    from rich.table import Table


def tables(found: Mapping[str, Any]) -> Iterator["Table"]:
    """All that there is to show of what `compare` returns."""
    yield standings(found)
    against = found["against"]
    rows = {
        where: {each["method"]: each for each in every if each["against"] == against}
        for where, every in found["differences"].items()
    }
    yield gaps(f"difference to {against}, in points, on the same problems", rows)
    if found["forgetting"]:
        methods = found["forgetting"].values()
        places = [where for where in (*found["exams"], "mean") if any(where in each for each in methods)]
        yield gaps(
            "kept or forgotten: difference to the base of the same run, in points, on tasks that it was not trained on",
            {where: {m: each[where] for m, each in found["forgetting"].items() if where in each} for where in places},
        )


def standings(found: Mapping[str, Any]) -> "Table":
    """Accuracies with half their 95 % intervals, and the tokens that were generated and trained on."""
    methods = found["methods"]
    columns = {
        exam: {label: each["exams"][exam] for label, each in methods.items() if exam in each["exams"]}
        for exam in found["exams"]
    }
    if len(found["mean_of"]) > 1:
        columns["mean"] = {label: each["mean"] for label, each in methods.items()}
    cells = {exam: [accuracy_cell(column, label) for label in methods] for exam, column in columns.items()}
    for part in ("generated", "trained"):
        cells[f"tokens\n{part}"] = [short(each["tokens"][part]) for each in methods.values()]
    title = "accuracy in %, ± half of the 95 % interval; tokens that went into each method"
    caption = f"mean: over {', '.join(found['mean_of'])}" if len(found["mean_of"]) > 1 else ""
    if len(columns) <= WIDEST:
        shown = plain_table(title, caption, ["method", *cells])
        for number, label in enumerate(methods):
            shown.add_row(label, *(column[number] for column in cells.values()))
        return shown
    shown = plain_table(title, caption, ["", *(label.replace("/", "/\n") for label in methods)])
    for name, row in cells.items():
        shown.add_row(name.replace("\n", " "), *row)
    return shown


def gaps(title: str, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> "Table":
    """exam -> method -> the difference, with its interval and the problems won, drawn and lost; bold where it is not chance."""
    shown = plain_table(title, "", ["method", "exam", "difference", "95 % interval", "wins", "ties", "losses"])
    for label in dict.fromkeys(label for by_method in rows.values() for label in by_method):
        for where, by_method in rows.items():
            if label in by_method:
                each = by_method[label]
                points = f"{100 * each['difference']:+.1f}"
                sure = each["low"] > 0 or each["high"] < 0
                shown.add_row(
                    label,
                    where,
                    f"[bold]{points}[/bold]" if sure else points,
                    f"{100 * each['low']:+.1f} to {100 * each['high']:+.1f}",
                    *(f"{each[name]:,}" for name in ("wins", "ties", "losses")),
                )
    return shown


def short(tokens: int | None) -> str:
    """A number of tokens in three digits."""
    if tokens is None:
        return "?"
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if tokens >= size:
            return f"{tokens / size:.3g}{unit}"
    return str(tokens)
