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
from skillfactory_core.choices import Choices, open_engine
from skillfactory_core.config import Config
from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.stages import grade, reflect, sample
from skillfactory_core.stages.evaluate import response
from skillfactory_core.stages.grpo import ask, settings_of
from skillfactory_core.stages.problems import Exam, exams_of, named, task_of
from skillfactory_core.stages.validate import SAMPLES
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
    examined = {
        exam: problems for exam in exams_of(config).values() if (problems := problems_of(exam, config.evaluate.seed))
    }
    evaluations = sum(len(problems) * exam.samples for exam, problems in examined.items())
    costs = [] if config.teacher or not config.trains else probed_stages(config, choices)
    for arm in config.reinforced:
        settings = settings_of(config, arm)
        costs.append(Cost(f"grpo-{arm}", settings.steps * settings.prompts * settings.rollouts))
    for arm in config.reinforced if config.grpo.validation else ():
        settings = settings_of(config, arm)
        saved = -(-settings.steps // -(-settings.steps // settings.checkpoints))
        costs.append(Cost(f"validate-{arm}", saved * settings.validation * SAMPLES))
    with open_engine(choices.engine, choices.start, config) as engine:
        asked = {p.key: (exam, p) for exam, problems in examined.items() for p in problems[:PROBE]}
        groups = [
            [Request(f"{q.key}/{k}", q.messages, stream_seed(0, f"{q.key}/{k}")) for k in range(exam.samples)]
            for exam, problem in asked.values()
            for q in [ask(problem, choices.prompts, exam.task.answer_kind)]
        ]
        probe = run_probe(engine, spread(groups), config.evaluate_sampling)

        def judged(generation: Generation) -> Any:
            made = attrs.evolve(generation, key=f"base/{generation.key}")
            exam, problem = asked[generation.key.rpartition("/")[0]]
            return response(made, "base", exam.name, {problem.key: problem}, exam.task, choices.tags)

        disk = bytes_each([judged(g) for g in probe.generations])
    costs.append(cost("evaluate-base", evaluations, probe, disk))
    return costs + [Cost(f"evaluate-{arm}", evaluations) for arm in config.arms[1:]]


def probed_stages(config: Config, choices: Choices) -> list[Cost]:
    """Sampling and reflecting."""
    task = task_of(config)
    with open_engine(choices.engine, choices.model.path, config) as engine:
        variants = len(choices.prompts.attempts + choices.prompts.hints)
        problems = {p.key: p for p in islice(task.problems(config.seed, "train"), PROBE)}
        each = config.sample.attempts
        groups = [list(sample.ask([p], choices.prompts, task, each, config.seed)) for p in problems.values()]
        probe = run_probe(engine, spread(groups), config.sampling)
        attempts = [sample.attempt(g) for g in probe.generations]
        per_problem = variants * each
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
    groups = [list(reflect.ask([a], problems, choices.prompts, each, config.seed, task.answer_kind)) for a in usable]
    probe = run_probe(engine, spread(groups), config.sampling)
    disk = bytes_each([reflect.reflection(g, grades, choices.tags) for g in probe.generations])
    return cost("reflect", round(total * each * len(usable) / len(attempts)), probe, disk)


def cost(stage: str, count: int, probe: Probed, disk: float) -> Cost:
    return Cost(stage, count, round(count * probe.tokens), count / probe.per_second, round(count * disk))


def problems_of(exam: Exam, seed: int) -> list[Problem]:
    """The problems of an exam; none where it came from a suite and they cannot be had."""
    try:
        return [named(p, exam.name) for p in islice(exam.task.problems(seed, "evaluation"), exam.problems)]
    except SkillFactoryError:
        if not exam.suite:
            raise
        return []


def there(task: Task, seed: int, split: str, wanted: int) -> int:
    """How many problems a split has, up to what is wanted."""
    return sum(1 for _ in islice(task.problems(seed, split), wanted))


def spread(groups: Sequence[Sequence[Request]]) -> list[Request]:
    """Requests in an order in which the first ones are from all groups, and the others in whole groups.

    Every prompt variant has its own length, so few requests have to be mixed. But what a table takes depends on its rows being
    alike, as those of one group are.
    """
    random = Random(0)
    shuffled = [random.sample(group, len(group)) for group in random.sample(groups, len(groups))]
    first = [group.pop() for group in shuffled for _ in range(-(-PROBE // len(groups))) if group]
    return first + [request for group in shuffled for request in group]


def run_probe(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> Probed:
    """Generate PROBE of the requests; then larger and larger batches, up to the engine's own, to learn the rate."""
    clock: Callable[[], float] = time.monotonic
    kept: list[Generation] = []
    size = min(PROBE, len(requests))
    while True:
        # Where there are too few, other seeds make other texts, so that lengths are as mixed as they will be.
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
    """What a record takes in a table, where neighbours are alike."""
    records = sorted(records, key=lambda record: record.key)
    with tempfile.TemporaryDirectory() as folder:
        table: Table[Any] = Table(Path(folder), type(records[0]))
        table.finish(0, records)
        full = table.part(0).stat().st_size
        table.finish(0, records[:1])
        return max(0.0, full - table.part(0).stat().st_size) / max(1, len(records) - 1)
