"""Several: the figures of many runs as if they were one, their methods called RUN/METHOD. One run stays as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import Run

COLOURS = 8
"methods of several runs have colours of their own, in turn"


def arm(label: str, method: str) -> str:
    return f"{label}/{method}" if label else method


def merged(
    summaries: Mapping[str, Mapping[str, Any]], across: Mapping[str, list[dict[str, Any]]] | None = None
) -> dict[str, Any]:
    """The summary of all runs, by their labels. A mean is kept where it is over the same exams as that of the first run.

    `across`: differences that also reach from run to run; the exams that they lack keep those within each run.
    """
    first = next(iter(summaries.values()))
    if len(summaries) == 1:
        return dict(first)
    across = across or {}
    variants = list(dict.fromkeys(name for one in summaries.values() for name in one["variants"]))
    means = {
        arm(label, method): figures for label, one in summaries.items() for method, figures in one["means"].items()
    }
    exams: list[str] = next((figures["variants"] for figures in means.values()), [])
    differences: dict[str, list[dict[str, Any]]] = {}
    for label, one in summaries.items():
        for name, found in one["differences"].items():
            differences.setdefault(name, []).extend(
                {**gap, "method": arm(label, gap["method"]), "against": arm(label, gap["against"])} for gap in found
            )
    measures = {name: meaning for one in summaries.values() for name, meaning in one.get("measures", {}).items()}
    return {
        "run": ", ".join(summaries),
        "task": first["task"],
        **({"measures": measures} if measures else {}),
        "trained_on": first["trained_on"] if len({one["trained_on"] for one in summaries.values()}) == 1 else "",
        "variants": variants,
        "methods": {
            arm(label, method): by for label, one in summaries.items() for method, by in one["methods"].items()
        },
        "means": {name: figures for name, figures in means.items() if figures["variants"] == exams},
        "differences": {name: across.get(name) or differences.get(name, []) for name in [*variants, "mean"]},
    }


def compared(runs: Sequence[Run], summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The differences between all methods of all runs, by exam; none where the runs share no problems."""
    if len(runs) == 1:
        return {}
    from skillfactory_core.compare import compare

    try:
        found = compare(runs)
    except SkillFactoryError:
        # The page shows each run all the same.
        return {}
    means = [figures["variants"] for one in summaries.values() for figures in one["means"].values()]
    same = all(sorted(exams) == sorted(found["mean_of"]) for exams in means)
    differences: dict[str, list[dict[str, Any]]] = found["differences"]
    return {name: gaps for name, gaps in differences.items() if name != "mean" or same}


def marks(arms: Sequence[str], alone: bool, mark: Any) -> dict[str, str]:
    """The CSS class of each method: what it is, in a run alone; its place among all, in several."""
    return {name: mark(name) if alone else f"arm-{number % COLOURS}" for number, name in enumerate(arms)}
