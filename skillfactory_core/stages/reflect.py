"""Reflect: the model criticises its attempts; the filter keeps the critiques whose verdict is true."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from skillfactory_core.attempt import UNCHECKED, Attempt, GradedAttempt
from skillfactory_core.engine import Engine, Generation, Request, stream_seed
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.problems import task_of
from skillfactory_core.tags import TagFormat


def reflect(run: Run, prompts: PromptSet, engine: Engine, tags: TagFormat) -> dict[str, Any]:
    """Fill `4-reflections`; returns the counts by fate."""
    task = task_of(run.config)
    problems = run.problems("train", task.variant)
    done = complete_parts(run.reflections)
    expected = run.attempts.count() * run.config.reflect.reflections
    with Progress("reflect on attempts", expected, "reflections", run.reflections.count()) as progress:
        for number in run.attempts.parts():
            if number in done:
                continue
            grades = {g.attempt: g for g in run.grades.read(number)}
            by_key = {p.key: p for p in problems.read(number)}
            attempts = [a for a in run.attempts.read(number) if why_not(a, grades.get(a.key), tags) == ""]
            requests = list(
                ask(attempts, by_key, prompts, run.config.reflect.reflections, run.config.seed, task.answer_kind)
            )

            def judged(generation: Generation, grades: dict[str, GradedAttempt] = grades) -> Reflection:
                return reflection(generation, grades, tags)

            failures = run.config.most_failures
            generate_part(run.reflections, number, requests, judged, engine, run.config.sampling, failures, progress)
    return counts(run, tags)


def why_not(attempt: Attempt, grade: GradedAttempt | None, tags: TagFormat) -> str:
    """Why an attempt can be in no trace; empty where it can."""
    if grade is None:
        return "failed"
    if grade.reason in UNCHECKED:
        return "unchecked"
    if attempt.finish == "length":
        return "cut"
    if grade.answer is None:
        return "no_answer"
    if tags.breaks(attempt.text, inner=tags.answer):
        return "tags"
    return ""


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
    verdict = tags.read_verdict(generation.text)
    if generation.error:
        dropped = "error"
    elif not generation.text.strip():
        dropped = "empty"
    elif generation.finish == "length":
        dropped = "cut"
    elif tags.breaks(generation.text, inner=tags.verdict):
        dropped = "tags"
    elif verdict is None:
        dropped = "no_verdict"
    else:
        dropped = "" if verdict == grades[attempt].correct else "untrue"
    return Reflection(
        key=generation.key,
        attempt=attempt,
        problem=grades[attempt].problem,
        prompt=prompt,
        k=int(k),
        text=generation.text,
        tokens=generation.tokens,
        finish=generation.finish,
        verdict=verdict,
        dropped=dropped,
        error=generation.error,
    )


def counts(run: Run, tags: TagFormat) -> dict[str, Any]:
    fates: Counter[str] = Counter()
    kept = {True: set[str](), False: set[str]()}
    tokens = 0
    for record in run.reflections:
        fates[f"dropped_{record.dropped}" if record.dropped else "kept"] += 1
        tokens += record.tokens
        if not record.dropped and record.verdict is not None:
            kept[record.verdict].add(record.attempt)
    left_out: Counter[str] = Counter()
    for number in run.attempts.parts():
        grades = {g.attempt: g for g in run.grades.read(number)}
        left_out.update(
            f"attempts_{why}" for a in run.attempts.read(number) if (why := why_not(a, grades.get(a.key), tags))
        )
    return {
        "reflections": sum(fates.values()),
        "failed": fates["dropped_error"],
        "tokens": tokens,
        "kept": fates.pop("kept", 0),
        **dict(sorted(fates.items())),
        "right_attempts_kept": len(kept[True]),
        "wrong_attempts_kept": len(kept[False]),
        **dict(sorted(left_out.items())),
    }
