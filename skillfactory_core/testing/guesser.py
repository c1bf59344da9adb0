"""Guesser: replies for any task. It looks the answers up, and gets some of them wrong on purpose."""

from functools import cached_property
from pathlib import Path
from random import Random

from skillfactory_core import registry
from skillfactory_core.engine import Request
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run, open_run
from skillfactory_core.tags import TagFormat


class Guesser:
    """The replies of a model to the requests of one run: called with a request, it gives a text.

    An attempt or a response is right half the time. A reflection tells the truth four times of five. What it says
    depends on the request's seed alone, so a resumed run gives the same tables.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the run; it is read when the first request comes."""
        self.folder = folder

    @cached_property
    def run(self) -> Run:
        return open_run(self.folder)

    @cached_property
    def tags(self) -> TagFormat:
        return registry.find_tags(self.run.config.tags)

    @cached_property
    def problems(self) -> dict[str, Problem]:
        """Every problem of the run, by key."""
        tables = sorted((self.folder / "1-problems").iterdir())
        names = [table.name.partition("-")[::2] for table in tables]
        return {problem.key: problem for split, name in names for problem in self.run.problems(split, name)}

    @cached_property
    def truth(self) -> dict[str, bool]:
        """Attempt key -> whether it is right; asked for when all attempts are graded."""
        return {grade.attempt: grade.correct for grade in self.run.grades}

    def __call__(self, request: Request) -> str:
        random = Random(request.seed)
        problem, rest = self.asked(request.key)
        if rest.count("/") < 3:
            words = f"Trying {random.randint(1, 99)}."
            answer = self.right(problem) if random.random() < 0.5 else self.wrong(problem)
            return f"{words} <{self.tags.answer}>{answer}</{self.tags.answer}>"
        attempt = request.key.rsplit("/", 2)[0]
        claim = self.truth[attempt] if random.random() < 0.8 else not self.truth[attempt]
        verdict = self.tags.correct if claim else self.tags.incorrect
        return f"Looking at {random.randint(1, 99)}. <{self.tags.verdict}>{verdict}</{self.tags.verdict}>"

    def asked(self, key: str) -> tuple[Problem, str]:
        """(problem, the rest of the key): PROBLEM/PROMPT/K, PROBLEM/PROMPT/K/PROMPT/K, METHOD/PROBLEM/K, or METHOD/step-N/PROBLEM/K."""
        parts = key.split("/")
        for start in (0, 1, 2):
            for end in range(len(parts), start, -1):
                problem = self.problems.get("/".join(parts[start:end]))
                if problem is not None:
                    return problem, "/".join(parts[end:])
        raise LookupError(f"{key} is a request about no problem of {self.folder}")

    def right(self, problem: Problem) -> str:
        reference: str = registry.find(registry.TASK, problem.task).reference(problem.params)
        return reference

    def wrong(self, problem: Problem) -> str:
        """An answer that the task does not take: another problem's, or none at all."""
        task = registry.find(registry.TASK, problem.task)
        others = (self.right(other) for other in self.problems.values() if other.task == problem.task)
        return next((answer for answer in others if not task.grade(problem.params, answer).correct), "nothing")
