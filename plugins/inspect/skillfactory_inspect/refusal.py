"""Refusal: our errors as inspect_ai's own, which its command line prints as one line, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from inspect_ai._util.error import PrerequisiteError
from rich.markup import escape

from skillfactory_core.errors import SkillFactoryError


@contextmanager
def in_one_line() -> Iterator[None]:
    """Within this, a SkillFactoryError is told as inspect_ai tells what a user has to put right."""
    try:
        yield
    except SkillFactoryError as error:
        raise PrerequisiteError(escape(str(error))) from error
