"""Tasks: every task of SkillFactory as one of inspect_ai, `skillfactory/NAME`, and one that takes the name as an argument."""

from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature, signature
from typing import Any

import attrs
import inspect_ai
from inspect_ai import Epochs
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.solver import generate

from skillfactory_core import registry
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.task import Task
from skillfactory_inspect.exam import Exam, make_exam
from skillfactory_inspect.refusal import in_one_line
from skillfactory_inspect.scorers import grade, skill_use

Factory = Callable[..., inspect_ai.Task]

NAMESPACE = "skillfactory"
ANY = "any"
"the task that takes the name of another"
PREFIX = "option_"
"before an option of a task that has the name of an argument below"


def every(
    *,
    variant: str | None = None,
    problems: int | None = None,
    split: str | None = None,
    seed: int | None = None,
    prompts: str | None = None,
    tags: str | None = None,
    settings: str | None = None,
) -> None:
    """The arguments that every task takes beside its own options. None: not said.

    Args:
        variant: A difficulty that the task names (sf tasks). Default: what its options say.
        problems: How many problems. Default: 500, as `sf evaluate`.
        split: train, rl, validation or evaluation. Default: evaluation.
        seed: Of the problems. Default: 0.
        prompts: A prompt set (sf prompt-sets) or a TOML file; its final prompt is asked. Default: paper.
        tags: A tag format (sf tag-formats) or a TOML file. Default: sample-reflect.
        settings: A run folder, or a model's name (sf models), whose settings are the defaults of all these, of the options
            and of the sampling.
    """


OWN = signature(every).parameters


def made(task: str, given: Mapping[str, Any]) -> inspect_ai.Task:
    """The inspect task of a SkillFactory task and its `-T` arguments."""
    with in_one_line():
        said = {name: value for name, value in given.items() if value is not None}
        own = {name: said.pop(name) for name in OWN if name in said}
        return inspect_task(make_exam(task, {option(task, name): value for name, value in said.items()}, **own))


def option(task: str, name: str) -> str:
    """The option that an argument sets; one line says which there are where it sets none."""
    known = arguments(registry.find(registry.TASK, task))
    if name not in known:
        raise SkillFactoryError(f"task '{task}' has no option '{name}': it has {', '.join([*known, *OWN])}")
    return known[name]


def arguments(task: Task) -> dict[str, str]:
    """Argument -> option of a task."""
    names = [field.name for field in attrs.fields(type(task))]
    return {f"{PREFIX}{name}" if name in {*OWN, "task"} else name: name for name in names}


def inspect_task(exam: Exam) -> inspect_ai.Task:
    """An exam as inspect has it. A problem is a sample of inspect's, and its responses are the epochs."""
    config, task = exam.config, exam.task
    how = {"task": task.name, "options": exam.options, "tags": config.tags}
    sampling = config.evaluate_sampling
    return inspect_ai.Task(
        dataset=MemoryDataset([sample(exam, problem) for problem in exam.problems], name=f"{task.name} {task.variant}"),
        solver=generate(),
        scorer=[grade(**how), skill_use(**how)],
        config=GenerateConfig(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            max_tokens=sampling.max_tokens,
        ),
        epochs=Epochs(exam.samples, "mean"),
        metadata={
            "options": exam.options,
            "variant": task.variant,
            "split": exam.split,
            "seed": exam.seed,
            "prompts": config.prompts,
            "tags": config.tags,
        },
    )


def sample(exam: Exam, problem: Problem) -> Sample:
    """A problem as inspect has it, with what its grader needs."""
    return Sample(
        id=problem.key,
        input=[message(**each) for each in exam.messages(problem)],
        target=exam.target(problem),
        metadata={
            "problem": problem.key,
            "question": problem.question,
            "variant": problem.variant,
            "hash": problem.hash,
            "params": problem.params,
        },
    )


def message(role: str, content: str) -> ChatMessage:
    return ChatMessageSystem(content=content) if role == "system" else ChatMessageUser(content=content)


def named_task(task: Task) -> Factory:
    """`skillfactory/NAME` of a task."""

    def make(**given: Any) -> inspect_ai.Task:
        return made(task.name, given)

    return registered(make, task.name, task.summary, arguments(task))


def any_task() -> Factory:
    """`skillfactory/any`, for names that cannot stand on inspect's command line, such as those with a dot."""

    def make(task: str | None = None, **given: Any) -> inspect_ai.Task:
        with in_one_line():
            if not task:
                raise SkillFactoryError(f"{NAMESPACE}/{ANY} needs the name of a task: -T task=NAME (sf tasks)")
        return made(task, given)

    return registered(make, ANY, "any task of SkillFactory, by its name: -T task=NAME", ["task"])


def registered(make: Factory, name: str, summary: str, first: Iterable[str]) -> Factory:
    """A factory in inspect's registry, with a signature that tells its arguments.

    It takes others as well, since inspect drops an argument that a task does not take, with a warning; we refuse it.
    """
    known = [Parameter(argument, Parameter.KEYWORD_ONLY, default=None) for argument in first]
    others = Parameter("others", Parameter.VAR_KEYWORD)
    make.__signature__ = Signature([*known, *OWN.values(), others])  # type: ignore[attr-defined]
    make.__name__ = make.__qualname__ = name
    make.__doc__ = summary
    # inspect puts the name of an installed package before that of a task. No module is called `skillfactory`, so this
    # leaves the name as it is given.
    make.__module__ = NAMESPACE
    found: Factory = inspect_ai.task(name=f"{NAMESPACE}/{name}")(make)
    return found


TASKS: Mapping[str, Factory] = {
    **{name: named_task(task) for name, (task, _) in registry.registered(registry.TASK).items()},
    ANY: any_task(),
}
"name -> factory, of every task that is installed"
