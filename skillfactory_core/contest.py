"""Contest: which methods of which runs are compared, and how often each was right on which problem."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.results import lost
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.task import Task

if TYPE_CHECKING:
    from numpy import ndarray

Marks = dict[str, tuple[int, int]]
"hash of a problem -> (right, responses)"


@attrs.frozen(eq=False)
class Contestant:
    """One method of one run."""

    label: str
    "the method, with the name of its run in front where there are several"
    run: Run
    method: str
    marks: dict[str, Marks]
    "by the run's own names of its exams"


@attrs.define(eq=False)
class Exam:
    """Problems that contestants have answered, whatever each run calls them."""

    name: str
    "what the first run that has it calls it; with the task in front where another exam has that name"
    task: str
    trained_on: bool
    "one of the runs was trained on problems like these"
    rows: dict[str, int]
    "hash of each problem -> its row"
    marks: dict[str, Marks]
    "by contestant"

    def shared(self, labels: Iterable[str]) -> set[str]:
        """The problems that any of these have answered."""
        return set().union(*(self.marks.get(label, {}) for label in labels))

    def shares(self) -> "dict[str, ndarray]":
        """Each contestant's share of right responses by problem; NaN where it has none."""
        import numpy

        found = {}
        for label, marks in self.marks.items():
            found[label] = numpy.full(len(self.rows), numpy.nan)
            for problem, (right, responses) in marks.items():
                found[label][self.rows[problem]] = right / responses
        return found


def contestants_of(runs: Sequence[Run], methods: Sequence[str] = (), own: bool = False) -> list[Contestant]:
    """The methods that have responses: all, those of these names, or each run's own one alone."""
    prefixes = names_of(runs)
    found: list[Contestant] = []
    known: list[str] = []
    for run, prefix in zip(runs, prefixes, strict=True):
        arms = run.config.arms if not own else (run.config.method if run.config.trains else "base",)
        there = {method: marks for method in arms if (marks := marks_of(run, method))}
        if not there:
            raise SkillFactoryError(f"run {run.folder} has no responses to compare: sf evaluate {run.folder}")
        known += there
        found += [
            Contestant(f"{prefix}/{method}" if prefix else method, run, method, marks)
            for method, marks in there.items()
            if not methods or method in methods
        ]
    for method in methods:
        if method not in known:
            raise not_found(
                "method with responses",
                method,
                dict.fromkeys(known),
                "compare",
                f"; there is {', '.join(dict.fromkeys(known))}",
            )
    if len(found) < 2:
        raise SkillFactoryError(f"there is only {found[0].label} to compare: name another run or method (sf compare)")
    return found


def names_of(runs: Sequence[Run]) -> list[str]:
    """What tells the runs apart: nothing for one, else the folders' names, with as many folders above as it takes."""
    if len(runs) == 1:
        return [""]
    paths = [run.folder.absolute().parts for run in runs]
    if len(set(paths)) < len(paths):
        raise SkillFactoryError(f"run {max(paths, key=paths.count)[-1]} is named twice (sf compare)")
    depth = 1
    while len({path[-depth:] for path in paths}) < len(paths):
        depth += 1
    return ["/".join(path[-depth:]) for path in paths]


def marks_of(run: Run, method: str) -> dict[str, Marks]:
    """exam -> how often a method was right on each problem. Responses that failed to be generated are left out."""
    found = {}
    for name in variants_of(run.config):
        hashes = dict(run.problems("evaluation", name).every("key", "hash"))
        right: Counter[str] = Counter()
        responses: Counter[str] = Counter()
        for problem, correct, finish in run.responses(method, name).every("problem", "correct", "finish"):
            if problem not in hashes:
                raise lost(run.problems("evaluation", name), problem)
            if finish != "error":
                right[hashes[problem]] += correct
                responses[hashes[problem]] += 1
        if responses:
            found[name] = {problem: (right[problem], count) for problem, count in responses.items()}
    return found


def exams_of(contestants: Sequence[Contestant]) -> list[Exam]:
    """The exams of all, matched by their problems."""
    exams: list[Exam] = []
    names: dict[tuple[int, str], Exam] = {}
    for one in contestants:
        tasks = variants_of(one.run.config)
        for name, marks in one.marks.items():
            exam = names.get((id(one.run), name)) or match(exams, marks)
            if exam is None or one.label in exam.marks:
                task = tasks[name].name
                taken = {each.name for each in exams}
                free = next(n for n in (name, f"{task}-{name}", f"{one.label}/{name}") if n not in taken)
                exams.append(exam := Exam(free, task, False, {}, {}))
            exam.trained_on |= trained_on(one.run, tasks[name])
            names[id(one.run), name] = exam
            exam.marks[one.label] = marks
            for problem in marks:
                exam.rows.setdefault(problem, len(exam.rows))
    return exams


def trained_on(run: Run, task: Task) -> bool:
    config = run.config
    return config.trains and (task.name, task.variant) == (config.task, task_of(config).variant)


def match(exams: Sequence[Exam], marks: Marks) -> Exam | None:
    """The exam that shares the most problems, if one shares any."""
    shared = [sum(problem in exam.rows for problem in marks) for exam in exams]
    return exams[shared.index(max(shared))] if any(shared) else None
