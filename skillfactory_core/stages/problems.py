"""Make the problems of every split and exam that the run will need."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run
from skillfactory_core.suite import Entry
from skillfactory_core.task import Task

LEFT_OUT = "left_out_"
"in the summary, before the name of an exam that has no problems; the value is the reason"
SPLITS = ("train", "rl", "validation", "evaluation")


@attrs.frozen
class Exam:
    """One set of held-out problems that a run is evaluated on: a difficulty of its own task, or an exam of a suite."""

    name: str
    "unique in the run: of its problems, its responses and its line in every table"
    task: Task
    problems: int
    "at most"
    samples: int
    "responses per problem"
    suite: str = ""
    "the suite it came from; none for the run's own task"


def task_of(config: Config) -> Task:
    """The run's task with its options set."""
    return task_with(config.task, config.task_options)


def task_with(name: str, options: Mapping[str, Any]) -> Task:
    """A task with options set."""
    task: Task = registry.find(registry.TASK, name)
    known = [field.name for field in attrs.fields(type(task))]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise SkillFactoryError(f"task '{name}' has no option '{unknown[0]}': it has {', '.join(known) or 'none'}")
    try:
        return attrs.evolve(task, **options)
    except (TypeError, ValueError) as error:
        raise SkillFactoryError(f"task '{name}': {error.args[0]}") from error


def variants_of(config: Config) -> dict[str, Task]:
    """Every set of held-out problems to evaluate on, by its unique name, in order."""
    return {name: exam.task for name, exam in exams_of(config).items()}


def exams_of(config: Config) -> dict[str, Exam]:
    """The same with sizes: the difficulties of the run's task, then the exams of its suites that are none of these."""
    asked = config.evaluate
    exams = {
        name: Exam(name, task, asked.problems, asked.samples or task.evaluation_samples)
        for name, task in own_difficulties(config).items()
    }
    for suite in (registry.find(registry.SUITE, name) for name in asked.suites):
        for entry in suite.entries:
            task = task_of_entry(suite.name, entry)
            if any(exam.task == task for exam in exams.values()):
                continue
            # Names that are taken keep what they mean: a run goes on, and its tables are named after its exams.
            name = f"{suite.name}-{entry.name}" if entry.name in exams else entry.name
            samples = asked.samples or entry.samples or task.evaluation_samples
            exams[name] = Exam(name, task, min(asked.problems, entry.problems or asked.problems), samples, suite.name)
    return exams


def own_difficulties(config: Config) -> dict[str, Task]:
    """The difficulties of the run's own task, or those of them that it names."""
    if not config.evaluate.own:
        return {}
    named = dict(task_of(config).variants())
    for name in config.evaluate.variants:
        if name not in named:
            raise not_found(f"variant of task '{config.task}'", name, named, "tasks")
    return {name: named[name] for name in config.evaluate.variants or named}


def task_of_entry(suite: str, entry: Entry) -> Task:
    """The task of an exam, with its options set, at its difficulty."""
    try:
        task = task_with(entry.task, entry.options)
    except SkillFactoryError as error:
        raise SkillFactoryError(f"suite '{suite}', exam '{entry.name}': {error}") from error
    if not entry.variant:
        return task
    named = dict(task.variants())
    if entry.variant not in named:
        raise SkillFactoryError(
            f"suite '{suite}', exam '{entry.name}': task '{entry.task}' has no variant '{entry.variant}': it has {', '.join(named)}"
        )
    return named[entry.variant]


def make_problems(run: Run, splits: Sequence[str] = SPLITS) -> dict[str, Any]:
    """Fill `1-problems`; returns the counts. Train problems that were imported are not the task's to make."""
    config = run.config
    imported = (run.finished("problems") or {}).get("imported")
    counts: dict[str, Any] = {"imported": imported} if imported else {}
    task = task_of(config)
    sizes = {"train": config.sample.problems, "rl": config.grpo.problems, "validation": config.grpo.validation}
    for split, wanted in sizes.items():
        if wanted and split in splits and config.trains and not (imported and split == "train"):
            counts[f"{split}-{task.variant}"] = fill(run, split, task.variant, task, config.seed, wanted)
    return counts | (make_exams(run, exams_of(config).values()) if "evaluation" in splits else {})


def make_exams(run: Run, exams: Iterable[Exam]) -> dict[str, Any]:
    """Fill `1-problems` with problems of exams; returns the counts.

    An exam of a suite whose problems cannot be had is left out, and the summary says why.
    """
    counts: dict[str, Any] = {}
    seed = run.config.evaluate.seed
    for exam in exams:
        try:
            counts[f"evaluation-{exam.name}"] = fill(run, "evaluation", exam.name, exam.task, seed, exam.problems)
        except SkillFactoryError as error:
            if not exam.suite:
                raise
            counts[f"{LEFT_OUT}{exam.name}"] = str(error)
            print(f"sf: exam '{exam.name}' of suite '{exam.suite}' is left out: {error}", file=sys.stderr)
    return counts


def forget_left_out(run: Run) -> None:
    """Take out of the summary that exams were left out, so that they are tried again."""
    before = run.finished("problems") or {}
    kept = {name: value for name, value in before.items() if not name.startswith(LEFT_OUT)}
    if kept != before:
        run.record("problems", kept)


def fill(run: Run, split: str, name: str, task: Task, seed: int, wanted: int) -> int:
    """Make the problems of one split and exam; returns how many there are."""
    table = run.problems(split, name)
    count = table.count()
    if count and (run.finished("problems") or {}).get(f"{split}-{name}") == count:
        # Made before: where they came from may be out of reach by now.
        return count
    problems = [named(problem, name) for problem in islice(task.problems(seed, split), wanted)]
    if not problems:
        raise SkillFactoryError(
            f"task '{task.name}' has no problems in split '{split}': ask for at least one, or change its options (-o)"
        )
    if len(problems) < wanted:
        said = f"problems: task '{task.name}' has {len(problems):,} in split '{split}' of {name}, not {wanted:,}"
        print(said, file=sys.stderr)
    done = table.parts()
    for number, start in enumerate(range(0, len(problems), run.config.part)):
        if number not in done:
            table.finish(number, problems[start : start + run.config.part])
    return table.count()


def named(problem: Problem, name: str) -> Problem:
    """A problem of an exam: its key and variant say the exam's name, so that no two problems of a run have one key."""
    if problem.variant == name:
        return problem
    return attrs.evolve(problem, key=f"{problem.task}/{name}/{problem.split}/{problem.index}", variant=name)
