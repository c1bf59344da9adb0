"""The checks of problems: that they can be made again, are told apart, are kept apart, and can be solved."""

import json
import math
import time
from itertools import islice
from typing import Any

import attrs

from skillfactory_core.check.subject import STEP, Flaw, NotChecked, Subject, show
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import in_one_line
from skillfactory_core.problem import Problem
from skillfactory_core.task import SPLITS, Task, make_problem, problem_hash

FEW = 30
"problems of each split but the first, and problems that are made again"
SEARCHED = 50
"problems that are solved by search"
NEEDED = ("train", "rl", "evaluation")
"splits that a run asks of a task that makes its problems"


def problems(subject: Subject) -> tuple[int, str]:
    """Make the problems of every split, and look at each."""
    makes = makes_its_own(subject.task)
    refused = collect(subject)
    if not subject.problems or (not makes and "evaluation" in refused):
        nothing = SkillFactoryError(
            f"task '{subject.task.name}' ({subject.task.variant}) has no problems: nothing can be checked"
        )
        raise refused.get("evaluation", next(iter(refused.values()), nothing))
    for split in NEEDED:
        if makes and not subject.splits[split]:
            raise Flaw(str(refused.get(split, f"split '{split}' has no problems")))
    by_question: dict[str, Problem] = {}
    by_hash: dict[str, Problem] = {}
    for split, found in subject.splits.items():
        for problem in found:
            examine(subject, problem, split)
            twin = by_hash.setdefault(problem.hash, problem)
            if twin is not problem:
                raise Flaw(f"{twin.key} and {problem.key} are the same problem")
            twin = by_question.setdefault(problem.question, problem)
            if twin is not problem:
                raise Flaw(
                    f"{twin.key} and {problem.key} ask the same question, and canonical tells them apart: "
                    f"{canonical(subject, twin)!r:.80}, {canonical(subject, problem)!r:.80}"
                )
    again(subject, makes)
    return len(by_hash), ", ".join(f"{split} {len(found)}" for split, found in subject.splits.items())


def makes_its_own(task: Task) -> bool:
    """Whether the problems come from `make`, and not from a dataset that is only so large and may be far away."""
    return type(task).problems is Task.problems


def collect(subject: Subject) -> dict[str, SkillFactoryError]:
    """Fill `splits`; gives the errors of the splits that are refused."""
    refused: dict[str, SkillFactoryError] = {}
    for split in SPLITS:
        count = FEW if subject.problems else subject.settings.problems
        limit = STEP if makes_its_own(subject.task) else math.inf
        step, start = f"making the problems of split '{split}'", time.monotonic()
        subject.board.note(step, limit, start)
        subject.splits[split] = []
        try:
            found = []
            for problem in islice(subject.task.problems(subject.settings.seed, split), count):
                found.append(problem)
                subject.board.note(
                    f"{step} ({len(found)} of {count}: make is slow, or there are no more)", limit, start
                )
            subject.splits[split] = found
        except SkillFactoryError as error:
            refused[split] = error
        except (Exception, SystemExit) as error:
            raise Flaw(f"the problems of split '{split}' cannot be made: {in_one_line(error)}") from error
        if not all(isinstance(problem, Problem) for problem in subject.splits[split]):
            subject.splits[split] = []
            raise Flaw(f"problems('{split}') gave what is no Problem")
    return refused


def examine(subject: Subject, problem: Problem, split: str) -> None:
    """One problem by itself: its fields, its texts, and its way through the tables of a run."""
    task, key = subject.task, problem.key
    if (problem.task, problem.variant, problem.split) != (task.name, task.variant, split):
        raise Flaw(
            f"{key} says it is of {problem.task}/{problem.variant}/{problem.split}, not {task.name}/{task.variant}/{split}"
        )
    try:
        stored = json.loads(json.dumps(problem.params))
    except (TypeError, ValueError) as error:
        raise Flaw(f"{key}: params hold what JSON does not: {in_one_line(error)}") from error
    if stored != problem.params:
        raise Flaw(f"{key}: params come back from JSON as {stored!r:.80}, and were {problem.params!r:.80}")
    question = subject.ask(problem, "question")
    if not isinstance(question, str) or not question.strip():
        raise Flaw(f"{key}: the question is {question!r:.80}, and has to be a text that is not empty")
    if question != problem.question:
        raise Flaw(f"{key}: asked twice, the question is {problem.question!r:.80} and {question!r:.80}")
    try:
        question.encode()
    except UnicodeEncodeError as error:
        raise Flaw(f"{key}: the question cannot be written as UTF-8: {error}") from error
    same = canonical(subject, problem)
    if problem_hash(task, stored) != problem.hash or same != canonical(subject, problem):
        raise Flaw(f"{key}: canonical does not stay the same: it is {same!r:.80} now, and the hash was of another text")


def canonical(subject: Subject, problem: Problem) -> str:
    text = subject.ask(problem, "canonical")
    if not isinstance(text, str):
        raise Flaw(f"{problem.key}: canonical is {text!r:.80}, and has to be a text")
    return text


def again(subject: Subject, makes: bool) -> None:
    """The same problems a second time, in another order: they may depend on the seed and their number alone."""
    task, seed = subject.task, subject.settings.seed
    for split, found in reversed(subject.splits.items()):
        first = found[:FEW][::-1]
        subject.board.note(f"making the problems of split '{split}' again", STEP if makes else math.inf)
        try:
            if makes:
                second = [make_problem(task, seed, split, problem.index) for problem in first]
            else:
                second = list(islice(task.problems(seed, split), len(first)))[::-1] if first else []
        except (Exception, SystemExit) as error:
            raise Flaw(f"the problems of split '{split}' cannot be made again: {in_one_line(error)}") from error
        if len(first) != len(second):
            raise Flaw(f"split '{split}' has {len(first)} problems, and {len(second)} when it is read again")
        for problem, twin in zip(first, second, strict=True):
            if problem != twin:
                raise Flaw(
                    f"{problem.key} is another problem when it is made again, {twin.params!r:.80} after "
                    f"{problem.params!r:.80}: it may depend on nothing but the `random` that make is given"
                )


def solvable(subject: Subject) -> tuple[int, str]:
    """Solve problems by search, without what their question does not depend on, such as a stored solution."""
    solved = 0
    hidden: set[str] = set()
    reason = ""
    for problem in subject.problems[:SEARCHED]:
        told = asked(subject, problem)
        hidden |= problem.params.keys() - told.keys()
        without = f" (not told {', '.join(sorted(hidden))}: the question does not depend on it)" if hidden else ""
        try:
            found = subject.ask(attrs.evolve(problem, params=told), "solve")
        except NotImplementedError as error:
            reason = str(error)
            continue
        except Flaw as flaw:
            raise Flaw(f"{flaw}{without}") from flaw
        if not isinstance(found, str):
            gave = "finds no answer" if found is None else f"gave {found!r:.80}, which is no text,"
            raise Flaw(f"{problem.key}: solve{without} {gave} to {problem.question!r:.300}")
        grade = subject.grade(problem, found)
        if not grade.correct:
            raise Flaw(f"{problem.key}: what solve finds{without}, {show(found)}, is graded {grade.reason}")
        solved += 1
    if not solved:
        raise NotChecked(reason)
    return solved, "solved by search" + (f", without {', '.join(sorted(hidden))}" if hidden else "")


def asked(subject: Subject, problem: Problem) -> dict[str, Any]:
    """The params on which the question or the canonical text depends."""
    kept = dict(problem.params)
    for name in problem.params:
        without = attrs.evolve(problem, params={k: v for k, v in kept.items() if k != name})
        try:
            same = subject.ask(without, "question") == problem.question
            if same and canonical(subject, without) == canonical(subject, problem):
                kept = without.params
        except Flaw:
            continue
    return kept
