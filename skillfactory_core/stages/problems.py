"""Make the problems of every split and difficulty that the run will need."""

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.run import Run
from skillfactory_core.task import Task


def task_of(config: Config) -> Task:
    """The run's task with its options set."""
    import attrs

    task: Task = registry.find(registry.TASK, config.task)
    unknown = sorted(config.task_options.keys() - {f.name for f in attrs.fields(type(task))})
    if unknown:
        known = [f.name for f in attrs.fields(type(task))]
        raise SkillFactoryError(
            f"task '{config.task}' has no option '{unknown[0]}': it has {', '.join(known) or 'none'}"
        )
    try:
        return attrs.evolve(task, **config.task_options)
    except (TypeError, ValueError) as error:
        raise SkillFactoryError(f"task '{config.task}': {error.args[0]}") from error


def variants_of(config: Config) -> dict[str, Task]:
    """The difficulties to evaluate on, by name, in order."""
    named = dict(task_of(config).variants())
    for name in config.evaluate.variants:
        if name not in named:
            raise not_found(f"variant of task '{config.task}'", name, named, "tasks")
    return {name: named[name] for name in config.evaluate.variants or named}


def make_problems(run: Run, splits: Sequence[str] = ("train", "rl", "evaluation")) -> dict[str, Any]:
    """Fill `1-problems`; returns the counts. Train problems that were imported are not the task's to make."""
    config = run.config
    imported = (run.finished("problems") or {}).get("imported")
    task = task_of(config)
    wanted = [
        ("train", task, config.seed, config.sample.problems),
        ("rl", task, config.seed, config.grpo.problems),
        *(
            ("evaluation", variant, config.evaluate.seed, config.evaluate.problems)
            for variant in variants_of(config).values()
        ),
    ]
    counts: dict[str, Any] = {"imported": imported} if imported else {}
    for split, variant, seed, count in wanted:
        if split not in splits or (imported and split == "train"):
            continue
        table = run.problems(split, variant.variant)
        problems = list(islice(variant.problems(seed, split), count))
        if not problems:
            raise SkillFactoryError(
                f"task '{config.task}' has no problems in split '{split}': ask for at least one, or change its options (-o)"
            )
        if len(problems) < count:
            said = f"problems: task '{config.task}' has {len(problems):,} in split '{split}' of {variant.variant}, not {count:,}"
            print(said, file=sys.stderr)
        done = table.parts()
        for number, start in enumerate(range(0, len(problems), config.part)):
            if number not in done:
                table.finish(number, problems[start : start + config.part])
        counts[f"{split}-{variant.variant}"] = table.count()
    return counts
