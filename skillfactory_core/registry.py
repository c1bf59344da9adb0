"""Names to records: tasks, skills, strategies and the rest, as the plugins registered them."""

import re
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

NAME = re.compile(r"[^\s/\\.-][^\s/\\]*")
"what can be typed on a command line and stand in the name of a folder"


@attrs.frozen
class Kind:
    """One kind of record: how it is called, which hook gives it, which command lists it."""

    singular: str
    hook: str
    type: type
    classes: bool = False
    "the hook gives classes, not instances"
    defines: tuple[str, ...] = ()
    "what a subclass has to define itself"

    @property
    def command(self) -> str:
        return self.hook.removeprefix("register_").replace("_", "-")


TASK = Kind("task", "register_tasks", Task, defines=("question", "grade"))
PROMPTS = Kind("prompt set", "register_prompt_sets", PromptSet)
SKILL = Kind("skill", "register_skills", Skill)
TAGS = Kind("tag format", "register_tag_formats", TagFormat)
STRATEGY = Kind("strategy", "register_strategies", Strategy, classes=True, defines=("arrange",))
METHOD = Kind("method", "register_methods", Method)
SUITE = Kind("suite", "register_suites", Suite)
MODEL = Kind("model", "register_models", Model)
ENGINE = Kind("engine", "register_engines", Engine, classes=True, defines=("generate",))
TRAINER = Kind("trainer", "register_trainers", Trainer, classes=True, defines=("sft", "grpo"))
EXPORTER = Kind("exporter", "register_exporters", Exporter, classes=True, defines=("export",))


def given(kind: Kind) -> Iterator[tuple[Plugin, Any]]:
    """(plugin, record) of every record of a kind; a plugin that gives anything else is broken."""
    for plugin, record in plugins().collect(kind.hook):
        wrong = misfit(kind, record)
        if wrong:
            plugins().fail(plugin, f"{kind.hook} gave {shown(record)}, which {wrong}; {plugin.way_out}")
        else:
            yield plugin, record


def registered(kind: Kind) -> Mapping[str, tuple[Any, Plugin]]:
    """name -> (record, the plugin that gave it), sorted by name; without the names that two records have."""
    return {name: found[0] for name, found in sorted(by_name(kind).items()) if len(found) == 1}


def by_name(kind: Kind) -> Mapping[str, list[tuple[Any, Plugin]]]:
    """name -> every record of that name with its plugin."""
    records: dict[str, list[tuple[Any, Plugin]]] = {}
    for plugin, record in given(kind):
        records.setdefault(record.name, []).append((record, plugin))
    return records


def clashes(kind: Kind) -> Mapping[str, str]:
    """name -> what is wrong with it and what to do, of the names that two records have: neither is in use."""
    return {name: clash(kind, name, *found[:2]) for name, found in by_name(kind).items() if len(found) > 1}


def clash(kind: Kind, name: str, one: tuple[Any, Plugin], two: tuple[Any, Plugin]) -> str:
    """Two records of one name; the second is of the plugin that was found later, and so not one of ours if the first is."""
    (_, a), (_, b) = one, two
    if a is b or a.name == b.name:
        return f"plugin '{a.name}' ({a.distribution}) registers two {kind.singular}s named '{name}'; {a.way_out}"
    return (
        f"two plugins register a {kind.singular} named '{name}': '{a.name}' ({a.distribution}) "
        f"and '{b.name}' ({b.distribution}); uninstall one or set SKILLFACTORY_BLOCK={b.name}"
    )


def shown(record: Any) -> str:
    """A record in a message, whatever its code does about that."""
    try:
        return f"{record!r:.80}"
    except Exception:  # noqa: BLE001 - of a plugin
        return f"a {type(record).__name__}"


def misfit(kind: Kind, record: Any) -> str:
    """Why a record is not of a kind; empty where it is."""
    if kind.classes and not (isinstance(record, type) and issubclass(record, kind.type)):
        return f"is not a class derived from {kind.type.__name__}"
    if not kind.classes and not isinstance(record, kind.type):
        return f"is not a {kind.type.__name__}"
    lacking = [field for field in ("name", "summary") if not isinstance(getattr(record, field, None), str)]
    if lacking:
        return f"has no {lacking[0]}"
    if not NAME.fullmatch(record.name):
        return f"is named {record.name!r:.40}: names are not empty and have no spaces, no slashes, and no dot or dash first"
    owner = record if kind.classes else type(record)
    lacking = [method for method in kind.defines if getattr(owner, method) is getattr(kind.type, method)]
    return f"defines no {lacking[0]}" if lacking else ""


def find(kind: Kind, name: str, note: str = "") -> Any:
    """The record of that name, or an error that suggests one and mentions plugins that are not in use."""
    found = by_name(kind)
    if len(found.get(name, ())) > 1:
        raise SkillFactoryError(clash(kind, name, *found[name][:2]))
    if name in found:
        return found[name][0][0]
    raise not_found(kind.singular, name, found, kind.command, note + plugins().not_in_use())


def find_tags(name: str) -> TagFormat:
    """A tag format by its name, or from a TOML file."""
    found: TagFormat = read_tag_format(Path(name)) if name.endswith(".toml") else find(TAGS, name)
    return found


def giver(kind: Kind, record: Any) -> Plugin | None:
    """The plugin that gave a record; None for one that no plugin gave."""
    return next((plugin for given, plugin in registered(kind).values() if given.name == record.name), None)
