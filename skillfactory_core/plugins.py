"""Find plugins and ask their hooks; a broken plugin is named and takes nobody down.

Why not pluggy's own entry-point loader: it stops at the first plugin that cannot be imported, drops the second
of two plugins with one name without a word, and does not say whose implementation raised.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import attrs
import pluggy

from skillfactory_core import hookspecs
from skillfactory_core.errors import SkillFactoryError

GROUP = "skillfactory"


@attrs.frozen
class Plugin:
    """One plugin that was found, whether or not it could be loaded."""

    name: str
    distribution: str
    "name and version of the package it came with, or the file"
    module: str
    error: str = ""
    "why it is not in use; empty when it is"
    hooks: tuple[str, ...] = ()
    "the hooks it implements"


@attrs.define
class Plugins:
    """The plugins of this process and pluggy's manager over those that work."""

    manager: pluggy.PluginManager
    found: list[Plugin] = attrs.field(factory=list)

    def add(self, name: str, distribution: str, module: str, load: Any) -> None:
        """Import and register one plugin, or record why not."""
        blocked = os.environ.get("SKILLFACTORY_BLOCK", "").split(",")
        twin = next((p for p in self.found if p.name == name), None)
        if name in blocked:
            self.found.append(Plugin(name, distribution, module, "blocked by SKILLFACTORY_BLOCK"))
            return
        if twin is not None:
            raise SkillFactoryError(
                f"two plugins are named '{name}': one of {twin.distribution}, one of {distribution}; uninstall one"
            )
        try:
            plugin = load()
            self.manager.register(plugin, name=name)
            unknown = sorted(
                n for n in dir(plugin) if hasattr(getattr(plugin, n), "skillfactory_impl") and not hasattr(hookspecs, n)
            )
            if unknown:
                raise AttributeError(f"there is no hook named {', '.join(unknown)}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own record
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            self.found.append(Plugin(name, distribution, module, in_one_line(error)))
            return
        callers = self.manager.get_hookcallers(plugin) or []
        self.found.append(Plugin(name, distribution, module, hooks=tuple(sorted(c.name for c in callers))))

    def collect(self, hook: str) -> Iterator[tuple[Plugin, Any]]:
        """(plugin, record) of every record that a collect hook returns, plugin by plugin."""
        for plugin, records in self._ask(hook, {}, list):
            for record in records:
                yield plugin, record

    def tell(self, hook: str, **what: Any) -> list[Plugin]:
        """Call an observing hook; returns the plugins whose implementation raised."""
        told = {plugin.name for plugin, _ in self._ask(hook, what)}
        return [p for p in self.found if hook in p.hooks and p.name not in told]

    def _ask(
        self, hook: str, what: dict[str, Any], read: Callable[[Any], Any] = lambda reply: reply
    ) -> Iterator[tuple[Plugin, Any]]:
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            plugin = next(p for p in self.found if p.name == implementation.plugin_name)
            try:
                reply = read(implementation.function(*(what[name] for name in implementation.argnames)))
            except Exception as error:  # noqa: BLE001 - named, kept as a record, the others go on
                self.fail(plugin, f"{hook} raised {in_one_line(error)}")
                continue
            yield plugin, reply

    def fail(self, plugin: Plugin, reason: str) -> None:
        """Record what is wrong with a plugin."""
        self.found = [attrs.evolve(p, error=reason) if p.name == plugin.name else p for p in self.found]

    def broken(self) -> list[Plugin]:
        return [p for p in self.found if p.error]


def in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def entry_points() -> Iterator[tuple[EntryPoint, str]]:
    """(entry point, 'distribution version') of the group; a distribution seen twice on the path counts once."""
    seen = set()
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name is None or name in seen:
            continue
        seen.add(name)
        try:
            points = list(distribution.entry_points)
        except (TypeError, ValueError, OSError):
            # A garbled list of some package, most likely none of ours.
            continue
        for point in points:
            if point.group == GROUP:
                yield point, f"{name} {distribution.version}"


@cache
def plugins() -> Plugins:
    """Load every installed plugin, in order of name."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    loaded = Plugins(manager)
    for point, distribution in sorted(entry_points(), key=lambda pair: (pair[0].name, pair[1])):
        loaded.add(point.name, distribution, point.value, point.load)
    return loaded


def load_file(path: Path) -> None:
    """Register a one-file plugin: `sf -p ./my_task.py`."""
    if not path.is_file():
        raise SkillFactoryError(f"plugin file {path} does not exist")

    def load() -> object:
        # A name of its own: a file called json.py must not stand in for Python's.
        name = f"sf_plugin_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError("not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    plugins().add(path.stem, str(path), str(path), load)
    record = plugins().found[-1]
    if record.error:
        raise SkillFactoryError(f"plugin file {path} cannot be loaded: {record.error}")
