"""Selection: which traces and responses the page shows. By rule and not by taste, and the page says which rule."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import attrs

from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.report.pieces import Block, Reader
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task
from skillfactory_core.trace import Trace

LOOKED_AT = 400
"records of a table that are looked at, from its beginning"
SHOWN = 6


@attrs.frozen
class Text:
    """One trace or response, ready to read."""

    key: str
    heading: str
    question: str
    blocks: list[Block]
    correct: bool | None = None
    detail: str = ""


def traces(run: Run, tags: TagFormat) -> list[Text]:
    """The shortest trace of each shape (right and wrong attempts in order), the common shapes first."""
    shapes: dict[tuple[bool | None, ...], list[Trace]] = {}
    for trace in islice(run.traces, LOOKED_AT):
        shapes.setdefault(tuple(s.correct for s in trace.segments if s.kind == "attempt"), []).append(trace)
    common = sorted(shapes.values(), key=lambda alike: -len(alike))[:SHOWN]
    chosen = [min(alike, key=lambda trace: len(trace.completion)) for alike in common]
    chosen.sort(key=lambda trace: sum(s.kind == "attempt" for s in trace.segments))
    wanted = {trace.problem for trace in chosen}
    problems = run.problems("train", task_of(run.config).variant) if wanted else ()
    questions = {problem.key: problem.question for problem in problems if problem.key in wanted}
    return [of_trace(trace, questions.get(trace.problem, trace.prompt), tags) for trace in chosen]


def of_trace(trace: Trace, question: str, tags: TagFormat) -> Text:
    blocks = Reader(tags).of_trace(trace)
    marks = [block.note for block in blocks if block.kind == "attempt"]
    heading = ", then ".join(marks).capitalize()
    return Text(trace.key, heading, question, blocks, detail=f"strategy {trace.strategy}")


def responses(run: Run, tags: TagFormat, summary: Mapping[str, Any]) -> list[Text]:
    """Of the best method: at each difficulty a right and a wrong response, in turn, until there are enough."""
    method = best(summary)
    if method is None:
        return []
    variants = [name for name in summary["variants"] if name in summary["methods"][method]]
    wanted = [(name, (place + turn) % 2 == 0) for turn in (0, 1) for place, name in enumerate(variants)]
    found: list[Text] = []
    for variant, correct in wanted:
        response = telling(run.responses(method, variant), tags, correct)
        if response is not None and len(found) < SHOWN:
            found.append(of_response(run, response, variants_of(run.config)[variant], tags))
    return sorted(found, key=lambda text: text.heading)


def best(summary: Mapping[str, Any]) -> str | None:
    """The method with the highest mean accuracy; until there are means, with the highest anywhere."""
    scores = {
        method: summary["means"].get(method, {}).get("accuracy", max(f["accuracy"] for f in by_variant.values()) - 1)
        for method, by_variant in summary["methods"].items()
    }
    return max(scores, key=lambda method: scores[method]) if scores else None


def telling(table: Iterable[Response], tags: TagFormat, correct: bool) -> Response | None:
    """The shortest response of that grade with two or more attempts; without one, the shortest."""
    alike = [r for r in islice(table, LOOKED_AT) if r.correct == correct and r.text.strip()]
    return min(alike, key=lambda r: (len(tags.parse(r.text).tries) < 2, len(r.text), r.key), default=None)


def of_response(run: Run, response: Response, task: Task, tags: TagFormat) -> Text:
    problems = run.problems("evaluation", response.variant)
    problem = next((problem for problem in problems if problem.key == response.problem), None)

    def right(answer: str) -> bool | None:
        return grade(task, problem, answer) if problem else None

    blocks = list(mark_final(Reader(tags).of_response(response.text, right)))
    question = problem.question if problem else response.problem
    detail = f"{response.tokens:,} tokens" + (", cut off at the limit" if response.finish == "length" else "")
    return Text(response.key, f"{task.name} {response.variant}", question, blocks, response.correct, detail)


def grade(task: Task, problem: Problem, answer: str) -> bool | None:
    """The truth about an answer; None where it cannot be checked."""
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
