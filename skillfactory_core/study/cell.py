"""Cell: what one row of a study did on one problem with one seed. The unit of every figure and interval of its page."""

from collections.abc import Callable, Iterator

import attrs

from skillfactory_core import registry
from skillfactory_core.attempt import Grade
from skillfactory_core.results import with_graders
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
    cells: dict[str, Cell] = {}
    responses, problems = run.responses(method, exam, budget), run.problems("evaluation", exam)
    for problem, grade, (key, text, tokens, finish, correct) in with_graders(responses, problems, task, COLUMNS):
        if finish != "error":
            cell = cells.setdefault(key, name(problem.hash))
            add(cell, text, tokens, finish == "length", correct, tags, grade)
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
