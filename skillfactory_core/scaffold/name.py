"""Whether a new plugin can have a name: Python takes it, and nobody else has it."""

import keyword
import re
from importlib.util import find_spec

from skillfactory_core import registry
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import plugins

KINDS = {"task": registry.TASK, "skill": registry.SKILL, "engine": registry.ENGINE}
"what there is a scaffold for"


def check_name(kind: str, name: str) -> None:
    """An error that says why a plugin of this kind cannot have that name."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name, re.ASCII) or keyword.iskeyword(name):
        raise SkillFactoryError(
            f"{an(kind)} cannot be named '{name}': it is also the name of a Python module: small letters, digits and _, "
            "a letter first, and no word of the language, such as my_first"
        )
    records = registry.registered(KINDS[kind])
    if name in records:
        owner = records[name][1].distribution
        raise SkillFactoryError(
            f"there is {an(kind)} named '{name}' ({owner}): choose another name (sf {KINDS[kind].command})"
        )
    twin = next((plugin for plugin in plugins().found if plugin.name == name), None)
    if twin is not None:
        raise SkillFactoryError(
            f"there is a plugin named '{name}' ({twin.distribution}): choose another name (sf plugins)"
        )
    if find_spec(name) is not None:
        raise SkillFactoryError(f"there is a Python module named '{name}', which the {kind} would hide: choose another")


def an(kind: str) -> str:
    """A kind with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def class_name(name: str) -> str:
    """my_first -> MyFirst."""
    return "".join(part.capitalize() for part in name.split("_"))
