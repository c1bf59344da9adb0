"""GRPO: reinforce a model with a reward of 1 for a right final answer and 0 otherwise."""

import shutil
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from skillfactory_core import crew
from skillfactory_core.attempt import Grade
from skillfactory_core.config import Config, rl_only_settings
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.measure import Measured, measure, measures_in
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.skill_use import logged, skill_use
from skillfactory_core.stages.grade import grade_text
from skillfactory_core.stages.log import StepLog, last_figures
from skillfactory_core.stages.problems import task_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.trainer import GrpoSettings, Question, Reward, Trainer


def settings_of(config: Config, method: str) -> GrpoSettings:
    """The settings of [grpo], with those of [rl_only] on top for that baseline. RL only with instructions has the plain ones: it is
    asked to write traces, so it gets the steps and the lengths of the arm that has learnt to."""
    return rl_only_settings(config) if method == "rl-only" else config.grpo


def grpo(run: Run, method: str, start: str, prompts: PromptSet, tags: TagFormat, trainer: Trainer) -> dict[str, Any]:
    """Reinforce the model at `start`; its weights go to `7-grpo/METHOD/model`. Returns the last step's figures."""
    task, measures = task_of(run.config), measures_in(run.config)
    problems = {p.key: p for p in run.problems("rl", task.variant)}
    if not problems:
        raise SkillFactoryError(f"{run.folder} has no problems for RL; ask for some with -s grpo.problems=200")

    # Completions to one problem have many of their attempts in common, and some graders take their time.
    @lru_cache(16_384)
    def truth(key: str, answer: str) -> Grade:
        return task.grade(problems[key].params, answer)

    def reward(key: str, completion: str, finish: str) -> Reward:
        with on(f"{method}, a completion to {key}"):
            found = grade_text(task, problems[key], completion, tags, final=True)
            figures = skill_figures(completion, tags, partial(truth, key), finish == "length", measures)
        return Reward(float(found.correct), figures)

    questions = [ask(problem, prompts, task.answer_kind) for problem in problems.values()]
    folder = run.grpo(method)
    if not (folder / "model").is_dir():
        if not crew.follows():
            forget(folder)
        with StepLog(folder, f"GRPO {method}") as log:
            trainer.grpo(start, questions, reward, folder, settings_of(run.config, method), run.config.seed, log)
    return {"problems": len(problems), **last_figures(folder)}


def forget(folder: Path) -> None:
    """Drop what was found out about the checkpoints of a model that is gone."""
    for path in (folder / "best", folder / "validation", folder / "validation.json"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def skill_figures(
    text: str, tags: TagFormat, grade: Callable[[str], Grade], cut: bool, measures: Iterable[Measured] = ()
) -> dict[str, float]:
    """What the log of a step says about the use of the skill in one response: the same as `sf results`. The log holds the mean
    over the responses that have a figure: one without verdicts neither agrees with the truth nor does not."""
    return measure(measures, text, tags) | logged(skill_use(text, tags, grade, cut))


def ask(problem: Problem, prompts: PromptSet, answer_kind: str) -> Question:
    """The final prompt for a problem."""
    question = prompts.question(problem.task, problem.params, problem.question)
    return Question(problem.key, tuple(prompts.final.messages(question=question, answer_kind=answer_kind)))
