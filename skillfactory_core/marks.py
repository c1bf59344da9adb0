"""Whether the functions of a plugin that look like hooks are hooks: a slip here would otherwise go unnoticed."""

import inspect
from difflib import get_close_matches
from typing import Any

from skillfactory_core import hookspecs
from skillfactory_core.errors import SkillFactoryError

KNOWN = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "skillfactory_spec")]


def check_hooks(plugin: Any) -> None:
    """Refuse a plugin with a hook that is misspelt, not marked, or asks for what that hook does not give."""
    for name in dir(plugin):
        # Nothing is run to look at it: a name may stand for a module that is loaded when it is used.
        function = inspect.getattr_static(plugin, name, None)
        if isinstance(function, staticmethod | classmethod):
            function = function.__func__
        if inspect.isroutine(function):
            check_hook(name, function, bound=not inspect.ismodule(plugin))


def check_hook(name: str, function: Any, bound: bool) -> None:
    marks = getattr(function, "skillfactory_impl", None)
    if marks is None:
        if name in KNOWN:
            raise SkillFactoryError(f"{name} is not marked as a hook: write @skillfactory_core.hookimpl above it")
        return
    hook = marks["specname"] or name
    if hook not in KNOWN:
        near = get_close_matches(hook, KNOWN, n=1)
        hint = f"did you mean {near[0]}?" if near else "it may be one of another SkillFactory than this"
        raise SkillFactoryError(f"there is no hook named {hook}: {hint} (docs/reference/hooks.md)")
    if marks["wrapper"] or marks["hookwrapper"]:
        raise SkillFactoryError(f"{name} wraps the hooks of others, and plugins do not: write it without wrapper=True")
    given = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    asked = [each for each in inspect.signature(function).parameters if not (bound and each in ("self", "cls"))]
    strange = [each for each in asked if each not in given]
    if strange:
        raise SkillFactoryError(f"{name} asks for '{strange[0]}', and that hook gives {', '.join(given) or 'nothing'}")
