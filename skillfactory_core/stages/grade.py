"""Grade attempts: the truth about each, from the task."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from skillfactory_core import registry
from skillfactory_core.attempt import UNCHECKED, Attempt, Grade, GradedAttempt
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import in_one_line, plugins
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

LATE = 5.0
"seconds of one grade after which its plugin is told to be slow"


def grade(run: Run, tags: TagFormat, prompts: PromptSet) -> dict[str, Any]:
    """Fill `3-grades`; returns the counts by reason."""
    task = task_of(run.config)
    problems = run.problems("train", task.variant)
    for number in run.attempts.parts():
        if number not in run.grades.parts():
            by_key = {problem.key: problem for problem in problems.read(number)}
            attempts = [
                (by_key[attempt.problem], attempt) for attempt in run.attempts.read(number) if not attempt.error
            ]
            run.grades.finish(number, grade_attempts(task, attempts, tags, prompts))
    return counts(run)


def counts(run: Run) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    with_right = 0
    for number in run.grades.parts():
        right = set()
        for problem, correct, reason, dropped in run.grades.columns(number, "problem", "correct", "reason", "dropped"):
            reasons[reason] += 1
            if dropped:
                left_out[dropped] += 1
            if correct:
                right.add(problem)
        with_right += len(right)
    if not with_right:
        total = sum(reasons.values())
        raise SkillFactoryError(
            f"none of the {total:,} attempts is right ({', '.join(f'{name} {count:,}' for name, count in reasons.most_common())}), "
            f"so there is nothing to learn from: look at them (sf view {run.folder}); where model '{run.config.model}' does not know "
            "such problems, take an easier task (-o) or another model (--model), else more attempts (-s sample.attempts=64); "
            "what changed since needs a run of its own (--name)"
        )
    return {
        "graded": sum(reasons.values()),
        "right": reasons["ok"],
        "problems_with_right": with_right,
        **{f"reason_{k}": v for k, v in sorted(reasons.items())},
        **{f"dropped_{k}": v for k, v in sorted(left_out.items())},
    }


def grade_text(task: Task, problem: Problem, text: str, tags: TagFormat, final: bool) -> Grade:
    """Extract and grade."""
    return grade_answer(task, problem.params, tags.extract(text, final))


def grade_answer(task: Task, params: Mapping[str, Any], answer: str | None) -> Grade:
    """Grade an extracted answer; a grader that raises is a crash, which is counted and is not 'wrong'."""
    if answer is None:
        return Grade(False, None, "no_answer")
    start = time.monotonic()
    try:
        found = task.grade(params, answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - third-party graders must not stop a run
        complain(task, "raised", f"{in_one_line(error)} on {answer!a:.60}, which counts as 'crash'")
        return Grade(False, answer, "crash")
    if not isinstance(found, Grade):
        complain(task, "gave", f"{type(found).__name__} for {answer!a:.60}, which is no Grade and counts as 'crash'")
        return Grade(False, answer, "crash")
    if time.monotonic() - start > LATE:
        told = (
            f"{time.monotonic() - start:.0f} s for {answer!a:.60}, where its grade_seconds are {task.grade_seconds:g}"
        )
        complain(task, "took", told)
    return found


def complain(task: Task, how: str, what: str) -> None:
    """Say once whose grader does what no grader may. The grade stands: what a table holds does not depend on the clock."""
    loaded = plugins()
    topic = f"task '{task.name}' {how}"
    if topic in loaded.topics:
        return
    plugin = registry.giver(registry.TASK, task)
    if plugin is not None:
        loaded.note(plugin, f"{topic} {what}; sf check {task.name} finds more; {plugin.way_out}", topic)


def grade_attempts(
    task: Task, attempts: Iterable[tuple[Problem, Attempt]], tags: TagFormat, prompts: PromptSet | None = None
) -> list[GradedAttempt]:
    """The grades of attempts, each with its problem."""
    graded = []
    with on("attempts") as note:
        for problem, attempt in attempts:
            note.at(attempt.key.encode())
            graded.append(grade_attempt(task, problem, attempt, tags, prompts))
            if note.late:
                break
    return graded


def grade_attempt(
    task: Task, problem: Problem, attempt: Attempt, tags: TagFormat, prompts: PromptSet | None = None
) -> GradedAttempt:
    found = grade_text(task, problem, attempt.text, tags, final=False)
    dropped = why_not(attempt, found, tags) or ("hint" if prompts is not None and tells(attempt, prompts) else "")
    return GradedAttempt(attempt.key, attempt.problem, found.correct, found.answer, found.reason, dropped)


def why_not(attempt: Attempt, grade: Grade | GradedAttempt, tags: TagFormat) -> str:
    """Why an attempt can be in no trace; empty where it can."""
    if grade.reason in UNCHECKED:
        return "unchecked"
    if attempt.finish == "length":
        return "cut"
    if grade.answer is None:
        return "no_answer"
    return "tags" if tags.breaks(attempt.text, inner=tags.answer) else ""


def tells(attempt: Attempt, prompts: PromptSet) -> bool:
    """Whether an attempt at a prompt that hinted at the answer gives that away."""
    if attempt.prompt not in {prompt.name for prompt in prompts.hints}:
        return False
    text = attempt.text.casefold()
    return any(word in text for word in prompts.hint_words)
