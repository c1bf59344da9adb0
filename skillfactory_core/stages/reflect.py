"""Reflect: the model criticises its attempts; the filter keeps the critiques whose verdict is true."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from skillfactory_core.attempt import Attempt, GradedAttempt
from skillfactory_core.deadline import on
from skillfactory_core.engine import Engine, Generation, Request, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.shard import WHOLE, Shard
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.problems import task_of
from skillfactory_core.tags import TagFormat


def reflect(run: Run, prompts: PromptSet, engine: Engine, tags: TagFormat, shard: Shard = WHOLE) -> dict[str, Any]:
    """Fill `4-reflections`, or a shard's parts of it; returns the counts by fate."""
    task = task_of(run.config)
    problems = run.problems("train", task.variant)
    mine = shard.of(run.attempts.parts())
    done = complete_parts(run.reflections, mine)
    expected = run.attempts.count(mine) * run.config.reflect.reflections
    there = run.reflections.count(done.intersection(mine))
    with Progress("reflect on attempts", expected, "reflections", there) as progress:
        for number in mine:
            if number in done:
                continue
            grades = {g.attempt: g for g in run.grades.read(number)}
            by_key = {p.key: p for p in problems.read(number)}
            attempts = [a for a in run.attempts.read(number) if a.key in grades and not grades[a.key].dropped]
            requests = list(
                ask(attempts, by_key, prompts, run.config.reflect.reflections, run.config.seed, task.answer_kind)
            )

            def judged(generation: Generation, grades: dict[str, GradedAttempt] = grades) -> Reflection:
                with on(generation.key):
                    return reflection(generation, grades, tags)

            failures = run.config.most_failures
            generate_part(run.reflections, number, requests, judged, engine, run.config.sampling, failures, progress)
    return counts(run, mine)


def ask(
    attempts: list[Attempt],
    problems: dict[str, Problem],
    prompts: PromptSet,
    count: int,
    seed: int,
    answer_kind: str,
) -> Iterator[Request]:
    """The requests on some attempts: reflections are dealt over the reflection prompts in turn."""
    for attempt in attempts:
        problem = problems[attempt.problem]
        question = prompts.question(problem.task, problem.params, problem.question)
        for k in range(count):
            prompt = prompts.reflections[k % len(prompts.reflections)]
            messages = prompt.messages(question=question, answer_kind=answer_kind, attempt=attempt.text.strip())
            key = f"{attempt.key}/{prompt.name}/{k}"
            yield Request(key, tuple(messages), stream_seed(seed, key))


def reflection(generation: Generation, grades: dict[str, GradedAttempt], tags: TagFormat) -> Reflection:
    attempt, prompt, k = generation.key.rsplit("/", 2)
    made = Reflection(
        key=generation.key,
        attempt=attempt,
        problem=grades[attempt].problem,
        prompt=prompt,
        k=int(k),
        text=generation.text,
        tokens=generation.tokens,
        finish=generation.finish,
        verdict=tags.read_verdict(generation.text),
        dropped="",
        error=generation.error,
    )
    return attrs.evolve(made, dropped=fate(made, grades[attempt].correct, tags))


def fate(made: Reflection, truth: bool, tags: TagFormat) -> str:
    """Why the filter leaves a reflection out; empty where it is kept: a whole critique with the true verdict."""
    if made.error:
        return "error"
    if not made.text.strip():
        return "empty"
    if made.finish == "length":
        return "cut"
    if tags.breaks(made.text, inner=tags.verdict):
        return "tags"
    if made.verdict is None:
        return "no_verdict"
    return "" if made.verdict == truth else "untrue"


def counts(run: Run, parts: Iterable[int] | None = None) -> dict[str, Any]:
    fates: Counter[str] = Counter()
    kept: Counter[bool] = Counter()
    total = 0
    for number in run.reflections.parts() if parts is None else parts:
        attempts = set()
        for attempt, verdict, tokens, dropped in run.reflections.columns(
            number, "attempt", "verdict", "tokens", "dropped"
        ):
            fates[f"dropped_{dropped}" if dropped else "kept"] += 1
            total += tokens
            if not dropped:
                attempts.add((attempt, verdict))
        # An attempt's reflections lie in one part, so these sets stay small.
        kept.update(verdict for _, verdict in attempts)
    return {
        "reflections": sum(fates.values()),
        "failed": fates["dropped_error"],
        "tokens": total,
        "kept": fates.pop("kept", 0),
        **dict(sorted(fates.items())),
        "right_attempts_kept": kept[True],
        "wrong_attempts_kept": kept[False],
    }


def demand_verdicts(run: Run, tags: TagFormat) -> None:
    """Say so where not one reflection has a verdict: the model writes it in another form than is read."""
    if run.reflections.count() and all(verdict is None for (verdict,) in run.reflections.every("verdict")):
        raise SkillFactoryError(
            f"there are no traces: no reflection has a verdict that tag format '{tags.name}' reads, such as "
            f"<{tags.verdict}>{tags.correct}</{tags.verdict}>: take prompts that ask for it (-s prompts=…), or the tag format "
            "that the model writes (-s tags=…)"
        )
