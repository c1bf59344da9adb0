"""The results as tables for the terminal: how often each method is right, the best in bold, how it uses the skill, and what
the skills measure themselves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

LENGTHS = {
    "tokens": ("tokens", "{:.0f}"),
    "answers": ("answers", "{:.2f}"),
    "reflections": ("reflec-\ntions", "{:.2f}"),
}
SHARES = {
    "looping": "loops",
    "malformed": "mal-\nformed",
    "fixed": "fixed",
    "broken": "broken",
    "retry_after_incorrect": "tries\nagain",
    "stop_after_correct": "stops",
}
MEANT = """in % of the responses: pass@k, a right one among k; cut off by the length limit; loops, one thing over and over. Of
those in question: malformed, of those with tags; fixed, right in the end after a wrong first attempt; broken, wrong in the end
although an attempt was right; tries again after the verdict that it is wrong; stops after the verdict that it is right."""
WIDEST = 7
"difficulties side by side; more of them go below one another"


def table(summary: Mapping[str, Any]) -> "Table":
    """The accuracies with half their 95 % intervals, then mean length, attempts and reflections per response."""
    columns = accuracy_columns(summary)
    cells = {name: [accuracy_cell(column, m) for m in summary["methods"]] for name, column in columns.items()}
    lengths = [length_cells(by, summary["means"].get(m)) for m, by in summary["methods"].items()]
    cells |= {title: [each[number] for each in lengths] for number, (title, _) in enumerate(LENGTHS.values())}
    title = f"{summary['task']}: accuracy in %, ± half of the 95 % interval"
    trained = f"trained on {summary['trained_on']}; " if summary["trained_on"] else ""
    caption = f"{trained}tokens, answers and reflections are per response"
    methods = list(summary["methods"])
    if len(columns) <= WIDEST:
        shown = plain_table(title, caption, ["method", *cells])
        for number, method in enumerate(methods):
            shown.add_row(method, *(column[number] for column in cells.values()))
        return shown
    shown = plain_table(title, caption, ["", *methods])
    for name, row in cells.items():
        shown.add_row(name.replace("-\n", ""), *row)
    return shown


def skill_table(summary: Mapping[str, Any]) -> "Table":
    """How the skill is used: of the mean over the other difficulties, or of the only one there is."""
    figures = {m: summary["means"].get(m) or next(iter(by.values())) for m, by in summary["methods"].items()}
    most = max((max(each["pass"], default=1) for each in figures.values()), default=1)
    shown = plain_table(
        "use of the skill", " ".join(MEANT.split()), ["method", f"pass@{most}", "cut\noff", *SHARES.values()]
    )
    for method, each in figures.items():
        first = [each["pass"].get(most, {}).get("mean"), each["truncated"]]
        shares = [each[name]["share"] for name in SHARES]
        shown.add_row(method, *("–" if share is None else f"{100 * share:.1f}" for share in (*first, *shares)))
    return shown


def measure_table(summary: Mapping[str, Any]) -> "Table":
    """What the skills of the run measure themselves: of the mean over the other difficulties, or of the only one there is."""
    meanings = summary["measures"]
    said = "; ".join(f"{plainly(name)}, {meaning}" if meaning else plainly(name) for name, meaning in meanings.items())
    headings = ["method", *(plainly(name).replace(" ", "\n") for name in meanings)]
    caption = f"means over the responses that are a case, ± half of the 95 % interval: {said}"
    shown = plain_table("what the skills measure", caption, headings)
    for method, by in summary["methods"].items():
        figures = (summary["means"].get(method) or next(iter(by.values()))).get("measures", {})
        shown.add_row(method, *(measure_cell(figures.get(name, {})) for name in meanings))
    return shown


def validation_table(summary: Mapping[str, Any]) -> "Table":
    """How often each checkpoint was right on the validation split, the one that is kept in bold."""
    every = summary["validation"]
    first = next(iter(every.values()))
    caption = "the checkpoint in bold is best, the first of equals: the method whose name ends in -best"
    title = f"checkpoints on the validation split of {first['variant']}: accuracy in %, ± half of the 95 % interval"
    shown = plain_table(title, caption, ["method", "step: accuracy"])
    shown.columns[1].justify, shown.columns[1].no_wrap = "left", False
    for arm, found in every.items():
        cells = []
        for step, each in found["steps"].items():
            text = f"{step}: {100 * each['accuracy']:.1f}±{50 * (each['high'] - each['low']):.0f}"
            cells.append(f"[bold]{text}[/bold]" if int(step) == found["best"] else text)
        shown.add_row(arm, "   ".join(cells))
    return shown


def plainly(name: str) -> str:
    return name.replace("_", " ")


def measure_cell(figure: Mapping[str, Any]) -> str:
    if figure.get("mean") is None:
        return "–"
    known = "low" in figure
    return f"{figure['mean']:.2f}" + (f"±{(figure['high'] - figure['low']) / 2:.2f}" if known else "")


def plain_table(title: str, caption: str, headings: Sequence[str]) -> "Table":
    """An empty table without lines: texts in the first column, figures in the others."""
    from rich.table import Table

    shown = Table(title=title, caption=caption, caption_justify="left", box=None, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if number else "left", no_wrap=True)
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
