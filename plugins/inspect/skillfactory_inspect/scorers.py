"""Scorers: the grade of a response, and what it shows of the skill, as `sf results` tells them."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any

import anyio
import attrs
from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    accuracy,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState

from skillfactory_core import registry
from skillfactory_core.attempt import UNCHECKED, Grade
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.skill_use import Use, agreement, ratio
from skillfactory_core.skill_use import skill_use as use_of
from skillfactory_core.stages.grade import grade_answer
from skillfactory_core.stages.problems import task_with
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task
from skillfactory_inspect.refusal import in_one_line

TAGS = str(attrs.fields(Config).tags.default)
"the tag format of a run that names none"
ONE_AT_A_TIME = Lock()
"third-party graders are not asked to work in two threads at once"
OUTCOMES = {
    (True, True): "right_said_right",
    (False, True): "right_said_wrong",
    (False, False): "wrong_said_wrong",
    (True, False): "wrong_said_right",
}
"(verdict, truth) of an attempt"


@metric
def use() -> Metric:
    """The figures of `sf results`: means over the responses, and the agreement of all their verdicts with the truth."""

    def figures(scores: list[SampleScore]) -> Mapping[str, float | None]:
        sums: Counter[str] = Counter()
        for each in scores:
            sums.update(each.score.as_dict())
        return shares(sums, len(scores))

    return figures


def shares(sums: Mapping[str, float], responses: int) -> dict[str, float]:
    """Those figures that there is something to divide by for."""
    outcomes = Counter({outcome: sums[name] for outcome, name in OUTCOMES.items()})
    true = outcomes[True, True] + outcomes[False, False]
    found = {name: ratio(sums[name], responses) for name in ("answers", "reflections", "well_formed")}
    if not sums["thinks"]:
        found["well_formed"] = None
    found["verdict_agreement"] = ratio(true, sum(outcomes.values()))
    found |= {"f1_right": agreement(outcomes, True)["f1"], "f1_wrong": agreement(outcomes, False)["f1"]}
    return {name: value for name, value in found.items() if value is not None}


@attrs.frozen
class Reader:
    """What grades responses to the problems of one task."""

    task: Task
    tags: TagFormat

    def grade(self, params: Mapping[str, Any], answer: str | None) -> Grade:
        with ONE_AT_A_TIME:
            return grade_answer(self.task, params, answer)

    def final(self, state: TaskState) -> Grade:
        """The grade of the final answer: what follows the last closing think tag counts."""
        return self.grade(params_of(state), self.tags.extract(text_of(state.output.message, self.tags), final=True))

    def use(self, state: TaskState) -> Use:
        """What a response shows of trying, checking and trying again."""
        cut = state.output.stop_reason == "max_tokens"
        return use_of(text_of(state.output.message, self.tags), self.tags, partial(self.grade, params_of(state)), cut)


@scorer(metrics=[accuracy(), stderr(cluster="problem")])
def grade(task: str, options: dict[str, Any] | None = None, tags: str = TAGS) -> Scorer:
    """C for a right final answer, I for any other, with the extracted answer and the reason.

    Args:
        task: Name of the task that grades.
        options: Its options, where they are not its usual ones.
        tags: The tag format that responses are read by.
    """
    reader = reader_of(task, options, tags)

    async def score(state: TaskState, target: Target) -> Score:
        found = await anyio.to_thread.run_sync(reader.final, state)
        said = f"{found.reason}: could not be checked" if found.reason in UNCHECKED else found.reason
        return Score(
            value=CORRECT if found.correct else INCORRECT,
            answer=found.answer,
            explanation=said,
            metadata={"reason": found.reason},
        )

    return score


@scorer(metrics=[use()])
def skill_use(task: str, options: dict[str, Any] | None = None, tags: str = TAGS) -> Scorer:
    """How many answers and reflections a response has, whether it is well formed, and its verdicts against the truth.

    Args:
        task: Name of the task that grades.
        options: Its options, where they are not its usual ones.
        tags: The tag format that responses are read by.
    """
    reader = reader_of(task, options, tags)

    async def score(state: TaskState, target: Target) -> Score:
        found = await anyio.to_thread.run_sync(reader.use, state)
        said = Counter((claim.verdict, claim.truth) for claim in found.claims if claim.truth is not None)
        return Score(
            value={
                "answers": found.answers,
                "reflections": found.reflections,
                "well_formed": int(found.well_formed),
                "thinks": int(found.thinks),
                **{name: said[outcome] for outcome, name in OUTCOMES.items()},
            }
        )

    return score


def reader_of(task: str, options: Mapping[str, Any] | None, tags: str) -> Reader:
    with in_one_line():
        return Reader(task_with(task, options or {}), registry.find_tags(tags))


def params_of(state: TaskState) -> Mapping[str, Any]:
    """What the grader of a problem needs."""
    params = state.metadata.get("params")
    if not isinstance(params, Mapping):
        raise SkillFactoryError(
            f"sample {state.sample_id} has no 'params' in its metadata: it is none of SkillFactory's"
        )
    return params


def text_of(message: ChatMessageAssistant, tags: TagFormat) -> str:
    """What the model wrote. Some providers take a think block out of the text, as reasoning: it is put back before it."""
    if isinstance(message.content, str):
        return message.content
    parts = []
    for part in message.content:
        if isinstance(part, ContentReasoning) and not part.redacted:
            parts.append(f"<{tags.think}>\n{part.reasoning}\n</{tags.think}>\n")
        elif isinstance(part, ContentText):
            parts.append(part.text)
    return "".join(parts)
