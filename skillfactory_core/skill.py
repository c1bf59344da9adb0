"""Skill: a behaviour that a trace shows, and the phrases it brings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from skillfactory_core.errors import SkillFactoryError

if TYPE_CHECKING:
    from skillfactory_core.tags import TagFormat

Measure = Callable[[str, "TagFormat"], float | None]
"""What a skill counts in one response: from its text and the run's tag format to a figure, or to None where the response is no
case of it. What holds or does not is 1 or 0. The first line of its docstring is what tables and the report say it means."""


@attrs.frozen
class Phrase:
    """One line of a phrase bank."""

    text: str
    source: str
    "bank:line"


@attrs.frozen
class Skill:
    """What a skill adds to a trace. A run combines several; their phrase banks are joined by name."""

    name: str
    summary: str
    reflects: bool = False
    "each attempt is followed by a reflection"
    retries: bool = False
    "a trace may hold more than one attempt"
    phrases: Mapping[str, tuple[Phrase, ...]] = attrs.field(factory=dict)
    "bank name -> phrases. Banks in use: correct, incorrect, generic (glue between attempts) and closing"
    measures: Mapping[str, Measure] = attrs.field(factory=dict)
    """name -> what to count in each response, for `sf results`, the report and the log of reinforcement: a function of its text and
    the run's tag format that gives a figure, or None where the response is no case of it; its docstring says what it means"""


def read_phrases(folder: Path) -> dict[str, tuple[Phrase, ...]]:
    """Read a folder of phrase banks: BANK.txt, one phrase per line, blank lines and # comments left out."""
    banks: dict[str, tuple[Phrase, ...]] = {}
    try:
        for file in sorted(folder.glob("*.txt")):
            lines = file.read_text(encoding="utf-8").splitlines()
            banks[file.stem] = tuple(
                Phrase(line.strip(), f"{file.stem}:{number}")
                for number, line in enumerate(lines, 1)
                if line.strip() and not line.startswith("#")
            )
    except (OSError, UnicodeDecodeError) as error:
        raise SkillFactoryError(f"phrase folder {folder}: {error}") from error
    return banks
