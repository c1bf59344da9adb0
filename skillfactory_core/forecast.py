"""Forecast: what a run will have to learn from, told from the attempts and reflections made so far.

Nothing is written. Attempts that are not graded yet are graded here; where there are no reflections yet, the figures are the most that
there can be, and say so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from math import comb
from random import Random
from typing import Any

import attrs

from skillfactory_core import interval
from skillfactory_core.attempt import Attempt, GradedAttempt
from skillfactory_core.choices import Choices
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.stages.grade import grade_attempt
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.rearrange import Rearranger
from skillfactory_core.strategy import Pair


@attrs.define
class Tally:
    """What was counted at one difficulty."""

    outcomes: list[tuple[int, int]] = attrs.field(factory=list)
    "(right, graded) of each problem"
    reasons: Counter[str] = attrs.field(factory=Counter)
    dropped: Counter[str] = attrs.field(factory=Counter)
    kept: Counter[bool] = attrs.field(factory=Counter)
    "pairs of an attempt and a true reflection, by the attempt's grade"
    arranged: int = 0
    "problems whose reflections are in: traces are counted over these"
    traces: int = 0
    problems_with_traces: int = 0


def forecast(run: Run, choices: Choices) -> dict[str, Any]:
    """The figures by difficulty, and the whole as it will be when every problem has been attempted."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    made_by = Rearranger(run, choices.prompts, choices.tags, choices.skills, choices.banks, choices.strategy)
    # Before there is any reflection, every usable attempt counts as a pair: the most that there can be.
    bound = made_by.reflects and not any(run.reflections.folder.glob("part-*"))
    for problem, attempts, grades, reflections in by_problem(run, choices):
        tally = tallies[problem.variant]
        tally.outcomes.append((sum(g.correct for g in grades.values()), len(grades)))
        tally.reasons.update(g.reason for g in grades.values())
        tally.dropped.update(g.dropped for g in grades.values() if g.dropped)
        if made_by.reflects and not bound and reflections is None:
            continue
        pairs = pairs_of(attempts, grades, reflections if made_by.reflects and not bound else None)
        tally.arranged += 1
        tally.kept.update(pair.correct for pair in pairs)
        random = Random(f"{run.config.seed}-{made_by.strategy.name}-{problem.key}")
        traces = sum(1 for _ in islice(made_by.arranged(pairs, random), made_by.limit))
        tally.traces += traces
        tally.problems_with_traces += traces > 0
    if not tallies:
        raise SkillFactoryError(
            f"{run.folder} has no attempts yet: sf sample {run.folder} first, and interrupt it when you like"
        )
    planned = run.problems("train", task_of(run.config).variant).count() or run.config.sample.problems
    rollouts = run.config.grpo.rollouts
    return {
        "problems_planned": planned,
        "bound": bound,
        "rollouts": rollouts,
        "variants": {name: figures(tally, rollouts, planned) for name, tally in sorted(tallies.items())},
    }


def figures(tally: Tally, rollouts: int, planned: int) -> dict[str, Any]:
    attempted = len(tally.outcomes)
    right = interval.share(tally.outcomes)
    return {
        "problems_attempted": attempted,
        "attempts": sum(total for _, total in tally.outcomes),
        "right": right.mean,
        "right_low": right.low,
        "right_high": right.high,
        "problems_none_right": sum(not r for r, _ in tally.outcomes) / attempted,
        "problems_all_right": sum(r == n for r, n in tally.outcomes) / attempted,
        "reasons": dict(tally.reasons),
        "left_out": dict(tally.dropped),
        "right_pairs": tally.kept[True],
        "wrong_pairs": tally.kept[False],
        "problems_arranged": tally.arranged,
        "traces_so_far": tally.traces,
        "traces_expected": round(tally.traces * planned / tally.arranged) if tally.arranged else 0,
        "problems_with_traces": tally.problems_with_traces / max(1, tally.arranged),
        "groups_without_signal": sum(no_signal(r, n, rollouts) for r, n in tally.outcomes) / attempted,
    }


def no_signal(right: int, total: int, rollouts: int) -> float:
    """The chance that all rollouts of a problem get the same reward, so that GRPO learns nothing from the group.

    Unbiased where there are at least as many attempts as rollouts; with fewer, the mean under Jeffreys' prior.
    """
    if total >= rollouts:
        return (comb(right, rollouts) + comb(total - right, rollouts)) / comb(total, rollouts)

    def all_of(hits: int) -> float:
        chance = 1.0
        for i in range(rollouts):
            chance *= (hits + 0.5 + i) / (total + 1 + i)
        return chance

    return all_of(right) + all_of(total - right)


def pairs_of(
    attempts: list[Attempt], grades: dict[str, GradedAttempt], reflections: list[Reflection] | None
) -> list[Pair]:
    """The usable pairs; without reflections, every usable attempt alone."""
    true: dict[str, list[Reflection]] = defaultdict(list)
    for reflection in reflections or ():
        if not reflection.dropped:
            true[reflection.attempt].append(reflection)
    pairs = []
    for attempt in attempts:
        grade = grades[attempt.key]
        if not grade.dropped:
            critiques = [None] if reflections is None else true[attempt.key]
            pairs += [Pair(attempt, grade.answer or "", grade.correct, critique) for critique in critiques]
    return pairs


def by_problem(
    run: Run, choices: Choices
) -> Iterator[tuple[Problem, list[Attempt], dict[str, GradedAttempt], list[Reflection] | None]]:
    """What there is of each problem, from complete parts and from the one in the making; None where no reflection is."""
    task = task_of(run.config)
    table = run.problems("train", task.variant)
    for number in table.parts():
        problems = {problem.key: problem for problem in table.read(number)}
        attempts: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in so_far(run.attempts, number):
            if not attempt.error:
                attempts[attempt.problem].append(attempt)
        stored = {g.attempt: g for g in so_far(run.grades, number)}
        reflections: dict[str, list[Reflection]] = defaultdict(list)
        for reflection in so_far(run.reflections, number):
            reflections[reflection.problem].append(reflection)
        for key, made in attempts.items():
            grades = {
                a.key: stored.get(a.key) or grade_attempt(task, problems[key], a, choices.tags, choices.prompts)
                for a in made
            }
            complete = number in run.reflections.parts()
            yield problems[key], made, grades, reflections[key] if complete or reflections[key] else None


def so_far(table: Any, number: int) -> Iterator[Any]:
    return iter(table.read(number) if number in table.parts() else table.pending(number, mend=False))
