"""GPQA: questions from the sciences with four choices, which are shuffled by the seed."""

from collections.abc import Mapping
from random import Random
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.task import Task
from skillfactory_tasks.choice import LETTERS, ChoiceTask
from skillfactory_tasks.dataset import Row, text_cell


@attrs.frozen(kw_only=True)
class Gpqa(ChoiceTask):
    """The published rows hold the right answer and the wrong ones apart; other files may hold choices.

    The set is small, so each problem is answered many times. The Hub gives it out after its terms are accepted.
    """

    name = "gpqa"
    summary = "questions from the sciences with four choices, shuffled by the seed (GPQA diamond)"
    evaluation_samples = 34

    source: str = "Idavidrein/gpqa"
    config: str = "gpqa_diamond"
    train_split: str = ""
    evaluation_split: str = "train"
    question_column: str = "Question"
    answer_column: str = "Correct Answer"
    wrong_columns: str = "Incorrect Answer 1, Incorrect Answer 2, Incorrect Answer 3"
    "columns that hold the wrong answers, with commas between"
    choices_column: str = ""
    "column that holds all choices; then the answer column holds a letter"

    def read(self, row: Row) -> dict[str, Any]:
        if self.choices_column:
            return super().read(row)
        question = text_cell(row, self.question_column, "question_column")
        texts = [text_cell(row, self.answer_column, "answer_column")]
        texts += [text_cell(row, name.strip(), "wrong_columns") for name in self.wrong_columns.split(",")]
        return {"question": question, "choices": dict(zip(LETTERS, texts, strict=False)), "answer": "A"}

    def arrange(self, params: dict[str, Any], random: Random) -> dict[str, Any]:
        return shuffled(params, random)


def shuffled(params: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """The same problem with its choices in another order."""
    letters = list(params["choices"])
    order = letters.copy()
    random.shuffle(order)
    choices = {letter: params["choices"][old] for letter, old in zip(letters, order, strict=True)}
    return {**params, "choices": choices, "answer": letters[order.index(params["answer"])]}


@hookimpl
def register_tasks() -> list[Task]:
    return [Gpqa()]
