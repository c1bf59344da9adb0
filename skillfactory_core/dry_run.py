"""Dry run: how many generations a run will ask for, and what they will cost, from a probe of a few requests.

Nothing is kept. The model really answers: twenty requests of a kind, then the same again in growing batches as long as that
is quick, because an engine is faster on many requests at once. What models say after training cannot be known before, so
those stages are counted, not timed.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import attrs

from skillfactory_core.attempt import Attempt
from skillfactory_core.config import Config, rl_only_settings
from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.pipeline import Choices, open_engine
from skillfactory_core.problem import Problem
from skillfactory_core.stages import grade, reflect, sample
from skillfactory_core.stages.evaluate import response
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.table import Table
from skillfactory_core.task import Task

PROBE = 20
"requests that tell what the model says"
QUICK = 8.0
"seconds: a batch that takes longer is the last"
GROWTH = 5


@attrs.frozen
class Cost:
    """What a stage will ask for, and where the model is known, what that costs."""

    stage: str
    generations: int
    tokens: int | None = None
    seconds: float | None = None
    disk: int | None = None
    "bytes"


@attrs.frozen
class Probed:
    """What the model said, and how fast it says it in large batches."""

    generations: list[Generation]
    per_second: float
    "generations"

    @property
    def tokens(self) -> float:
        return sum(g.tokens for g in self.generations) / len(self.generations)


def predict(config: Config, choices: Choices) -> list[Cost]:
    """The cost of every stage that generates, in order."""
    task = task_of(config)
    evaluations = sum(
        there(variant, config.evaluate.seed, "evaluation", config.evaluate.problems)
        * (config.evaluate.samples or variant.evaluation_samples)
        for variant in variants_of(config).values()
    )
    costs = [] if config.teacher else probed_stages(config, choices)
    for arm in config.arms[2:]:
        settings = rl_only_settings(config) if arm == "rl-only" else config.grpo
        costs.append(Cost(f"grpo-{arm}", settings.steps * settings.prompts * settings.rollouts))
    with open_engine(choices.engine, choices.start, config) as engine:
        variants = list(variants_of(config).values())
        problems = [
            p for variant in variants for p in islice(variant.problems(config.evaluate.seed, "evaluation"), PROBE)
        ]
        questions = [ask(problem, choices.prompts, task.answer_kind) for problem in problems]
        requests = [Request(q.key, q.messages, stream_seed(0, q.key)) for q in questions]
        probe = run_probe(engine, spread(requests), config.evaluate_sampling)
        by_key = {problem.key: problem for problem in problems}

        def judged(generation: Generation) -> Any:
            made = attrs.evolve(generation, key=f"base/{generation.key}/0")
            return response(made, "base", by_key[generation.key].variant, by_key, task, choices.tags)

        disk = bytes_each([judged(g) for g in probe.generations])
    costs.append(cost("evaluate-base", evaluations, probe, disk))
    return costs + [Cost(f"evaluate-{arm}", evaluations) for arm in config.arms[1:]]


def probed_stages(config: Config, choices: Choices) -> list[Cost]:
    """Sampling and reflecting."""
    task = task_of(config)
    with open_engine(choices.engine, choices.model.path, config) as engine:
        problems = {p.key: p for p in islice(task.problems(config.seed, "train"), PROBE)}
        requests = list(sample.ask(problems.values(), choices.prompts, task, 1, config.seed))
        probe = run_probe(engine, spread(requests), config.sampling)
        attempts = [sample.attempt(g) for g in probe.generations]
        per_problem = len(choices.prompts.attempts + choices.prompts.hints) * config.sample.attempts
        total = there(task, config.seed, "train", config.sample.problems) * per_problem
        costs = [cost("sample", total, probe, bytes_each(attempts))]
        if any(skill.reflects for skill in choices.skills):
            costs.append(reflections(engine, config, choices, attempts, problems, total))
    return costs


def reflections(
    engine: Engine, config: Config, choices: Choices, attempts: list[Attempt], problems: dict[str, Problem], total: int
) -> Cost:
    task = task_of(config)
    grades = {a.key: grade.grade_attempt(task, problems[a.problem], a, choices.tags, choices.prompts) for a in attempts}
    usable = [a for a in attempts if not grades[a.key].dropped]
    each = config.reflect.reflections
    if not usable:
        return Cost("reflect", 0)
    requests = list(reflect.ask(usable, problems, choices.prompts, each, config.seed, task.answer_kind))
    probe = run_probe(engine, spread(requests), config.sampling)
    disk = bytes_each([reflect.reflection(g, grades, choices.tags) for g in probe.generations])
    return cost("reflect", round(total * each * len(usable) / len(attempts)), probe, disk)


def cost(stage: str, count: int, probe: Probed, disk: float) -> Cost:
    return Cost(stage, count, round(count * probe.tokens), count / probe.per_second, round(count * disk))


def there(task: Task, seed: int, split: str, wanted: int) -> int:
    """How many problems a split has, up to what is wanted."""
    return sum(1 for _ in islice(task.problems(seed, split), wanted))


def spread(requests: Sequence[Request]) -> list[Request]:
    """PROBE of the requests, from all over the list: every prompt variant has its own length."""
    return Random(0).sample(requests, min(PROBE, len(requests)))


def run_probe(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> Probed:
    """Generate; then in larger and larger batches, up to the engine's own, to learn the rate."""
    clock: Callable[[], float] = time.monotonic
    kept: list[Generation] = []
    size = len(requests)
    while True:
        # Other seeds make other texts, so that lengths are as mixed as they will be.
        batch = [attrs.evolve(r, seed=stream_seed(i, r.key)) for i, r in enumerate(islice(cycle(requests), size))]
        start = clock()
        made = list(engine.generate(batch, sampling))
        seconds = clock() - start
        failed = [g for g in made if g.error]
        if failed:
            raise SkillFactoryError(f"the probe failed, so nothing can be predicted: {failed[0].error}")
        kept = made
        if seconds > QUICK or size >= engine.chunk:
            return Probed(kept, len(kept) / seconds)
        size = min(size * GROWTH, engine.chunk)


def bytes_each(records: list[Any]) -> float:
    """What a record takes in a table."""
    with tempfile.TemporaryDirectory() as folder:
        table: Table[Any] = Table(Path(folder), type(records[0]))
        table.finish(0, records)
        full = table.part(0).stat().st_size
        table.finish(0, records[:1])
        return max(0.0, full - table.part(0).stat().st_size) / max(1, len(records) - 1)
