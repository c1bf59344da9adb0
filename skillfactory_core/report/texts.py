"""Texts: a record of any table as something to read: what it is called, what it says, where it is from."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import attrs

from skillfactory_core.attempt import UNCHECKED, Attempt, GradedAttempt
from skillfactory_core.deadline import on
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.reflection import Reflection
from skillfactory_core.report.pieces import Block, Reader
from skillfactory_core.report.words import title
from skillfactory_core.task import Task
from skillfactory_core.trace import Trace

Facts = tuple[tuple[str, str], ...]


@attrs.frozen
class Text:
    """One record, ready to read."""

    key: str
    heading: str
    question: str
    blocks: list[Block]
    correct: bool | None = None
    detail: str = ""
    facts: Facts = ()
    "what else is known of it, by name"


def as_json(text: Text) -> dict[str, Any]:
    """A text as the browser takes it."""
    blocks = [
        {
            "kind": block.kind,
            "name": block.name,
            "note": block.note,
            "opening": block.opening,
            "closing": block.closing,
            "source": block.source,
            "parts": [[part.kind, part.text] for part in block.parts],
        }
        for block in text.blocks
    ]
    return {**{name: getattr(text, name) for name in ("key", "question", "facts")}, **row(text), "blocks": blocks}


def row(text: Text) -> dict[str, Any]:
    """What a list shows of a text."""
    line = text.question if len(text.question) <= 220 else f"{text.question[:219]}…"
    return {"key": text.key, "heading": text.heading, "correct": text.correct, "detail": text.detail, "line": line}


def of_trace(trace: Trace, question: str, reader: Reader) -> Text:
    blocks = reader.of_trace(trace)
    marks = [block.note for block in blocks if block.kind == "attempt"]
    facts = known(strategy=trace.strategy, shape=trace.shape, problem=trace.problem)
    return Text(trace.key, in_turn(marks), question, blocks, detail=f"strategy {trace.strategy}", facts=facts)


def in_turn(marks: Iterable[str]) -> str:
    """'Wrong twice, then right'."""
    times = {1: "", 2: " twice"}
    runs = [(mark, len(list(same))) for mark, same in groupby(marks)]
    return ", then ".join(f"{mark}{times.get(size, f' {size} times')}" for mark, size in runs).capitalize()


def of_response(response: Response, problem: Problem | None, task: Task, reader: Reader | None) -> Text:
    """A response, cut into its pieces by a reader if there is one."""

    def right(answer: str) -> bool | None:
        return grade(task, problem, answer) if problem else None

    blocks = list(mark_final(reader.of_response(response.text, right))) if reader else []
    question = problem.question if problem else response.problem
    said = [f"{response.tokens:,} tokens", *(["cut off at the limit"] if response.finish == "length" else [])]
    said += [f"answer {response.answer[:60]}"] if response.answer else []
    detail = ", ".join(said)
    facts = known(
        method=response.method,
        exam=response.variant,
        problem=response.problem,
        k=response.k,
        tokens=response.tokens,
        finish=response.finish,
        grade=response.reason,
        answer=response.answer,
        error=response.error,
    )
    checked = response.finish != "error" and response.reason not in UNCHECKED
    return Text(
        response.key,
        f"{exam(task.name, response.variant)}, {title(response.method)}",
        question,
        blocks,
        response.correct if checked else None,
        detail if checked else f"{detail}, {'failed' if response.finish == 'error' else 'not checked'}",
        facts,
    )


def exam(task: str, name: str) -> str:
    """What the problems of an evaluation are called: 'countdown 4', or 'csqa' where the name says it all."""
    return name if task in name or task.replace("_", "-") in name else f"{task} {name}"


def of_attempt(attempt: Attempt, graded: GradedAttempt | None, question: str, reader: Reader) -> Text:
    """An attempt with the truth about it, where that is there yet."""
    checked = graded is not None and graded.reason not in UNCHECKED
    facts = known(
        problem=attempt.problem,
        prompt=attempt.prompt,
        k=attempt.k,
        tokens=attempt.tokens,
        finish=attempt.finish,
        grade=graded.reason if graded else "",
        answer=graded.answer if graded else None,
        dropped=graded.dropped if graded else "",
        error=attempt.error,
    )
    said = [f"prompt {attempt.prompt}", f"{attempt.tokens:,} tokens"]
    said += [f"in no trace: {graded.dropped}"] if graded and graded.dropped else []
    return Text(
        attempt.key,
        f"Attempt {attempt.k}",
        question,
        [reader.whole("attempt", attempt.text, graded.correct if graded and checked else None)],
        graded.correct if graded and checked else None,
        ", ".join(said),
        facts,
    )


def of_reflection(reflection: Reflection, question: str, reader: Reader) -> Text:
    """A reflection with its verdict, and what the filter made of it."""
    facts = known(
        attempt=reflection.attempt,
        problem=reflection.problem,
        prompt=reflection.prompt,
        k=reflection.k,
        tokens=reflection.tokens,
        finish=reflection.finish,
        verdict={True: "right", False: "wrong", None: "none"}[reflection.verdict],
        dropped=reflection.dropped,
        error=reflection.error,
    )
    kept = f"left out: {reflection.dropped}" if reflection.dropped else "kept"
    detail = f"prompt {reflection.prompt}, {reflection.tokens:,} tokens, {kept}"
    claim = {True: "says right", False: "says wrong", None: "no verdict"}[reflection.verdict]
    block = reader.whole("reflection", reflection.text)
    return Text(reflection.key, f"Reflection, {claim}", question, [block], None, detail, facts)


def of_problem(problem: Problem, reader: Reader) -> Text:
    """A problem with everything its grader gets."""
    params = tuple((name, str(value)) for name, value in problem.params.items())
    facts = known(task=problem.task, variant=problem.variant, split=problem.split, index=problem.index)
    heading = f"{exam(problem.task, problem.variant)}, {problem.split} {problem.index}"
    return Text(problem.key, heading, problem.question, [], None, "", (*facts, *params))


def known(**facts: object) -> Facts:
    """The facts that there are, as text."""
    return tuple((name, str(value)) for name, value in facts.items() if value is not None and value != "")


def grade(task: Task, problem: Problem, answer: str) -> bool | None:
    """The truth about an answer; None where it cannot be checked."""
    with on(problem.key):
        try:
            found = task.grade(problem.params, answer)
        except Exception:  # noqa: BLE001 - a third-party grader must not take the page down
            return None
    return None if found.reason in UNCHECKED else found.correct


def mark_final(blocks: list[Block]) -> Iterator[Block]:
    """A response without marked attempts is one block of text, not something between attempts."""
    plain = not any(block.kind == "attempt" for block in blocks)
    for block in blocks:
        yield attrs.evolve(block, kind="plain") if plain and block.kind in ("glue", "closing") else block
