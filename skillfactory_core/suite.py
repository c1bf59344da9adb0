"""Suite: a named set of exams, to evaluate models on besides the task that they learned. A suite is content: plugins bring it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import and_, ge, instance_of, matches_re, min_len

from skillfactory_core.errors import SkillFactoryError


@attrs.frozen
class Entry:
    """One exam of a suite: problems of one task at one difficulty."""

    name: str = attrs.field(validator=matches_re(r"[a-z0-9][a-z0-9.-]*"))
    "what the exam is called in folders, tables and the report, such as multiplication-3"
    task: str = attrs.field(validator=instance_of(str))
    "name of the task (sf tasks)"
    options: Mapping[str, Any] = attrs.field(factory=dict, validator=instance_of(dict))
    "options of the task"
    variant: str = attrs.field(default="", validator=instance_of(str))
    "a difficulty that the task names, where options do not say enough"
    problems: int = attrs.field(default=0, validator=and_(instance_of(int), ge(0)))
    "problems at most, where that is fewer than evaluate.problems. 0: as many as that says"
    samples: int = attrs.field(default=0, validator=and_(instance_of(int), ge(0)))
    "responses per problem, unless evaluate.samples says. 0: what the task asks for"


@attrs.frozen
class Suite:
    """What `evaluate.suites` and `sf evaluate --suite` name."""

    name: str = attrs.field(validator=matches_re(r"[a-z0-9][a-z0-9.-]*"))
    summary: str = attrs.field(validator=instance_of(str))
    entries: tuple[Entry, ...] = attrs.field(validator=min_len(1))

    @entries.validator
    def _once(self, _: Any, entries: tuple[Entry, ...]) -> None:
        names = [entry.name for entry in entries]
        if len(set(names)) < len(names):
            raise ValueError(f"two exams have one name: {', '.join(names)}")


def read_suites(path: Path) -> list[Suite]:
    """Read suites from TOML: [SUITE] with a summary, then [SUITE.exams.NAME] with task, options, variant, problems, samples."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return [
            Suite(name, entries=tuple(Entry(exam, **entry) for exam, entry in table.pop("exams", {}).items()), **table)
            for name, table in tables.items()
        ]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SkillFactoryError(f"suite file {path}: {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise SkillFactoryError(
            f"suite file {path}: missing, unknown or unfit entry ({error.args[0]}); "
            "each [NAME] needs a summary and [NAME.exams.*], each with a task"
        ) from error
