"""Evaluate: several responses per held-out problem, graded by the final-answer rule."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from skillfactory_core.deadline import on
from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.shard import WHOLE, Shard
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.grade import grade_text
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import LEFT_OUT, Exam, exams_of
from skillfactory_core.table import Table
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task


@attrs.frozen
class Examiner:
    """Who asks one method, and how its responses are read."""

    run: Run
    method: str
    prompts: PromptSet
    tags: TagFormat
    engine: Engine
    stream: str = ""
    "the name by which its draws go, where that is not the method's: methods of one stream draw alike"

    def asked(self, exam: Exam, problems: Mapping[str, Problem]) -> list[Request]:
        """Every request of some problems of an exam."""
        return [
            Request(
                f"{self.method}/{p.key}/{k}",
                question.messages,
                stream_seed(self.seed, f"{self.stream or self.method}/{p.key}/{k}"),
            )
            for p in problems.values()
            for question in [ask(p, self.prompts, exam.task.answer_kind)]
            for k in range(exam.samples)
        ]

    def reads(self, exam: Exam, problems: dict[str, Problem]) -> Callable[[Generation], Response]:
        """What makes a response of a generation."""
        return partial(
            response, method=self.method, variant=exam.name, problems=problems, task=exam.task, tags=self.tags
        )

    @property
    def seed(self) -> int:
        return self.run.config.evaluate.seed


def evaluate(examiner: Examiner, shard: Shard = WHOLE, only: Sequence[str] = ()) -> dict[str, Any]:
    """Fill `8-evaluation/METHOD-EXAM` for every exam, or some, or a shard's parts; returns the shares of right responses."""
    run, method = examiner.run, examiner.method
    exams = exams_here(run, only)
    mine = shares(run, exams, shard)
    answer(examiner, exams, mine, run.config.evaluate_sampling, partial(run.responses, method), f"evaluate {method}")
    return counts(run, method, None if shard == WHOLE else mine)


def exams_here(run: Run, only: Sequence[str] = ()) -> dict[str, Exam]:
    """The exams of a run that have problems, or those of them that are named."""
    exams = exams_of(run.config)
    for name in only:
        if name not in exams:
            raise not_found(f"exam of {run.folder}", name, exams, "suites")
        if not run.problems("evaluation", name).parts():
            why = (run.finished("problems") or {}).get(f"{LEFT_OUT}{name}", "they are not made yet")
            raise SkillFactoryError(f"exam '{name}' of {run.folder} has no problems: {why}")
    chosen = [name for name in exams if not only or name in only]
    return {name: exams[name] for name in chosen if run.problems("evaluation", name).parts()}


def shares(run: Run, exams: Mapping[str, Exam], shard: Shard) -> dict[str, list[int]]:
    """The parts of each exam that a shard has to do."""
    mine: dict[str, list[int]] = {}
    before = 0
    for name in exams:
        parts = run.problems("evaluation", name).parts()
        mine[name] = shard.of(parts, before)
        # Counted on, since most exams have few parts: else the first shards would get them all.
        before += len(parts)
    return mine


def answer(
    examiner: Examiner,
    exams: Mapping[str, Exam],
    mine: Mapping[str, Sequence[int]],
    sampling: Sampling,
    table_of: Callable[[str], Table[Response]],
    title: str,
    split: str = "evaluation",
) -> None:
    """Fill a table for each exam, as far as it is not there."""
    run = examiner.run
    total = sum(run.problems(split, name).count(mine[name]) * exam.samples for name, exam in exams.items())
    with Progress(title, total, "responses") as progress:
        for name, exam in exams.items():
            responses = table_of(name)
            done = complete_parts(responses, mine[name])
            for number in mine[name]:
                problems = {p.key: p for p in run.problems(split, name).read(number)}
                if number in done:
                    progress.advance(len(problems) * exam.samples)
                    continue
                generate_part(
                    responses,
                    number,
                    examiner.asked(exam, problems),
                    examiner.reads(exam, problems),
                    examiner.engine,
                    sampling,
                    run.config.most_failures,
                    progress,
                )


def take_over(run: Run, method: str, other: str, shard: Shard = WHOLE, only: Sequence[str] = ()) -> dict[str, Any]:
    """Fill `8-evaluation/METHOD-EXAM` with the responses of another method, which has the same weights and the same draws; returns
    the shares of right ones."""
    exams = exams_here(run, only)
    mine = shares(run, exams, shard)
    for name in exams:
        ours, theirs = run.responses(method, name), run.responses(other, name)
        for number in mine[name]:
            if number not in complete_parts(ours, [number]):
                renamed = [
                    attrs.evolve(r, key=f"{method}/{r.key.removeprefix(f'{other}/')}", method=method)
                    for r in theirs.read(number)
                ]
                ours.finish(number, renamed)
    return counts(run, method, None if shard == WHOLE else mine)


def counts(run: Run, method: str, parts: Mapping[str, Sequence[int]] | None = None) -> dict[str, Any]:
    """The share of right responses of each exam that is finished, or of some parts."""
    summary: dict[str, Any] = {"failed": 0}
    for name in exams_of(run.config):
        asked, there = run.problems("evaluation", name).parts(), run.responses(method, name).parts()
        if not asked:
            summary["left_out"] = summary.get("left_out", 0) + 1
        numbers = parts.get(name, ()) if parts is not None else there if set(asked) <= set(there) else ()
        graded = right = 0
        for number in numbers:
            for correct, error in run.responses(method, name).columns(number, "correct", "error"):
                graded += not error
                right += correct
                summary["failed"] += bool(error)
        if numbers:
            summary[f"accuracy_{name}"] = right / max(1, graded)
    return summary


def response(
    generation: Generation, method: str, variant: str, problems: dict[str, Problem], task: Task, tags: TagFormat
) -> Response:
    problem_key, k = generation.key.removeprefix(f"{method}/").rsplit("/", 1)
    with on(generation.key):
        grade = grade_text(task, problems[problem_key], generation.text, tags, final=True)
    return Response(
        key=generation.key,
        method=method,
        variant=variant,
        problem=problem_key,
        k=int(k),
        text=generation.text,
        tokens=generation.tokens,
        finish=generation.finish,
        correct=grade.correct,
        answer=grade.answer,
        reason=grade.reason,
        error=generation.error,
    )
