"""Budgets: what the responses are worth at fewer tokens, and what comes of being made to go on. Empty where that was not asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from skillfactory_core.report import charts, words
from skillfactory_core.report.several import arm
from skillfactory_core.report.texts import exam
from skillfactory_core.run import Run


def forced(run: Run, label: str) -> list[dict[str, Any]]:
    """Standard against forced, an entry for each exam and method that has both."""
    if not any((run.folder / "8-evaluation").glob("budget-*")):
        return []
    from skillfactory_core.budget import forcing

    return [{**entry, "method": arm(label, entry["method"])} for entry in forcing(run)]


def over_budgets(run: Run, label: str) -> dict[str, dict[str, Any]]:
    """method -> exam -> entries by budget, as `sf evaluate --budgets` stored them."""
    path = run.folder / "8-evaluation" / "budgets.json"
    try:
        methods = json.loads(path.read_text(encoding="utf-8"))["methods"]
    except (OSError, ValueError, KeyError):
        return {}
    return {arm(label, method): by_exam for method, by_exam in methods.items()}


def drawn(tasks: Mapping[str, str], methods: Mapping[str, Mapping[str, Any]], mark: Callable[[str], str]) -> list[Any]:
    """A chart of accuracy over budgets for each exam."""
    found = []
    for place, variant in enumerate(dict.fromkeys(name for by_exam in methods.values() for name in by_exam)):
        lines = [
            charts.Line(
                words.title(method), mark(method), [(one["budget"], one["accuracy"]) for one in by_exam[variant]]
            )
            for method, by_exam in methods.items()
            if by_exam.get(variant)
        ]
        name = exam(tasks[variant], variant) if variant in tasks else variant
        found.append(charts.log_chart(f"budget-{place}", name, "right within so many tokens", lines, "tokens"))
    return found
