"""Regrade: grade a run again after a grader changed, and say what changed. Nothing is generated."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import attrs

from skillfactory_core.branch import Branch
from skillfactory_core.budget import all_budgets
from skillfactory_core.deadline import on
from skillfactory_core.evaluation import Response
from skillfactory_core.pipeline import files_made
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages import evaluate, grade, reflect
from skillfactory_core.stages.branch import branches_of
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.table import Table
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task


@attrs.frozen
class Change:
    """One grade that is not what it was."""

    key: str
    "of the attempt or response"
    answer: str | None
    before: str
    "reason of the old grade"
    after: str


def regrade(run: Run, tags: TagFormat, prompts: PromptSet, write: bool) -> Iterator[Change]:
    """Grade all attempts and responses again; with `write` the tables are corrected, part by part."""
    changed = False
    for change in chain(regrade_attempts(run, tags, prompts, write), regrade_responses(run, tags, write)):
        changed = True
        yield change
    if changed and write:
        recount(run)


def regrade_attempts(run: Run, tags: TagFormat, prompts: PromptSet, write: bool) -> Iterator[Change]:
    task = task_of(run.config)
    problems = run.problems("train", task.variant)
    for number in run.grades.parts():
        by_key = {problem.key: problem for problem in problems.read(number)}
        attempts = {attempt.key: attempt for attempt in run.attempts.read(number)}
        before = run.grades.read(number)
        again = [(by_key[g.problem], attempts[g.attempt]) for g in before]
        after = grade.grade_attempts(task, again, tags, prompts)
        changes = [
            Change(b.attempt, a.answer, b.reason, a.reason) for b, a in zip(before, after, strict=True) if a != b
        ]
        if changes and write:
            if number in run.reflections.parts():
                # A reflection was kept where its verdict was true; the truth is another now.
                truth = {grade.attempt: grade.correct for grade in after}
                kept = [
                    attrs.evolve(r, dropped=reflect.fate(r, truth[r.attempt], tags))
                    for r in run.reflections.read(number)
                ]
                run.reflections.finish(number, kept)
            run.grades.finish(number, after)
        yield from changes


def regrade_responses(run: Run, tags: TagFormat, write: bool) -> Iterator[Change]:
    for name, task in variants_of(run.config).items():
        problems = {problem.key: problem for problem in run.problems("evaluation", name)}
        tables: list[Table[Any]] = [branches_of(run, method, name) for method in run.config.arms]
        tables += [run.responses(m, name, budget) for m in run.config.arms for budget in ("", *all_budgets(run))]
        for table in tables:
            for number in table.parts():
                before = table.read(number)
                after = [one if one.error else graded(task, problems[one.problem], one, tags) for one in before]
                changes = [
                    Change(b.key, a.answer, b.reason, a.reason) for b, a in zip(before, after, strict=True) if a != b
                ]
                if changes and write:
                    table.finish(number, after)
                yield from changes


def graded(task: Task, problem: Problem, one: Response | Branch, tags: TagFormat) -> Response | Branch:
    with on(one.key):
        found = grade.grade_text(task, problem, one.text, tags, final=True)
        again = attrs.evolve(one, correct=found.correct, answer=found.answer, reason=found.reason)
        if not isinstance(again, Branch):
            return again
        tried = tags.parse(again.begun).tries[-1].answer
        return attrs.evolve(again, truth=tried is not None and task.grade(problem.params, tried).correct)


def recount(run: Run) -> None:
    """Put the counts and checksums of the corrected tables into the manifest."""
    counted: dict[str, Callable[[Run], dict[str, Any]]] = {"grade": grade.counts, "reflect": reflect.counts}
    counted |= {f"evaluate-{method}": partial(evaluate.counts, method=method) for method in run.config.arms}
    for stage, counts in counted.items():
        summary = run.finished(stage)
        if summary is not None:
            run.record(stage, {**summary, **counts(run), "files": files_made(run.folder, stage)})
