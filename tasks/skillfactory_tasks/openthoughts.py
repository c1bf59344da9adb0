"""OpenThoughts: questions with reasoning traces of a teacher, of which only the final answer is taken."""

from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_tasks import equivalence
from skillfactory_tasks.dataset import Drop, Row, cell, text_cell
from skillfactory_tasks.latex import MAX_LENGTH, clean, tokens
from skillfactory_tasks.math import Math

BOX = "\\boxed{"


@attrs.frozen(kw_only=True)
class OpenThoughts(Math):
    """The right answer is what the trace puts in a box after its thoughts; rows without one clear answer are dropped.

    The set has over a million rows: `limit` reads the first ones only.
    """

    name = "openthoughts"
    summary = "questions of OpenThoughts, with the answers of their traces"

    source: str = "open-thoughts/OpenThoughts3-1.2M"
    train_split: str = "train"
    evaluation_split: str = ""
    conversations_column: str = "conversations"
    "column that holds the turns, each with 'from' and 'value'; empty: the question and the answer column are used"
    thoughts_end: str = "</think>"
    "what stands between the thoughts and the answer of a trace"

    def read(self, row: Row) -> dict[str, Any]:
        question, trace = self.turns(row)
        return {"question": question, "answer": final_answer(trace, self.thoughts_end)}

    def turns(self, row: Row) -> tuple[str, str]:
        """The question and the trace."""
        if not self.conversations_column:
            columns = ((self.question_column, "question_column"), (self.answer_column, "answer_column"))
            question, trace = (text_cell(row, column, option) for column, option in columns)
            return question, trace
        turns = cell(row, self.conversations_column, "conversations_column")
        try:
            said = {turn["from"]: turn["value"] for turn in turns}
            question, trace = said.get("human") or said["user"], said.get("gpt") or said["assistant"]
            return question.strip(), trace.strip()
        except (TypeError, KeyError, AttributeError) as error:
            raise SkillFactoryError(
                f"'{self.conversations_column}' is {turns!r:.80}: it has to be a list of turns with 'from' (human, gpt) and 'value'"
            ) from error

    @property
    def variant(self) -> str:
        return "default"


def final_answer(trace: str, thoughts_end: str) -> str:
    """The last boxed answer after the thoughts, if all of them say the same."""
    _, ended, said = trace.rpartition(thoughts_end)
    answers = boxed(said) if ended else []
    if not answers:
        raise Drop("without a boxed answer after the thoughts")
    if len({tuple(tokens(clean(answer))) for answer in answers if len(answer) <= MAX_LENGTH}) > 1:
        raise Drop("with boxed answers that differ")
    if len(answers[-1]) > MAX_LENGTH or equivalence.read(answers[-1]).problem:
        raise Drop("with an answer that cannot be graded")
    return answers[-1]


def boxed(text: str) -> list[str]:
    """The contents of all boxes, in order; a box that is not closed has none."""
    found: list[str] = []
    at = text.find(BOX)
    while at >= 0:
        start, depth, end = at + len(BOX), 1, at + len(BOX)
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        if depth:
            break
        if text[start : end - 1].strip():
            found.append(text[start : end - 1].strip())
        at = text.find(BOX, end)
    return found


@hookimpl
def register_tasks() -> list[Task]:
    return [OpenThoughts()]
