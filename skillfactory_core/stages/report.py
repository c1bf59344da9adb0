"""Report: one page that shows what runs did and what came of it; offline, and sensible however far they got."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skillfactory_core.report import page, words
from skillfactory_core.run import Run, write_text

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def report(run: Run) -> Path:
    """Write the page of a run into its folder; returns its path."""
    return report_of([run], run.report)


def report_of(runs: Sequence[Run], path: Path) -> Path:
    """Write one page of several runs, side by side, from what their folders hold."""
    made = environment().get_template("page.html.j2").render(**page.contents(runs)).lstrip()
    made = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", made)
    write_text(path, made.encode("utf-8", "replace").decode("utf-8"))
    return path


def environment() -> Any:
    """Jinja with everything escaped that is not ours."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("skillfactory_core", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": words.percent,
        "decimal": words.decimal,
        "plainly": words.plainly,
        "duration": words.duration,
        "title": words.title,
        "meaning": words.meaning,
        "signed": words.signed,
    }
    return made
