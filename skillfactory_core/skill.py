"""Skill: a behaviour that a trace shows, and the phrases it brings."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from skillfactory_core.errors import SkillFactoryError


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
