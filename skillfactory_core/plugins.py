"""Find plugins and ask their hooks; a broken plugin is named and takes nobody down.

Why not pluggy's own entry-point loader: it stops at the first plugin that cannot be imported, drops the second
of two plugins with one name without a word, and does not say whose implementation raised.
"""

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any

import attrs
import pluggy

from skillfactory_core import hookspecs
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.marks import check_hooks
from skillfactory_core.surroundings import left_alone
from skillfactory_core.unmet import advice, refusal

GROUP = "skillfactory"
PATIENCE = 5.0
"seconds after which a plugin is told to be slow: every command waits for it"
SHOWN = 300
"characters of a reason that a line shows"


@attrs.frozen
class Plugin:
    """One plugin that was found, whether or not it could be loaded."""

    name: str
    distribution: str
    "name and version of the package it came with, or the file"
    module: str
    error: str = ""
    "why it is not in use, and what to do; empty when it is"
    hooks: tuple[str, ...] = ()
    "the hooks it implements"
    notes: tuple[str, ...] = ()
    "what it does that it should not, although it is in use"

    @property
    def ours(self) -> bool:
        """Whether it came with SkillFactory itself."""
        return self.distribution.partition(" ")[0] == "skillfactory"

    @property
    def way_out(self) -> str:
        """How to go on without it."""
        if self.module == self.distribution:
            return "mend the file"
        return f"mend it, uninstall {self.distribution.partition(' ')[0]}, or set SKILLFACTORY_BLOCK={self.name}"

    def told(self, what: str) -> str:
        """The one line that says what is wrong with it."""
        return f"plugin '{self.name}' ({self.distribution}): {what}"


@attrs.define
class Plugins:
    """The plugins of this process and pluggy's manager over those that work."""

    manager: pluggy.PluginManager
    found: list[Plugin] = attrs.field(factory=list)
    topics: set[str] = attrs.field(factory=set)
    "what was told already"

    @property
    def files(self) -> list[Path]:
        """Those of one file: another process of the same work has to load them too."""
        return [Path(plugin.module) for plugin in self.found if plugin.module == plugin.distribution]

    def add(self, name: str, distribution: str, module: str, load: Any, package: Distribution | None = None) -> None:
        """Import and register one plugin, or record why not."""
        new = Plugin(name, distribution, module)
        if name in os.environ.get("SKILLFACTORY_BLOCK", "").split(","):
            self.found.append(attrs.evolve(new, error="blocked by SKILLFACTORY_BLOCK"))
            return
        twin = next((p for p in self.found if p.name == name), None)
        if twin is not None:
            self.refuse_twins(twin, new)
            return
        self.found.append(new)
        try:
            with self.watched(new, "importing it"):
                old = refusal(package)
                if old:
                    raise SkillFactoryError(old)
                plugin = load()
                check_hooks(plugin)
                self.manager.register(plugin, name=name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is its own record
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            own = str(error) if isinstance(error, SkillFactoryError) else ""
            self.fail(new, own or f"{in_one_line(error)}; {advice(error, package) or new.way_out}")
            return
        callers = self.manager.get_hookcallers(plugin) or []
        self._put(new, hooks=tuple(sorted(c.name for c in callers)))
        if not callers:
            self.note(
                new, "it plugs nothing in: no function in it is a hook, such as register_tasks marked with @hookimpl"
            )

    def refuse_twins(self, old: Plugin, new: Plugin) -> None:
        """Of two plugins with one name neither is in use, but for one that SkillFactory came with, or that is there for a file."""
        clash = f"two plugins are named '{new.name}': one of {old.distribution}, one of {new.distribution}"
        away = new.distribution if old.ours or new.module == new.distribution else "one"
        way_out = f"uninstall {away}"
        if away == new.module:
            # A file that became a package: whoever brings the file wants the file.
            other = (
                "" if old.ours or old.module == old.distribution else f"uninstall {old.distribution.split()[0]}, or "
            )
            way_out = f"{other}rename {away}"
        self.found.append(attrs.evolve(new, error=f"{clash}; {way_out}"))
        if away == "one":
            if self.manager.has_plugin(old.name):
                self.manager.unregister(name=old.name)
            self._put(old, error=f"{clash}; uninstall one", hooks=())

    @contextmanager
    def watched(self, plugin: Plugin, what: str, patient: bool = False) -> Iterator[None]:
        """Code of a plugin at work: what it changes of the process is put back, and told with how long it took."""
        start = time.monotonic()
        with left_alone() as changed:
            try:
                yield
            except KeyboardInterrupt:
                print(f"sf: {plugin.told(f'interrupted while {what}; {plugin.way_out}')}", file=sys.stderr)
                raise
        seconds = time.monotonic() - start
        if changed:
            self.note(plugin, f"{what} changed {' and '.join(changed)}, which is undone; {plugin.way_out}")
        if seconds > PATIENCE and not (patient or plugin.ours):
            self.note(
                plugin,
                f"{what} took {seconds:.0f} s, for which every command waits; do that later, or: {plugin.way_out}",
            )

    def collect(self, hook: str) -> Iterator[tuple[Plugin, Any]]:
        """(plugin, record) of every record that a collect hook returns, plugin by plugin."""
        for plugin, records in self._ask(hook, {}, collects=True):
            for record in records:
                yield plugin, record

    def tell(self, hook: str, **what: Any) -> list[Plugin]:
        """Call an observing hook; returns the plugins whose implementation raised."""
        told = {plugin.name for plugin, _ in self._ask(hook, what)}
        return [p for p in self.found if hook in p.hooks and p.name not in told]

    def _ask(self, hook: str, what: dict[str, Any], collects: bool = False) -> Iterator[tuple[Plugin, Any]]:
        implementations = {i.plugin_name: i for i in getattr(self.manager.hook, hook).get_hookimpls()}
        # In the order in which they were found: no mark on an implementation puts it before another plugin's.
        for plugin in [p for p in self.found if hook in p.hooks]:
            implementation = implementations[plugin.name]
            try:
                with self.watched(plugin, hook, patient=hook == "stage_finished"):
                    reply = implementation.function(*(what[name] for name in implementation.argnames))
                    reply = list_of(reply) if collects else reply
            except KeyboardInterrupt:
                raise
            except NoList as error:
                self.fail(plugin, f"{hook} gave {error}, which is no list of records; {plugin.way_out}")
            except BaseException as error:  # noqa: BLE001 - named, kept as a record, the others go on
                own = isinstance(error, SkillFactoryError)
                self.fail(
                    plugin,
                    f"{hook}{': ' if own else ' raised '}{error if own else in_one_line(error)}; {plugin.way_out}",
                )
            else:
                yield plugin, reply

    def fail(self, plugin: Plugin, reason: str) -> None:
        """Record what is wrong with a plugin."""
        self._put(plugin, error=reason)

    def note(self, plugin: Plugin, what: str, topic: str = "") -> None:
        """Tell what a plugin does that it should not, each topic once."""
        topic = topic or f"{plugin.name}: {what}"
        if topic in self.topics:
            return
        self.topics.add(topic)
        known = next(p for p in self.found if (p.name, p.distribution) == (plugin.name, plugin.distribution))
        self._put(plugin, notes=(*known.notes, what))
        print(f"sf: {plugin.told(what)}", file=sys.stderr)

    def _put(self, plugin: Plugin, **facts: Any) -> None:
        which = (plugin.name, plugin.distribution)
        self.found = [attrs.evolve(p, **facts) if (p.name, p.distribution) == which else p for p in self.found]

    def broken(self) -> list[Plugin]:
        return [p for p in self.found if p.error]

    def not_in_use(self) -> str:
        """What a failed look-up adds: the name may be that of a plugin that is out of use."""
        said = [f"'{p.name}' of {p.distribution} ({p.error})" for p in self.broken()]
        return f"; not in use: {', '.join(said)}" if said else ""


class NoList(Exception):
    """A collect hook gave something else than records; the message shows it."""


def list_of(reply: Any) -> list[Any]:
    if isinstance(reply, str | bytes | dict) or not hasattr(reply, "__iter__"):
        raise NoList(f"{reply!r:.80}")
    return list(reply)


def in_one_line(error: BaseException) -> str:
    """What was raised, in one line of bounded length."""
    try:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    except Exception as failed:  # noqa: BLE001 - an error of a plugin may not even have a text
        lines = [f"(its text cannot be had: {type(failed).__name__})"]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:SHOWN]


def entry_points() -> Iterator[tuple[EntryPoint, str, Distribution]]:
    """(entry point, 'distribution version', distribution) of the group; a distribution twice on the path counts once."""
    seen = set()
    for distribution in distributions():
        try:
            points = [point for point in distribution.entry_points if point.group == GROUP]
        except (TypeError, ValueError, OSError):
            # A garbled list of some package, most likely none of ours.
            continue
        # Its metadata, with all of its README, is read only where it has to be.
        name = distribution.metadata["Name"] if points else None
        if name is None or name in seen:
            continue
        seen.add(name)
        told = f"{name} {distribution.version}"
        for point in points:
            yield point, told, distribution


@cache
def plugins() -> Plugins:
    """Load every installed plugin: ours first, so that no other stands in for one of them; then in order of name."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    loaded = Plugins(manager)
    found = sorted(entry_points(), key=lambda each: (not each[1].startswith("skillfactory "), each[0].name, each[1]))
    for point, distribution, package in found:
        loaded.add(point.name, distribution, point.value, point.load, package)
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
