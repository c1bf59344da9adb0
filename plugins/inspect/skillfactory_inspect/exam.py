"""Exam: the problems of one task and difficulty, asked as `sf evaluate` asks them."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config, layer, merge, preset_settings, structure, unstructure
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.exporters.messages import prompts_of
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import Message, PromptSet
from skillfactory_core.resolve import resolve
from skillfactory_core.run import open_run
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import named, task_of
from skillfactory_core.task import SPLITS, Task

UNTRAINED = "none"
"the method of settings that train nothing"


@attrs.frozen
class Exam:
    """What a model is asked, and how it is graded."""

    config: Config
    "of which the prompt set, the tag format, the sampling and the sizes are used"
    task: Task
    "with its options set, at its difficulty"
    split: str
    seed: int
    "of the problems"
    problems: tuple[Problem, ...]
    prompts: PromptSet

    @property
    def samples(self) -> int:
        """Responses per problem."""
        return self.config.evaluate.samples or self.task.evaluation_samples

    @property
    def options(self) -> dict[str, Any]:
        """What makes this task of the one that is registered under its name."""
        usual = registry.find(registry.TASK, self.task.name)
        every = attrs.asdict(self.task, recurse=False)
        return {name: value for name, value in every.items() if value != getattr(usual, name)}

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The final prompt of the prompt set."""
        return ask(problem, self.prompts, self.task.answer_kind).messages

    def target(self, problem: Problem) -> str:
        """A right answer, where the task has one to show. Others may be right too: the grader decides."""
        try:
            return str(self.task.reference(problem.params))
        except Exception:  # noqa: BLE001 - of a third-party task; nothing depends on it
            return ""


def make_exam(
    task: str,
    options: Mapping[str, Any],
    settings: str = "",
    variant: object = "",
    split: str = "evaluation",
    **others: Any,
) -> Exam:
    """The exam that the arguments of an inspect task ask for. `others`: prompts, tags, seed, problems; None is not said."""
    said = {name: value for name, value in others.items() if value is not None}
    sizes = {name: said.pop(name) for name in ("seed", "problems") if name in said}
    asked: dict[str, Any] = {**said, "evaluate": sizes, "task_options": dict(options)}
    if "seed" in sizes and split != "evaluation":
        asked["seed"] = sizes["seed"]
    config = config_of(task, settings, asked)
    if split not in SPLITS:
        raise SkillFactoryError(f"no split named '{split}': choose one of {', '.join(SPLITS)}")
    at = difficulty(task_of(config), str(variant))
    seed = config.evaluate.seed if split == "evaluation" else config.seed
    problems = [named(problem, at.variant) for problem in islice(at.problems(seed, split), config.evaluate.problems)]
    if not problems:
        raise SkillFactoryError(f"task '{task}' has no problems in split '{split}': change its options")
    registry.find_tags(config.tags)
    return Exam(config, at, split, seed, tuple(problems), prompts_of(config))


def config_of(task: str, settings: str, asked: Mapping[str, Any]) -> Config:
    """The settings of `sf evaluate MODEL --task TASK`, or those of a run, with what is asked on top."""
    registry.find(registry.TASK, task)
    if (Path(settings) / "config.toml").is_file():
        found = open_run(Path(settings)).config
        if found.task != task:
            raise SkillFactoryError(f"{settings} is a run of task '{found.task}', not of '{task}': give one of that")
        return structure(merge(unstructure(found), asked))
    if settings:
        return resolve(task, "paper", None, {"model": settings, "method": UNTRAINED, **asked})
    return structure(layer(preset_settings("paper"), {**asked, "task": task, "preset": "paper"}))


def difficulty(task: Task, variant: str) -> Task:
    """A task at a difficulty that it names; its own, where none is asked for."""
    if not variant:
        return task
    known = task.variants()
    if variant not in known:
        raise not_found(f"variant of task '{task.name}'", variant, known, "tasks", f"; it has {', '.join(known)}")
    return known[variant]
