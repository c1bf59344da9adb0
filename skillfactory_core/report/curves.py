"""Curves: what the training logs say, step by step."""

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from skillfactory_core.report.charts import Points

MOST = 240
"points of a drawn curve; longer logs are averaged in stretches"


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log.jsonl that hold a step; torn ones are left out. Empty where there is no log."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and number(line.get("step")):
            lines.append({name: value for name, value in line.items() if number(value)})
    return sorted(lines, key=lambda line: line["step"])


def number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def curve(log: Sequence[dict[str, float]], figure: str) -> Points:
    """(step, figure) of the lines that have it, averaged in stretches where there are many."""
    points = [(line["step"], line[figure]) for line in log if figure in line]
    size = -(-len(points) // MOST) or 1
    stretches = [points[at : at + size] for at in range(0, len(points), size)]
    return [(stretch[-1][0], sum(y for _, y in stretch) / len(stretch)) for stretch in stretches]
