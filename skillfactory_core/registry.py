"""Names to records: tasks, skills, strategies and the rest, as the plugins registered them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.engine import Engine, Model
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.exporter import Exporter
from skillfactory_core.method import Method
from skillfactory_core.plugins import Plugin, plugins
from skillfactory_core.prompts import PromptSet
from skillfactory_core.skill import Skill
from skillfactory_core.strategy import Strategy
from skillfactory_core.suite import Suite
from skillfactory_core.tags import TagFormat, read_tag_format
from skillfactory_core.task import Task
from skillfactory_core.trainer import Trainer


@attrs.frozen
class Kind:
    """One kind of record: how it is called, which hook gives it, which command lists it."""

    singular: str
    hook: str
    type: type
    classes: bool = False
    "the hook gives classes, not instances"

    @property
    def command(self) -> str:
        return self.hook.removeprefix("register_").replace("_", "-")


TASK = Kind("task", "register_tasks", Task)
PROMPTS = Kind("prompt set", "register_prompt_sets", PromptSet)
SKILL = Kind("skill", "register_skills", Skill)
TAGS = Kind("tag format", "register_tag_formats", TagFormat)
STRATEGY = Kind("strategy", "register_strategies", Strategy, classes=True)
METHOD = Kind("method", "register_methods", Method)
SUITE = Kind("suite", "register_suites", Suite)
MODEL = Kind("model", "register_models", Model)
ENGINE = Kind("engine", "register_engines", Engine, classes=True)
TRAINER = Kind("trainer", "register_trainers", Trainer, classes=True)
EXPORTER = Kind("exporter", "register_exporters", Exporter, classes=True)


def given(kind: Kind) -> Iterator[tuple[Plugin, Any]]:
    """(plugin, record) of every record of a kind; a plugin that gives anything else is broken."""
    for plugin, record in plugins().collect(kind.hook):
        wrong = misfit(kind, record)
        if wrong:
            plugins().fail(plugin, f"{kind.hook} gave {record!r:.80}, which {wrong}")
        else:
            yield plugin, record


def registered(kind: Kind) -> Mapping[str, tuple[Any, Plugin]]:
    """name -> (record, the plugin that gave it), sorted by name."""
    records: dict[str, tuple[Any, Plugin]] = {}
    for plugin, record in given(kind):
        if record.name in records:
            other = records[record.name][1]
            raise SkillFactoryError(
                f"two plugins register a {kind.singular} named '{record.name}': '{other.name}' ({other.distribution}) "
                f"and '{plugin.name}' ({plugin.distribution}); uninstall one or set SKILLFACTORY_BLOCK={plugin.name}"
            )
        records[record.name] = (record, plugin)
    return dict(sorted(records.items()))


def misfit(kind: Kind, record: Any) -> str:
    """Why a record is not of a kind; empty where it is."""
    if kind.classes and not (isinstance(record, type) and issubclass(record, kind.type)):
        return f"is not a class derived from {kind.type.__name__}"
    if not kind.classes and not isinstance(record, kind.type):
        return f"is not a {kind.type.__name__}"
    lacking = [field for field in ("name", "summary") if not isinstance(getattr(record, field, None), str)]
    return f"has no {lacking[0]}" if lacking else ""


def find(kind: Kind, name: str, note: str = "") -> Any:
    """The record of that name, or an error that suggests one and mentions plugins that could not be loaded."""
    records = registered(kind)
    if name in records:
        return records[name][0]
    broken = [f"'{p.name}' of {p.distribution} ({p.error})" for p in plugins().broken()]
    note += f"; not loaded: {', '.join(broken)}" if broken else ""
    raise not_found(kind.singular, name, records, kind.command, note)


def find_tags(name: str) -> TagFormat:
    """A tag format by its name, or from a TOML file."""
    found: TagFormat = read_tag_format(Path(name)) if name.endswith(".toml") else find(TAGS, name)
    return found
