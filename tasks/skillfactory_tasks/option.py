"""The check of a task's option: a whole number within bounds, or an error that says so in one line."""

from collections.abc import Callable
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError

Check = Callable[[Any, "attrs.Attribute[int]", int], None]


def whole(low: int, high: int) -> Check:
    """A validator for a field of a task."""

    def check(task: Any, field: "attrs.Attribute[int]", given: int) -> None:
        if type(given) is not int or not low <= given <= high:
            raise SkillFactoryError(
                f"task '{task.name}': {field.name} is {given!r:.40}: give a whole number from {low} to {high}"
            )

    return check
