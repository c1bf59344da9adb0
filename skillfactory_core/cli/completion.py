"""What the shell offers on the tab key in the place of a value: names of tasks, runs, models and the rest."""

from collections.abc import Callable, Iterable
from pathlib import Path

import rich_click as click
from click.shell_completion import CompletionItem

from skillfactory_core.errors import SkillFactoryError

Names = Callable[[click.Context], Iterable[tuple[str, str]]]
"(name, help) of everything that can stand in a place"


def records(hook: str) -> Names:
    """The names of a kind of record, with what each is."""

    def names(ctx: click.Context) -> Iterable[tuple[str, str]]:
        from skillfactory_core import registry

        (kind,) = (k for k in vars(registry).values() if isinstance(k, registry.Kind) and k.hook == hook)
        return [(name, record.summary) for name, (record, _) in registry.registered(kind).items()]

    return names


def runs(ctx: click.Context) -> Iterable[tuple[str, str]]:
    """The runs in runs/, or in the folder that --runs names; the last one first."""
    given = ctx.params.get("runs")
    folder = given if isinstance(given, Path) else Path("runs")
    found = sorted(folder.glob("*/config.toml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [(path.parent.name if str(folder) == "runs" else str(path.parent), "") for path in found]


def runs_and_models(ctx: click.Context) -> Iterable[tuple[str, str]]:
    return [*runs(ctx), *records("register_models")(ctx)]


def methods(ctx: click.Context) -> Iterable[tuple[str, str]]:
    """Those of the run that the command line names; without one, every method."""
    from skillfactory_core.cli.stage import folder_of
    from skillfactory_core.run import open_run

    # Where the flag has no value yet, click has not come to the arguments.
    given = next((ctx.params[name] for name in ("run", "target", "runs") if ctx.params.get(name)), None)
    named = [given] if isinstance(given, str) else given if isinstance(given, tuple) else ctx.args
    try:
        arms = [arm for run in named for arm in open_run(folder_of(run)).config.arms]
    except (SkillFactoryError, TypeError, OSError):
        arms = []
    return [(arm, "") for arm in dict.fromkeys(arms)] or records("register_methods")(ctx)


def presets(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from skillfactory_core.config import PRESETS

    return [(name, "") for name in PRESETS]


NAMES: dict[str, Names] = {
    "--task": records("register_tasks"),
    "task": records("register_tasks"),
    "--model": records("register_models"),
    "model": records("register_models"),
    "--engine": records("register_engines"),
    "--strategy": records("register_strategies"),
    "--suite": records("register_suites"),
    "--tags": records("register_tag_formats"),
    "--prompts": records("register_prompt_sets"),
    "format_name": records("register_exporters"),
    "--method": methods,
    "--against": methods,
    "--preset": presets,
    "--run": runs,
    "run": runs,
    "runs": runs,
    "source": runs,
    "target": runs_and_models,
}
"a flag, or the name of an argument -> what can stand there"


def complete(command: click.Command) -> None:
    """Give the values of a command their completions; a plugin's command has those of its own, where it brings some."""
    for parameter in command.params:
        place = parameter.opts[0] if parameter.param_type_name == "argument" else max(parameter.opts, key=len)
        if place in NAMES and parameter._custom_shell_complete is None:
            parameter._custom_shell_complete = offer(NAMES[place])


def offer(names: Names) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def items(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name, help=what or None) for name, what in names(ctx) if name.startswith(incomplete)]
        # A value may also be a path: the shell knows those.
        return found or [CompletionItem(incomplete, type="file")]

    return items
