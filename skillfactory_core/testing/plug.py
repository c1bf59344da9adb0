"""Plug something in for a while, and check that a module is a plugin."""

from collections.abc import Iterator
from contextlib import contextmanager

from skillfactory_core import registry
from skillfactory_core.plugins import Plugin, plugins
from skillfactory_core.registry import Kind
from skillfactory_core.testing.demand import demand

KINDS = tuple(kind for kind in vars(registry).values() if isinstance(kind, Kind))


@contextmanager
def plugged(plugin: object, name: str = "") -> Iterator[Plugin]:
    """A plugin in place, be it a module or an object with hooks; one that is installed is there anyway, and stays."""
    loaded = plugins()
    here = loaded.manager.get_name(plugin)
    if here is not None:
        yield record_of(here)
        return
    name = name or getattr(plugin, "__name__", type(plugin).__name__)
    loaded.add(name, "a test", name, lambda: plugin)
    try:
        yield record_of(name)
    finally:
        if loaded.manager.has_plugin(name):
            loaded.manager.unregister(name=name)
        loaded.found = [found for found in loaded.found if found.name != name]


def record_of(name: str) -> Plugin:
    return next(found for found in plugins().found if found.name == name)


def check_plugin(plugin: object) -> None:
    """A module is a plugin: it has hooks, all of them ours, and what they give is of the right kind and has a name of its own."""
    with plugged(plugin) as record:
        demand(not record.error, f"plugin '{record.name}': {record.error}")
        demand(record.hooks, f"plugin '{record.name}' has no hook: mark a function of hookspecs.py with hookimpl")
        for kind in KINDS:
            if kind.hook in record.hooks:
                check_records(kind, record.name)


def check_records(kind: Kind, name: str) -> None:
    """What one hook of a plugin gives."""
    given = [found for plugin, found in registry.given(kind) if plugin.name == name]
    error = record_of(name).error
    demand(not error, f"plugin '{name}': {error}")
    demand(given, f"plugin '{name}': {kind.hook} gave no {kind.singular}")
    clashes = registry.clashes(kind)
    for record in given:
        demand(record.name not in clashes, clashes.get(record.name, ""))
