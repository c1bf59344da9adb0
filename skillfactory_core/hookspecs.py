"""Everything that can be plugged in, on one page. A plugin is a module with functions of these names,
marked with `skillfactory_core.hookimpl` and named in the entry-point group `skillfactory`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from skillfactory_core.engine import Engine, Model
    from skillfactory_core.exporter import Exporter
    from skillfactory_core.method import Method
    from skillfactory_core.prompts import PromptSet
    from skillfactory_core.run import Run
    from skillfactory_core.skill import Skill
    from skillfactory_core.strategy import Strategy
    from skillfactory_core.suite import Suite
    from skillfactory_core.tags import TagFormat
    from skillfactory_core.task import Task
    from skillfactory_core.trainer import Trainer

hookspec = pluggy.HookspecMarker("skillfactory")


@hookspec
def register_tasks() -> "Iterable[Task]":
    """Tasks: make problems, grade answers. `sf tasks`, `--task NAME`."""
    return ()


@hookspec
def register_prompt_sets() -> "Iterable[PromptSet]":
    """Prompt sets: what is said to a model. `prompts = NAME` in a configuration."""
    return ()


@hookspec
def register_skills() -> "Iterable[Skill]":
    """Skills: what a trace shows, with phrase banks. `sf skills`."""
    return ()


@hookspec
def register_tag_formats() -> "Iterable[TagFormat]":
    """Tag formats: how traces are written and responses read."""
    return ()


@hookspec
def register_strategies() -> "Iterable[type[Strategy]]":
    """Strategies (classes): which attempts a trace holds, in which order. `sf strategies`."""
    return ()


@hookspec
def register_methods() -> "Iterable[Method]":
    """Methods: named settings for what a model is fine-tuned on. `sf run --method NAME`."""
    return ()


@hookspec
def register_suites() -> "Iterable[Suite]":
    """Suites: named sets of exams to evaluate on. `sf suites`, `sf evaluate RUN --suite NAME`."""
    return ()


@hookspec
def register_models() -> "Iterable[Model]":
    """Models: a name, where its weights are, and the settings that suit it. `sf models`."""
    return ()


@hookspec
def register_engines() -> "Iterable[type[Engine]]":
    """Engines (classes): generate text. `engine = NAME`."""
    return ()


@hookspec
def register_trainers() -> "Iterable[type[Trainer]]":
    """Trainers (classes): fine-tune and reinforce. `trainer = NAME`."""
    return ()


@hookspec
def register_exporters() -> "Iterable[type[Exporter]]":
    """Exporters (classes): write a run in the layout of another program. `sf export NAME RUN`."""
    return ()


@hookspec
def register_commands(cli: "click.Group") -> None:
    """Add commands to `sf`."""


@hookspec
def stage_finished(run: "Run", stage: str, summary: dict[str, Any]) -> None:
    """Told after each stage of a run, with its counts."""
