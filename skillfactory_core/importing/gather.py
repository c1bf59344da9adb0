"""Gather: the rows of a bucket, question by question, become problems."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import attrs

from skillfactory_core.deadline import Late, on
from skillfactory_core.importing.left_out import LeftOut
from skillfactory_core.importing.spill import Spill
from skillfactory_core.problem import Problem
from skillfactory_core.task import Task, check_params, problem_hash

VARIANT = "imported"
"variant of the imported problems; name of the prompts and reflection prompts that the source does not name"


@attrs.define
class Gatherer:
    """Makes the problems of a source, in the order of the hashes of their questions."""

    task: Task
    graded: bool
    "the source says which attempts are right, so the task need not read the problem"
    held_out: frozenset[str]
    "hashes of the run's problems for RL and evaluation"
    left_out: LeftOut
    problems: int = 0
    not_compared: int = 0
    "problems that the task cannot read, so that nobody knows whether they are held out"

    def groups(self, spill: Spill, repeated: bytearray | None) -> Iterator[tuple[Problem, Any]]:
        """(problem, its rows) of all buckets. `repeated` marks rows whose key another row before them has."""
        import numpy as np
        import pyarrow as pa

        for bucket in range(spill.count):
            rows = spill.read(bucket)
            if rows is not None and repeated is not None:
                rows = rows.filter(pa.array([not repeated[row] for row in rows["row"].to_pylist()]))
            if not rows:
                continue
            encoded = rows["hash"].combine_chunks().dictionary_encode().indices.to_numpy()
            starts = np.flatnonzero(np.diff(encoded, prepend=-1)).tolist()
            rows, starts = self._with_one_answer(rows, encoded, starts)
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                group = rows.slice(start, end - start)
                problem = self._problem(group)
                if problem is not None:
                    self.problems += 1
                    yield problem, group

    def _with_one_answer(self, rows: Any, group_of: Any, starts: list[int]) -> tuple[Any, list[int]]:
        """The rows without those whose right answer is not that of the first row of their question."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if "answer" not in rows.column_names:
            return rows, starts
        firsts = rows["answer"].take(pa.array(starts)).take(pa.array(group_of))
        differs = pc.not_equal(rows["answer"], firsts).combine_chunks()
        if not pc.any(differs).as_py():
            return rows, starts
        numbers = rows["row"].filter(differs)
        self.left_out.add("other_answer", pc.min(numbers).as_py(), "column answer", len(numbers))
        kept = ~differs.to_numpy(zero_copy_only=False)
        return rows.filter(pa.array(kept)), np.flatnonzero(np.diff(group_of[kept], prepend=-1)).tolist()

    def _problem(self, group: Any) -> Problem | None:
        """The problem of some rows, or None and a reason."""
        first = {
            name: group[name][0].as_py() for name in group.column_names if name in ("question", "answer", "problem")
        }
        params = json.loads(first["problem"]) if "problem" in first else dict(first)
        try:
            with on(f"problem {first!a:.80}"):
                check_params(self.task, params)
                digest = problem_hash(self.task, params)
                question = first.get("question") or self.task.question(params)
        except Late:
            raise
        except Exception as error:  # noqa: BLE001 - third-party tasks raise what they like
            if not self.graded or "question" not in first:
                self._leave_out("unfit_problem", group, str(error).splitlines()[0])
                return None
            self.not_compared += 1
            question = first["question"]
            digest = sha256(f"{self.task.name}\0{question}".encode()).hexdigest()[:16]
        if digest in self.held_out:
            self._leave_out("held_out", group, question)
            return None
        return Problem(
            key=f"{self.task.name}/{VARIANT}/train/{self.problems}",
            task=self.task.name,
            variant=VARIANT,
            split="train",
            index=self.problems,
            params=params,
            question=question,
            hash=digest,
        )

    def _leave_out(self, reason: str, group: Any, note: str) -> None:
        self.left_out.add(reason, group["row"][0].as_py(), note[:120], len(group))


def repeated_keys(spill: Spill, rows: int, left_out: LeftOut) -> bytearray:
    """One byte per row: 1 where a row before it has the same key. `spill` holds keys and row numbers."""
    import numpy as np

    marks = bytearray(rows + 1)
    for bucket in range(spill.count):
        table = spill.read(bucket)
        if table is None:
            continue
        same = np.flatnonzero(np.diff(table["hash"].combine_chunks().dictionary_encode().indices.to_numpy()) == 0) + 1
        for place in same.tolist():
            row = table["row"][place].as_py()
            marks[row] = 1
            left_out.add("repeated_key", row, f"key {table['key'][place].as_py()}"[:120])
    return marks
