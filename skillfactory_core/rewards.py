"""Rewards for other trainers: every installed task as a reward function, 1.0 for a right final answer and 0.0 otherwise.

TRL takes `skillfactory_core.rewards.TASK` by name (`trl grpo --reward_funcs skillfactory_core.rewards.countdown`); the
attribute is made when it is asked for, so a task that was installed a minute ago works. verl takes `compute_score`.
Both apply the final-answer rule: only what follows the last closing think tag counts.

A problem comes with each row: in a column `problem` (an object, or JSON text of one), or, without that column, in columns
of the problem's own fields (`numbers`, `target`, …). The tag format is the default one; SKILLFACTORY_TAGS names another.
The measures of skills go to TRL's log where SKILLFACTORY_SKILLS names the skills, with commas between them.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.attempt import Grade
from skillfactory_core.config import Config
from skillfactory_core.deadline import from_now_on, on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.measure import Measured, measures_of
from skillfactory_core.stages.grade import grade_answer
from skillfactory_core.stages.grpo import skill_figures
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task, check_params

TRAINERS_OWN = {"prompts", "completions", "completion_ids", "trainer_state", "environments"}
"what TRL passes beside the columns of the dataset"


def __getattr__(name: str) -> Callable[..., list[float]]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return reward_of(find_task(name))
    except SkillFactoryError as error:
        raise AttributeError(str(error)) from error


def reward_of(task: Task) -> Callable[..., list[float]]:
    """The reward function of a task, as TRL calls it."""

    def reward(
        completions: Sequence[Any],
        problem: Sequence[Any] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        texts = [text_of(completion) for completion in completions]
        problems = problem if problem is not None else gather(columns, len(texts))
        grades = []
        for params, text in zip(map(text_of_problem, problems), texts, strict=True):
            grades.append(found := final_grade(task, params, text))
            if log_metric is not None:
                grade = partial(task.grade, read_problem(task, params))
                # Whether a limit cut it is not told here; one that did not come to an answer may have been.
                with on(f"{text[:60]!a}"):
                    figures = skill_figures(text, tags(), grade, cut=found.answer is None, measures=measures())
                for name, figure in figures.items():
                    log_metric(name, figure)
        return [float(grade.correct) for grade in grades]

    reward.__name__ = reward.__qualname__ = task.name
    return reward


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """verl's contract: `data_source` names the task, `ground_truth` is its problem. Returns the score, the accuracy
    and, for verl's logs, the reason of the grade."""
    grade = final_grade(find_task(data_source), ground_truth, solution_str)
    return {"score": float(grade.correct), "acc": grade.correct, "reason": grade.reason}


def final_grade(task: Task, problem: Any, text: str) -> Grade:
    """Grade a response to a problem, which may be JSON text."""
    written, form = text_of_problem(problem), tags()
    from_now_on()
    with on(f"{text[:60]!a}"):
        return grade_answer(task, read_problem(task, written), form.extract(text, final=True))


def text_of_problem(problem: Any) -> str:
    return problem if isinstance(problem, str) else json.dumps(problem, default=str)


@lru_cache(maxsize=65_536)
def read_problem(task: Task, text: str) -> Mapping[str, Any]:
    """The problem in a JSON text, checked once. Arrow fills fields that a row lacks with nulls: they are taken out."""
    try:
        params = json.loads(text, object_hook=lambda fields: {k: v for k, v in fields.items() if v is not None})
    except (ValueError, RecursionError) as error:
        raise SkillFactoryError(f"task '{task.name}': problem {text!r:.80} is not JSON ({error})") from error
    check_params(task, params)
    found: Mapping[str, Any] = params
    return found


def gather(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """A problem per row, from the columns of its fields."""
    fields = {
        name: values
        for name, values in columns.items()
        if name not in TRAINERS_OWN and isinstance(values, list) and len(values) == count
    }
    return [{name: values[row] for name, values in fields.items()} for row in range(count)]


def text_of(completion: Any) -> str:
    """The text of a completion: plain text, or the messages of a conversation."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message.get("content") or "") for message in completion if message.get("role") == "assistant")


@lru_cache
def find_task(name: str) -> Task:
    """A task by its name, in which - may be written _."""
    names = registry.registered(registry.TASK)
    task: Task = registry.find(registry.TASK, next((known for known in names if known.replace("-", "_") == name), name))
    return task


@lru_cache
def tags() -> TagFormat:
    name = os.environ.get("SKILLFACTORY_TAGS") or str(attrs.fields(Config).tags.default)
    found: TagFormat = registry.find_tags(name)
    return found


@lru_cache
def measures() -> tuple[Measured, ...]:
    names = os.environ.get("SKILLFACTORY_SKILLS", "").split(",")
    return measures_of(registry.find(registry.SKILL, name.strip()) for name in names if name.strip())
