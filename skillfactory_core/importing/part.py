"""Part: some problems and their rows, as one part of the tables of a run."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from skillfactory_core.attempt import Attempt, Grade, GradedAttempt
from skillfactory_core.importing.gather import VARIANT
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.stages.grade import grade_attempts, tells, why_not
from skillfactory_core.stages.reflect import fate
from skillfactory_core.table import schema
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

Group = tuple[Problem, Any]
"a problem and its rows"
NO_ANSWER = Grade(False, None, "no_answer")


@attrs.frozen
class Part:
    """What one part of the tables holds."""

    problems: Sequence[Problem]
    attempts: Sequence[Attempt]
    grades: Sequence[GradedAttempt]
    reflections: Any
    "an Arrow table: there are many, and records would take most of the time; None where the source has none"

    def write(self, run: Run, variant: str, number: int) -> None:
        """Write the part under its final names; the run folder itself does not have its own yet."""
        from pyarrow import parquet

        run.problems("train", variant).finish(number, self.problems)
        run.attempts.finish(number, self.attempts)
        run.grades.finish(number, self.grades)
        if self.reflections is not None:
            run.reflections.folder.mkdir(exist_ok=True)
            with run.reflections.part(number).open("wb") as file:
                parquet.write_table(self.reflections, file, compression="zstd", write_page_checksum=True)
                file.flush()
                os.fsync(file.fileno())


class PartMaker:
    """Makes parts; remembers how often source and tag format disagree about the answer."""

    def __init__(self, task: Task, tags: TagFormat, prompts: PromptSet) -> None:
        self.task = task
        self.tags = tags
        self.prompts = prompts
        self.other_extracted = 0

    def make(self, groups: Sequence[Group]) -> Part:
        import pyarrow as pa

        attempts: list[Attempt] = []
        grades: list[GradedAttempt] = []
        for problem, rows in groups:
            made = attempts_of(problem, rows)
            attempts += made
            grades += self._grades(problem, made, rows)
        table = pa.concat_tables([rows for _, rows in groups])
        reflected = "reflections" in table.column_names
        reflections = self._reflections(grades, table["reflections"].combine_chunks()) if reflected else None
        return Part([problem for problem, _ in groups], attempts, grades, reflections)

    def _grades(self, problem: Problem, attempts: Sequence[Attempt], rows: Any) -> list[GradedAttempt]:
        if "correct" not in rows.column_names:
            return grade_attempts(self.task, ((problem, attempt) for attempt in attempts), self.tags, self.prompts)
        correct = rows["correct"].to_pylist()
        if "extracted" not in rows.column_names:
            return [self._grade(*row) for row in zip(attempts, correct, strict=True)]
        return [self._grade(*row) for row in zip(attempts, correct, rows["extracted"].to_pylist(), strict=True)]

    def _grade(self, attempt: Attempt, correct: bool, *extracted: str | None) -> GradedAttempt:
        """The source's grade. It says nothing about our answer where `extracted`, the source's, is another one."""
        answer = self.tags.extract(attempt.text, final=False)
        found = Grade(correct, answer, "ok" if correct else "wrong") if answer is not None else NO_ANSWER
        dropped = why_not(attempt, found, self.tags) or ("hint" if tells(attempt, self.prompts) else "")
        if not dropped and extracted and extracted[0] != answer and squeezed(extracted[0]) != squeezed(answer):
            dropped = "unchecked"
            self.other_extracted += 1
        return GradedAttempt(attempt.key, attempt.problem, found.correct, answer, found.reason, dropped)

    def _reflections(self, grades: Sequence[GradedAttempt], critiques: Any) -> Any:
        """The reflections on some attempts, with what our own filter says about each. `critiques`: a list per attempt."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pc.fill_null(critiques.flatten(), "")
        parents = pc.list_parent_indices(critiques)
        numbers = parents.to_numpy()
        k = np.arange(len(numbers)) - np.searchsorted(numbers, numbers)
        verdicts, dropped = [], []
        for text, parent in zip(texts.to_pylist(), numbers.tolist(), strict=True):
            verdict = self.tags.read_verdict(text)
            critique = Reflection("", "", "", VARIANT, 0, text, 0, "stop", verdict, "")
            verdicts.append(verdict)
            dropped.append(fate(critique, grades[parent].correct, self.tags))
        attempts = pa.array([grade.attempt for grade in grades]).take(parents)
        columns = {
            "key": pc.binary_join_element_wise(attempts, VARIANT, pa.array(k).cast(pa.string()), "/"),
            "attempt": attempts,
            "problem": pa.array([grade.problem for grade in grades]).take(parents),
            "prompt": pa.repeat(VARIANT, len(k)),
            "k": pa.array(k),
            "text": texts.cast(pa.string()),
            "tokens": pa.repeat(pa.scalar(0, pa.int64()), len(k)),
            "finish": pa.repeat("stop", len(k)),
            "verdict": pa.array(verdicts, pa.bool_()),
            "dropped": pa.array(dropped, pa.string()),
            "error": pa.repeat("", len(k)),
        }
        return pa.table(columns).select(schema(Reflection).names).cast(schema(Reflection))


def attempts_of(problem: Problem, rows: Any) -> list[Attempt]:
    """Equal texts are attempts of their own: sampling repeats itself. Tokens are not counted, so 0."""
    count: Counter[str] = Counter()
    made = []
    variants = rows["variant"].to_pylist() if "variant" in rows.column_names else [VARIANT] * len(rows)
    for text, variant in zip(rows["response"].to_pylist(), variants, strict=True):
        # Keys are taken apart at their slashes.
        name = variant.replace("/", "-") or VARIANT
        k = count[name]
        count[name] += 1
        made.append(Attempt(f"{problem.key}/{name}/{k}", problem.key, name, k, text, 0, "stop"))
    return made


def squeezed(text: str | None) -> str:
    """A text without spaces and case."""
    return "".join((text or "").split()).casefold()
