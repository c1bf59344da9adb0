"""The options of a task, from the table: fields of its class that take the right type of value alone."""

from collections.abc import Callable
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError

WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


def option(kind: str, default: Any) -> Any:
    """A field of an attrs class. Lists are tuples in there: a task can be compared and looked up."""
    return attrs.field(default=fixed(default), converter=fixed, validator=of_kind(kind, default))


def of_kind(kind: str, default: Any) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    """A validator; what has no default may be left unset."""

    def check(task: Any, field: "attrs.Attribute[Any]", given: Any) -> None:
        if not fits(kind, given) and not (given is None and default is None):
            raise SkillFactoryError(f"task '{task.name}': {field.name} is {given!r:.40}: give {wanted(kind)}")

    return check


def fits(kind: str, given: Any) -> bool:
    if kind.startswith("["):
        return isinstance(given, tuple) and all(fits(kind[1:-1], each) for each in given)
    if kind == "float":
        return type(given) in (int, float)
    return type(given).__name__ == kind


def wanted(kind: str) -> str:
    """A kind in words."""
    if not kind.startswith("["):
        return WORDS[kind]
    return f"a list, each {wanted(kind[1:-1])}"


def fixed(value: Any) -> Any:
    """A value without lists."""
    return tuple(map(fixed, value)) if isinstance(value, list | tuple) else value


def free(value: Any) -> Any:
    """A value as JSON has it."""
    return [free(each) for each in value] if isinstance(value, tuple) else value
