"""Teach: traces of a teacher, read from a file, take the place of rearranged ones: distillation, BOLT.

A row holds a `problem` and a `response`, as for `sf grade`. The response is graded by the rule for final answers; the right ones
become traces, word for word. What is left out is counted.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages.generate import chunks
from skillfactory_core.stages.grade_file import FORMATS, ROWS, FileGrader, Row, read_lines, read_parquet
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import problem_hash
from skillfactory_core.trace import Segment, Trace


def teach(run: Run, prompts: PromptSet, tags: TagFormat) -> dict[str, Any]:
    """Fill `5-traces` from the teacher's file; returns the counts."""
    source = Path(run.config.teacher)
    if source.suffix not in FORMATS:
        raise SkillFactoryError(f"teacher file {source}: give one that ends in {' or '.join(FORMATS)}")
    grader = FileGrader(task_of(run.config), tags, final=True)
    tables = [run.problems("evaluation", name) for name in variants_of(run.config)]
    tables.append(run.problems("validation", task_of(run.config).variant))
    held_out = {digest for table in tables for (digest,) in table.every("hash")}
    counts: Counter[str] = Counter()
    rows = read_parquet(source) if source.suffix == ".parquet" else read_lines(source)
    for number, chunk in enumerate(chunks(rows, ROWS)):
        traces = []
        for row in grader.grade_rows(chunk):
            with on(f"row {row.number} of {source}"):
                reason = why_not(row, grader, held_out)
                counts[f"left_out_{reason}" if reason else "traces"] += 1
                if not reason:
                    traces.append(trace(row, grader, prompts, source.name))
        run.traces.finish(number, traces)
    if not counts["traces"]:
        raise SkillFactoryError(f"teacher file {source} gives no trace: {dict(counts) or 'it is empty'}")
    return dict(counts)


def why_not(row: Row, grader: FileGrader, held_out: set[str]) -> str:
    """Why a row is no trace; empty where it is."""
    if row.wrong:
        return "bad_row"
    if not row.fields["correct"]:
        return str(row.fields["reason"])
    # A teacher may have been asked what the evaluation will ask.
    return "held_out" if problem_hash(grader.task, grader.problem(row.fields)) in held_out else ""


def trace(row: Row, grader: FileGrader, prompts: PromptSet, source: str) -> Trace:
    task, params = grader.task, grader.problem(row.fields)
    question = prompts.question(task.name, params, task.question(params))
    messages = prompts.final.messages(question=question, answer_kind=task.answer_kind)
    key = f"{task.name}/teacher/train/{row.number}"
    return Trace(
        key=f"{key}/teacher/0",
        problem=key,
        strategy="teacher",
        system=messages[0]["content"] if messages[0]["role"] == "system" else None,
        prompt=messages[-1]["content"],
        shape="C",
        segments=(Segment("attempt", row.fields["response"].strip(), f"{source}:{row.number}", True),),
    )
