"""What a plugin's package asks for and this machine does not have: why it cannot be used, and what to install."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, version
from typing import TYPE_CHECKING

from skillfactory_core import __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OWN = "skillfactory"
ABOUT_US = re.compile(rf"{OWN}\b(?![-_.]\w)", re.IGNORECASE)


@cache
def refusal(distribution: Distribution | None) -> str:
    """Why this version of SkillFactory is not the one that a package asks for; empty where it is, or nothing is asked."""
    if distribution is None or not any(map(ABOUT_US.match, distribution.requires or ())):
        return ""
    for needed in requirements(distribution):
        if needed.name.lower() == OWN and not needed.specifier.contains(__version__, prereleases=True):
            both = shlex.join([f"{OWN}{needed.specifier}", distribution.metadata["Name"]])
            return f"needs {OWN}{needed.specifier}, and this is {__version__}: pip install --upgrade {both}"
    return ""


def requirements(distribution: Distribution, extra: str = "") -> "Iterator[Requirement]":
    """What a package asks for here: on this system, with one extra or without any. What cannot be read asks for nothing."""
    from packaging.markers import UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    for line in distribution.requires or ():
        try:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                yield needed
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue


def missing(distribution: Distribution | None) -> list[str]:
    """What a package asks for and is not installed, or in another version."""
    found = []
    for needed in requirements(distribution) if distribution is not None else ():
        try:
            fits = needed.specifier.contains(version(needed.name), prereleases=True)
        except PackageNotFoundError:
            fits = False
        if not fits:
            found.append(f"{needed.name}{needed.specifier}")
    return found


def advice(error: BaseException, distribution: Distribution | None) -> str:
    """What to do about an import that failed; empty for any other error."""
    if not isinstance(error, ImportError):
        return ""
    top = (error.name or "").partition(".")[0]
    who = f" {distribution.metadata['Name']}" if distribution is not None else ""
    if top.startswith(f"{OWN}_"):
        if who.strip() == OWN:
            return f"the files of {OWN} are not those of one version: pip install --force-reinstall {OWN}"
        return (
            f"it was written for another version of SkillFactory than {__version__}: pip install --upgrade {OWN}{who}"
        )
    lacking = missing(distribution)
    if lacking:
        return f"install what it needs: pip install {shlex.join(lacking)}"
    if not isinstance(error, ModuleNotFoundError):
        return ""
    return f"install the package that has '{top}'" + (f", which{who} does not name among what it needs" if who else "")
