"""Sample attempts: every problem, asked in every prompt variant, several times."""

from collections.abc import Iterable
from typing import Any

from skillfactory_core.attempt import Attempt
from skillfactory_core.deadline import on
from skillfactory_core.engine import Engine, Generation, Request, stream_seed
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.shard import WHOLE, Shard
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.problems import task_of
from skillfactory_core.task import Task


def sample(run: Run, prompts: PromptSet, engine: Engine, shard: Shard = WHOLE) -> dict[str, Any]:
    """Fill `2-attempts`, or a shard's parts of it, from the train problems; returns the counts."""
    task = task_of(run.config)
    problems = run.problems("train", task.variant)
    per_problem = len(prompts.attempts + prompts.hints) * run.config.sample.attempts
    mine = shard.of(problems.parts())
    done = complete_parts(run.attempts, mine)
    total, there = problems.count(mine) * per_problem, run.attempts.count(done.intersection(mine))
    with Progress("sample attempts", total, "attempts", there) as progress:
        for number in mine:
            if number not in done:
                batch = problems.read(number)
                requests = list(ask(batch, prompts, task, run.config.sample.attempts, run.config.seed))
                failures = run.config.most_failures
                generate_part(run.attempts, number, requests, attempt, engine, run.config.sampling, failures, progress)
    counts = {"attempts": 0, "failed": 0, "cut": 0, "tokens": 0}
    for number in mine:
        for error, finish, tokens in run.attempts.columns(number, "error", "finish", "tokens"):
            counts["attempts"] += 1
            counts["failed"] += bool(error)
            counts["cut"] += finish == "length"
            counts["tokens"] += tokens
    return counts


def ask(problems: Iterable[Problem], prompts: PromptSet, task: Task, count: int, seed: int) -> Iterable[Request]:
    """The requests of some problems, in the order of the table."""
    for problem in problems:
        values = {"question": prompts.question(problem.task, problem.params, problem.question)}
        values |= {"answer_kind": task.answer_kind}
        if prompts.hints:
            with on(problem.key):
                values |= {"hint": task.reference(problem.params)}
        for prompt in prompts.attempts + prompts.hints:
            messages = tuple(prompt.messages(**values))
            for k in range(count):
                key = f"{problem.key}/{prompt.name}/{k}"
                yield Request(key, messages, stream_seed(seed, key))


def attempt(generation: Generation) -> Attempt:
    problem, prompt, k = generation.key.rsplit("/", 2)
    return Attempt(
        generation.key, problem, prompt, int(k), generation.text, generation.tokens, generation.finish, generation.error
    )
