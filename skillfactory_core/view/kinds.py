"""Kinds: the kinds of records of a run: where they lie, how they can be filtered, how they read, what they lead to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.reflection import Reflection
from skillfactory_core.report import texts
from skillfactory_core.report.pieces import Reader
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.table import Table
from skillfactory_core.trace import Trace
from skillfactory_core.view.sieve import Test, by_row, claim, contains, equal, last_claim, truth

GRADES = ("right", "wrong", "not checked")
ENDS = ("stop", "length", "error")
FATES_OF_ATTEMPTS = ("none", "unchecked", "cut", "no_answer", "tags", "hint")
FATES_OF_REFLECTIONS = ("none", "untrue", "no_verdict", "cut", "empty", "tags", "error")
"why the filter left something out"
KEPT = 4
"parts of small records that are held at once"
Row = dict[str, Any]


@attrs.frozen
class Case:
    """One table of a kind, and what all its records have in common."""

    table: Table[Any]
    same: Mapping[str, str] = attrs.field(factory=dict)
    "facet -> value"


@attrs.frozen
class Kind:
    """One kind of record."""

    name: str
    title: str
    cases: Sequence[Case]
    tests: Mapping[str, Test]
    "facet -> how it is tested row by row"
    offered: Mapping[str, Sequence[str]]
    "facet -> the values to choose from; those without are typed"
    read: Callable[[Any, Case, int, bool], texts.Text]
    "(record, its table, its part, whether with its pieces) -> how it reads"
    leads: Callable[[Any], list[Row]]
    "a record -> where to go from it"
    of_attempts: tuple[str, ...] = ()
    "facets that the grades of the attempts know"


def kind_of(run: Run, name: str) -> Kind:
    """One kind, looked up anew each time: a run may be at work."""
    if name not in KINDS:
        raise SkillFactoryError(f"no records named '{name}': there are {', '.join(KINDS)}")
    # Without limits: every record is shown whole.
    return KINDS[name](run, Reader(registry.find_tags(run.config.tags), most=0, longest=0))


def values(table: Table[Any], column: str) -> list[str]:
    """What occurs in a column of the first part."""
    parts = table.parts()[:1]
    found = dict.fromkeys(value for (value,) in table.columns(parts[0], column)) if parts else {}
    return [str(value) for value in found if value]


@attrs.frozen
class Beside:
    """What is read beside a record, kept while one question is answered: problems and grades, a part at a time."""

    run: Run
    kept: dict[Any, dict[str, Any]] = attrs.field(factory=dict)

    def of(self, table: Table[Any], part: int, field: str = "key") -> dict[str, Any]:
        """The records of a part by key; only those of the last few parts are kept."""
        place = (table.folder, part)
        if place not in self.kept:
            while len(self.kept) >= KEPT:
                del self.kept[next(iter(self.kept))]
            there = table.read(part) if part in table.parts() else ()
            self.kept[place] = {getattr(record, field): record for record in there}
        return self.kept[place]

    def question(self, split: str, exam: str, part: int, key: str) -> str:
        problem = self.of(self.run.problems(split, exam), part).get(key)
        return problem.question if problem else key


def problems(run: Run, reader: Reader) -> Kind:
    names = sorted(path.name for path in (run.folder / "1-problems").glob("*-*"))
    cases = [
        Case(run.problems(split, exam), {"split": split, "difficulty": exam})
        for split, _, exam in (name.partition("-") for name in names)
    ]

    def leads(problem: Problem) -> list[Row]:
        if problem.split == "train":
            return [
                to("its attempts", "attempts", problem=problem.key),
                to("its traces", "traces", problem=problem.key),
            ]
        return [to("the responses to it", "responses", problem=problem.key)] if problem.split == "evaluation" else []

    offered = {name: list(dict.fromkeys(case.same[name] for case in cases)) for name in ("split", "difficulty")}
    tests = {"problem": equal("key"), "contains": contains("question")}
    return Kind("problems", "Problems", cases, tests, offered, lambda one, *_: texts.of_problem(one, reader), leads)


def attempts(run: Run, reader: Reader) -> Kind:
    beside = Beside(run)
    variant = task_of(run.config).variant

    def read(attempt: Attempt, case: Case, part: int, whole: bool) -> texts.Text:
        grade = beside.of(run.grades, part, "attempt").get(attempt.key)
        return texts.of_attempt(attempt, grade, beside.question("train", variant, part, attempt.problem), reader)

    def leads(attempt: Attempt) -> list[Row]:
        return [
            to("the problem", "problems", attempt.problem),
            to("the reflections on it", "reflections", attempt=attempt.key),
            to("the traces of its problem", "traces", problem=attempt.problem),
        ]

    tests = {
        "prompt": equal("prompt"),
        "finish": equal("finish"),
        "problem": equal("problem"),
        "contains": contains("text"),
    }
    offered = {"grade": GRADES, "left out": FATES_OF_ATTEMPTS, "prompt": values(run.attempts, "prompt"), "finish": ENDS}
    return Kind("attempts", "Attempts", [Case(run.attempts)], tests, offered, read, leads, ("grade", "left out"))


def reflections(run: Run, reader: Reader) -> Kind:
    beside = Beside(run)
    variant = task_of(run.config).variant

    def read(reflection: Reflection, case: Case, part: int, whole: bool) -> texts.Text:
        return texts.of_reflection(reflection, beside.question("train", variant, part, reflection.problem), reader)

    def leads(reflection: Reflection) -> list[Row]:
        return [
            to("the attempt", "attempts", reflection.attempt),
            to("the problem", "problems", reflection.problem),
        ]

    tests = {
        "verdict": by_row(("verdict",), claim),
        "left out": by_row(("dropped",), lambda dropped: dropped or "none"),
        "prompt": equal("prompt"),
        "attempt": equal("attempt"),
        "problem": equal("problem"),
        "contains": contains("text"),
    }
    offered = {
        "verdict": ("says right", "says wrong", "none"),
        "left out": FATES_OF_REFLECTIONS,
        "prompt": values(run.reflections, "prompt"),
    }
    return Kind("reflections", "Reflections", [Case(run.reflections)], tests, offered, read, leads)


def traces(run: Run, reader: Reader) -> Kind:
    beside = Beside(run)
    variant = task_of(run.config).variant

    def read(trace: Trace, case: Case, part: int, whole: bool) -> texts.Text:
        return texts.of_trace(trace, beside.question("train", variant, part, trace.problem), reader)

    def leads(trace: Trace) -> list[Row]:
        return [to("the problem", "problems", trace.problem), to("its attempts", "attempts", problem=trace.problem)]

    tests = {
        "grade": by_row(("shape",), lambda shape: "with wrong attempts" if "I" in shape else "right attempts alone"),
        "attempts": by_row(("shape",), lambda shape: str(len(shape))),
        "strategy": equal("strategy"),
        "shape": equal("shape"),
        "problem": equal("problem"),
    }
    sizes = sorted({len(shape) for shape in values(run.traces, "shape")})
    offered = {
        "grade": ("right attempts alone", "with wrong attempts"),
        "attempts": [str(size) for size in sizes],
        "strategy": values(run.traces, "strategy"),
    }
    return Kind("traces", "Traces", [Case(run.traces)], tests, offered, read, leads)


def responses(run: Run, reader: Reader) -> Kind:
    beside = Beside(run)
    tasks = variants_of(run.config)
    budgets = sorted(path.name.removeprefix("budget-") for path in (run.folder / "8-evaluation").glob("budget-*"))
    cases = [
        Case(
            run.responses(method, exam, budget),
            {"task": task.name, "difficulty": exam, "method": method, "budget": budget or "none"},
        )
        for budget in ("", *budgets)
        for exam, task in tasks.items()
        for method in run.config.arms
    ]
    cases = [case for case in cases if case.table.parts()]

    def read(response: Response, case: Case, part: int, whole: bool) -> texts.Text:
        exam = case.same["difficulty"]
        problem = beside.of(run.problems("evaluation", exam), part).get(response.problem)
        # Its attempts are graded anew for its pieces: not for a line of a list.
        return texts.of_response(response, problem, tasks[exam], reader if whole else None)

    def leads(response: Response) -> list[Row]:
        same = to("every response to it", "responses", problem=response.problem)
        return [to("the problem", "problems", response.problem), same]

    tests = {
        "grade": by_row(("correct", "reason", "finish"), truth),
        "last verdict": by_row(("text",), last_claim(reader.tags)),
        "finish": equal("finish"),
        "problem": equal("problem"),
        "contains": contains("text"),
    }
    same = {
        name: list(dict.fromkeys(case.same[name] for case in cases))
        for name in ("task", "difficulty", "method", "budget")
    }
    offered = {
        **same,
        "grade": (*GRADES, "failed"),
        "last verdict": ("says right", "says wrong", "none"),
        "finish": ENDS,
    }
    return Kind("responses", "Responses", cases, tests, offered, read, leads)


def to(title: str, kind: str, key: str = "", **chosen: str) -> Row:
    """A way from a record to another, or to a list."""
    return {"title": title, "kind": kind, "key": key, "chosen": chosen}


KINDS: dict[str, Callable[[Run, Reader], Kind]] = {
    "problems": problems,
    "attempts": attempts,
    "reflections": reflections,
    "traces": traces,
    "responses": responses,
}
"in the order in which data flows"
