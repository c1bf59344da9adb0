"""Cell: what one row of a study did on one problem with one seed. The unit of every figure and interval of its page."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import attrs

from skillfactory_core import registry
from skillfactory_core.attempt import Grade
from skillfactory_core.deadline import on
from skillfactory_core.results import lost
from skillfactory_core.run import Run
from skillfactory_core.skill_use import skill_use
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

COLUMNS = ("problem", "text", "tokens", "finish", "correct")


@attrs.define
class Cell:
    """Sums over the responses to one problem."""

    row: str
    seed: int
    exam: str
    budget: str
    "tokens that the responses were allowed, where it is not the evaluation's: '768', or '768-1536' where they were made to go on"
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


def cells_of(run: Run, method: str, task: Task, exam: str, budget: str, name: Callable[[str], Cell]) -> Iterator[Cell]:
    """The cells of one table of responses; `name` makes the empty one of a problem's hash. Responses that failed are left out."""
    tags: TagFormat = registry.find_tags(run.config.tags)
    problems = {problem.key: problem for problem in run.problems("evaluation", exam)}
    cells: dict[str, Cell] = {}

    # Responses to a problem stand together, and many of their attempts have the same answer.
    @lru_cache(4096)
    def grade(problem: str, answer: str) -> Grade:
        return task.grade(problems[problem].params, answer)

    for key, text, tokens, finish, correct in run.responses(method, exam, budget).every(*COLUMNS):
        if finish == "error":
            continue
        if key not in problems:
            raise lost(run.problems("evaluation", exam), key)
        if key not in cells:
            cells[key] = name(problems[key].hash)
        with on(key):
            add(cells[key], text, tokens, finish == "length", correct, tags, partial(grade, key))
    yield from cells.values()


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
