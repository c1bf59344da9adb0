"""Align: an attempt and a reflection on it taken apart, step by step and check by check."""

import attrs

from skillfactory_core.strategy import Pair
from skillfactory_decompose.claim import claim
from skillfactory_decompose.split import Split, Way, goal_of, serves

REASONS = ("no_reflection", "no_steps", "no_subgoals", "plan_not_followed", "no_checks", "other_checks")
"why a pair cannot be taken apart, from the first thing that is looked at to the last"


@attrs.frozen
class Work:
    """A step, and the check of it in a reflection."""

    step: str
    check: str
    attempt: str
    "key of the attempt that the step was cut from"
    reflection: str
    "key of the reflection that the check was cut from"
    correct: bool
    "the grade of that attempt"


@attrs.frozen
class Decomposition(Pair):
    """A pair in its parts. Its works end at the first whose check disagrees with the step: what follows was built on it."""

    goals: tuple[str, ...]
    works: tuple[Work, ...]
    failed: bool
    "the check of the last work disagrees with its step"
    rest: str
    "of the attempt: what stands after its steps, with the answer"
    conclusion: str
    "of the reflection: what stands after its checks, with the verdict"

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(work.step for work in self.works)


def align(pair: Pair, way: Way, subgoals: str) -> Decomposition | str:
    """A pair taken apart, or the reason why it cannot be. `subgoals`: those of the plan, of the steps, or of either."""
    if pair.reflection is None:
        return "no_reflection"
    wrote, checked = way(pair.attempt.text), way(pair.reflection.text)
    if wrote is None or not wrote.rest:
        return "no_steps"
    goals = goals_of(wrote, subgoals)
    if isinstance(goals, str):
        return goals
    if checked is None or checked.goals or not checked.rest:
        return "no_checks"
    works: list[Work] = []
    for step, check in zip(wrote.steps, checked.steps, strict=False):
        said = claim(step, check)
        if said is None:
            return "other_checks"
        works.append(Work(step, check, pair.attempt.key, pair.reflection.key, pair.correct))
        if not said:
            break
    failed = not said
    if not failed and len(checked.steps) != len(wrote.steps):
        return "other_checks"
    parts = (goals, tuple(works), failed, wrote.rest, checked.rest)
    return Decomposition(pair.attempt, pair.answer, pair.correct, pair.reflection, *parts)


def goals_of(wrote: Split, subgoals: str) -> tuple[str, ...] | str:
    """The subgoals of an attempt, one line each: those of its plan where that was carried out; those that its steps state."""
    planned = tuple(goal.splitlines()[0].strip() for goal in wrote.goals)
    followed = bool(planned) and all(map(serves, planned, wrote.steps))
    if followed and subgoals != "steps":
        return planned
    if subgoals == "plan":
        return "plan_not_followed" if planned else "no_subgoals"
    stated = tuple(goal_of(step) for step in wrote.steps)
    return stated if all(goal and "\n" not in goal for goal in stated) else "no_subgoals"
