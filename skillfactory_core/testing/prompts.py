"""Check a prompt set: every prompt says what it has to, and leaves no field open."""

from collections.abc import Iterator
from itertools import islice

from skillfactory_core import registry
from skillfactory_core.check.asking import prompted
from skillfactory_core.check.problems import makes_its_own
from skillfactory_core.check.subject import Flaw
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import PromptSet
from skillfactory_core.testing.demand import demand
from skillfactory_core.testing.skill import check_phrases

PLAIN = Problem(
    "kit/default/train/0", "kit", "default", "train", 0, {}, r"Is \frac{a}{b} = 3, or {x}?", "0123456789abcdef"
)


def check_prompt_set(prompts: PromptSet) -> None:
    """Fill every prompt with a problem that is full of braces, and with one of every installed task."""
    name = f"prompt set '{prompts.name}'"
    demand(prompts.summary.strip(), f"{name} has no summary")
    for kind, of_kind in (("attempts", (*prompts.attempts, *prompts.hints)), ("reflections", prompts.reflections)):
        names = [prompt.name for prompt in of_kind]
        demand(len(set(names)) == len(names), f"{name}: two prompts for {kind} have one name: {', '.join(names)}")
    for problem, kind, reference in (PLAIN, "a number", "3"), *problems():
        try:
            prompted(problem, prompts, kind, reference)
        except Flaw as flaw:
            raise AssertionError(str(flaw)) from flaw
    for bank, phrases in prompts.phrases.items():
        check_phrases(f"{name}, bank '{bank}'", phrases)


def problems() -> Iterator[tuple[Problem, str, str]]:
    """(problem, answer kind, reference) of every task that makes its problems."""
    for task, _ in registry.registered(registry.TASK).values():
        if makes_its_own(task):
            for problem in islice(task.problems(0, "train"), 1):
                yield problem, task.answer_kind, task.reference(problem.params)
