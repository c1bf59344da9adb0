"""GSM8K: word problems from school, answered with one number."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.attempt import Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_tasks.dataset import DatasetTask, Row, given_text, text_cell
from skillfactory_tasks.number import MAX_LENGTH, Ratio, grade_number, read_number

MARK = "####"
"in the published answers, what comes before the final number"


@attrs.frozen(kw_only=True)
class Gsm8k(DatasetTask):
    """Any set of questions that are answered with one number; by default the published one."""

    name = "gsm8k"
    summary = "word problems from school, answered with one number"
    answer_kind = "a number"

    source: str = "openai/gsm8k"
    config: str = "main"
    evaluation_split: str = "test"

    def read(self, row: Row) -> dict[str, Any]:
        question = text_cell(row, self.question_column, "question_column")
        return {"question": question, "answer": final(text_cell(row, self.answer_column, "answer_column"))}

    def canonical(self, params: Mapping[str, Any]) -> str:
        return " ".join(self.question(params).split())

    def question(self, params: Mapping[str, Any]) -> str:
        self.reference(params)
        return given_text(self.name, params, "question")

    def reference(self, params: Mapping[str, Any]) -> str:
        answer = final(given_text(self.name, params, "answer"))
        if gold(answer) is None:
            raise SkillFactoryError(f"{self.name} problem: answer {answer!r:.80} is not one number: correct it")
        return answer

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        return grade_number(answer, gold(final(params["answer"])))


def final(answer: str) -> str:
    """The answer without the worked solution that the published rows put before it."""
    return answer.rpartition(MARK)[2].strip()


@lru_cache(maxsize=4096)
def gold(answer: str) -> Ratio | None:
    return read_number(answer) if len(answer) <= MAX_LENGTH else None


@hookimpl
def register_tasks() -> list[Task]:
    return [Gsm8k()]
