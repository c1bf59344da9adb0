"""Whether the plugins that are installed are in use, and the files that their tasks grade by are those that belong there."""

from collections.abc import Iterator

from skillfactory_core import registry
from skillfactory_core.doctor.finding import Finding
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import Plugin, in_one_line, plugins
from skillfactory_core.task import Task

BLOCKED = "blocked by SKILLFACTORY_BLOCK"


def installed() -> Iterator[Finding]:
    kinds = [kind for kind in vars(registry).values() if isinstance(kind, registry.Kind)]
    # Some faults show when a plugin is asked for what it has.
    clashes = [clash for kind in kinds for clash in registry.clashes(kind).values()]
    wrong = [plugin for plugin in plugins().found if plugin.error and plugin.error != BLOCKED]
    for plugin in wrong:
        yield split(f"plugin {plugin.name}", "failed", f"of {plugin.distribution} is not in use: {plugin.error}")
    for clash in clashes:
        yield split("plugins", "failed", clash)
    for plugin in plugins().found:
        for note in plugin.notes:
            yield split(f"plugin {plugin.name}", "unsure", f"of {plugin.distribution}: {note}")
    if not wrong and not clashes:
        yield Finding("plugins", "ok", counted([plugin for plugin in plugins().found if not plugin.error]))
    yield from shipped()


def split(check: str, state: str, line: str) -> Finding:
    """What was seen and what to do, which follows the last semicolon."""
    what, _, do = line.rpartition("; ")
    return Finding(check, state, what or line, do if what else "")


def counted(used: list[Plugin]) -> str:
    ours = sum(plugin.ours for plugin in used)
    blocked = sum(plugin.error == BLOCKED for plugin in plugins().found)
    others = f"{len(used) - ours} of others are in use"
    return f"{ours} of SkillFactory and {others}" + (f", {blocked} blocked" if blocked else "")


def shipped() -> Iterator[Finding]:
    """Each file that came with tasks, once, with the tasks that need it."""
    users: dict[tuple[str, str], list[str]] = {}
    for name, (task, plugin) in registry.registered(registry.TASK).items():
        try:
            for file, what in dict(task.ships()).items():
                users.setdefault((file, what), []).append(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - of a plugin
            yield damaged(task, plugin, error)
    for (file, what), tasks in users.items():
        yield Finding(file, "ok", f"{what}, the one that belongs here ({', '.join(tasks)})")


def damaged(task: Task, plugin: Plugin, error: BaseException) -> Finding:
    if isinstance(error, SkillFactoryError):
        what, _, do = str(error).rpartition(": ")
        return Finding(f"task {task.name}", "failed", what or str(error), do)
    return Finding(f"task {task.name}", "failed", plugin.told(f"ships raised {in_one_line(error)}"), plugin.way_out)
