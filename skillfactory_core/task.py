"""Task: what a task plugin subclasses. A task makes problems and grades answers."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from random import Random
from typing import Any, ClassVar, Self

import attrs

from skillfactory_core.attempt import Grade
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem

PATIENCE = 2_000
"draws that no split of a fair hash misses, not even one that owns 5 percent of it"
SPLITS = {"train": range(40), "rl": range(40, 80), "validation": range(80, 85), "evaluation": range(85, 100)}
"percent of the hash space that each split owns: no problem can be in two, whatever the seed"


@attrs.frozen
class Task:
    """A family of problems. Options such as difficulty are fields of the subclass (a frozen attrs class).

    A subclass defines `make`, `canonical`, `question`, `reference` and `grade`, and names its `variants`.
    Tasks read from a dataset override `problems` instead of `make`.
    """

    name: ClassVar[str]
    "what `--task` takes"
    summary: ClassVar[str]
    "one line for `sf tasks`"
    answer_kind: ClassVar[str]
    "what the prompt asks for inside the answer tag, such as 'an arithmetic expression'"
    evaluation_samples: ClassVar[int] = 4
    "responses per problem in an evaluation"

    def make(self, random: Random) -> dict[str, Any]:
        """The params of one problem; every draw comes from `random`."""
        raise TypeError(f"task '{self.name}' defines neither make nor problems")

    def canonical(self, params: Mapping[str, Any]) -> str:
        """A text that is the same for two problems exactly when they are the same problem."""
        raise TypeError(f"task '{self.name}' does not define canonical")

    def question(self, params: Mapping[str, Any]) -> str:
        """The problem in words. SkillFactoryError for params that cannot be asked or graded: they may come from a
        user's file, and grading must never find out."""
        raise TypeError(f"task '{self.name}' does not define question")

    def reference(self, params: Mapping[str, Any]) -> str:
        """An answer that is right."""
        raise TypeError(f"task '{self.name}' does not define reference")

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        """Grade the content of an answer tag: any string, quickly, without raising."""
        raise TypeError(f"task '{self.name}' does not define grade")

    def solve(self, params: Mapping[str, Any]) -> str | None:
        """Optional: an answer found by search, from what the question tells alone; None where there is none.

        It reads no stored solution: `sf check` proves with it that problems can be solved, and takes away what the
        question does not depend on. NotImplementedError with the reason: such a problem is not searched.
        """
        raise NotImplementedError("the task defines no solve")

    def trivial(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Optional: answers that take no skill, by a name such as 'the first number'; `sf check` tells how often each is right."""
        return {}

    def ships(self) -> Mapping[str, str]:
        """Optional: files that come with the task and decide its grades, such as a word list: what each is, and what tells one
        version from another. SkillFactoryError where one is not the one that belongs here. `sf doctor` shows them."""
        return {}

    @property
    def grade_seconds(self) -> float:
        """How long one grade may take; `sf check` measures it."""
        return 0.01

    def variants(self) -> "Mapping[str, Self]":
        """Named difficulties, in rising order; `variant` names the one that this task is."""
        return {self.variant: self}

    @property
    def variant(self) -> str:
        """The name of this task's own difficulty."""
        return "default"

    def problems(self, seed: int, split: str) -> Iterator[Problem]:
        """Distinct problems of a split, endless for tasks that make them. Item i depends on seed and i alone."""
        seen: set[str] = set()
        index = misses = 0
        while misses < 10_000:
            problem = make_problem(self, seed, split, index)
            index += 1
            if problem.hash in seen:
                misses += 1
                continue
            misses = 0
            seen.add(problem.hash)
            yield problem


def check_params(task: Task, params: Any) -> None:
    """One error that says what is wrong with a problem from outside, before anything is graded by it."""
    try:
        if not isinstance(params, Mapping):
            raise TypeError(f"{params!r:.80} is not an object of fields")
        task.question(params)
    except SkillFactoryError:
        raise
    except Exception as error:  # third-party tasks raise what they like
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SkillFactoryError(f"task '{task.name}' cannot read the problem {params!r:.80} ({reason})") from error


def problem_hash(task: Task, params: Mapping[str, Any]) -> str:
    return sha256(f"{task.name}\0{task.canonical(params)}".encode()).hexdigest()[:16]


def split_of(problem_hash: str) -> str:
    """The split that owns a problem, by its hash."""
    percent = int(problem_hash, 16) % 100
    return next(name for name, owned in SPLITS.items() if percent in owned)


def make_problem(task: Task, seed: int, split: str, index: int) -> Problem:
    """Item `index` of a split: drawn from its own stream until the hash says that the split owns it."""
    random = Random(f"{seed}-{task.name}-{task.variant}-{split}-{index}")
    key = f"{task.name}/{task.variant}/{split}/{index}"
    for _ in range(PATIENCE):
        with on(key):
            params = task.make(random)
            digest = problem_hash(task, params)
            if split_of(digest) == split:
                return Problem(
                    key=key,
                    task=task.name,
                    variant=task.variant,
                    split=split,
                    index=index,
                    params=params,
                    question=task.question(params),
                    hash=digest,
                )
    raise SkillFactoryError(
        f"task '{task.name}' made no problem for split '{split}' in {PATIENCE:,} draws: its options leave too few; widen them (-o)"
    )
