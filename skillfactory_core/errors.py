"""What can go wrong, said in one line: who, what, and what to do. The CLI prints it and exits with 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class SkillFactoryError(Exception):
    """A mistake of the user, a plugin or the machine that one line can explain. Never shown with a traceback."""


def not_found(kind: str, name: str, known: Iterable[str], command: str, note: str = "") -> SkillFactoryError:
    """The error of a look-up that failed, with the nearest name there is."""
    near = get_close_matches(name, list(known), n=1)
    hint = f": did you mean '{near[0]}'?" if near else ""
    return SkillFactoryError(f"no {kind} named '{name}'{hint} (sf {command}){note}")
