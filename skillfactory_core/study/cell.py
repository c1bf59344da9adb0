"""Cell: what one row of a study did on one problem with one seed. The unit of every figure and interval of its page."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.attempt import Grade
from skillfactory_core.budget import all_budgets
from skillfactory_core.problem import Problem
from skillfactory_core.results import with_graders
from skillfactory_core.run import Run
from skillfactory_core.skill_use import skill_use
from skillfactory_core.stages.branch import branches_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

COLUMNS = ("problem", "text", "tokens", "finish", "correct")
Empty = Callable[[str, str], "Cell"]
"makes the cell of a way and a problem's hash"


@attrs.define
class Cell:
    """Sums over the responses to one problem."""

    row: str
    seed: int
    exam: str
    way: str
    """how the responses came about, where it is not the evaluation's: '768' tokens at most, '768-1536' where they were made to go on,
    'right-swapped' where they were cut after a right attempt and went on from the opposite of its verdict"""
    problem: str
    "hash of the problem"
    responses: int = 0
    right: int = 0
    tokens: int = 0
    truncated: int = 0
    answers: int = 0
    reflections: int = 0
    right_as_right: int = 0
    "right attempts whose verdict says so"
    right_as_wrong: int = 0
    wrong_as_right: int = 0
    wrong_as_wrong: int = 0


SUMS = tuple(field.name for field in attrs.fields(Cell) if field.type is int and field.name != "seed")


def cells_of(run: Run, method: str, task: Task, exam: str, empty: Empty) -> Iterator[Cell]:
    """The cells of one method on one exam. Responses that failed are left out."""
    tags: TagFormat = registry.find_tags(run.config.tags)
    cells: dict[tuple[str, str], Cell] = {}
    for way, problem, grade, (text, tokens, finish, correct) in graded(run, method, task, exam):
        if finish != "error":
            cell = cells.setdefault((way, problem.hash), empty(way, problem.hash))
            add(cell, text, tokens, finish == "length", correct, tags, grade)
    yield from cells.values()


def graded(
    run: Run, method: str, task: Task, exam: str
) -> Iterator[tuple[str, Problem, Callable[[str], Grade], tuple[Any, ...]]]:
    """Every response and branch: the way it came about, its problem, what grades an answer to that, and its other columns."""
    problems = run.problems("evaluation", exam)
    for way in ("", *all_budgets(run)):
        for problem, grade, row in with_graders(run.responses(method, exam, way), problems, task, COLUMNS):
            yield way, problem, grade, row[1:]
    branches = branches_of(run, method, exam)
    for problem, grade, row in with_graders(branches, problems, task, (*COLUMNS, "truth", "change")):
        *most, truth, change = row[1:]
        yield branched(truth, change), problem, grade, tuple(most)


def branched(truth: bool, change: str) -> str:
    """The way of responses that were cut after an attempt and went on with its verdict changed."""
    return f"{'right' if truth else 'wrong'}-{change}"


def add(
    cell: Cell, text: str, tokens: int, cut: bool, correct: bool, tags: TagFormat, grade: Callable[[str], Grade]
) -> None:
    """Add one response."""
    use = skill_use(text, tags, grade, cut)
    cell.responses += 1
    cell.right += correct
    cell.tokens += tokens
    cell.truncated += cut
    cell.answers += use.answers
    cell.reflections += use.reflections
    for claim in use.claims:
        if claim.truth is not None:
            field = f"{'right' if claim.truth else 'wrong'}_as_{'right' if claim.verdict else 'wrong'}"
            setattr(cell, field, getattr(cell, field) + 1)
