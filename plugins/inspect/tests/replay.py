"""Replay: inspect's own mock model, saying what a run's responses say, or what a test wants it to say."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, Model, ModelOutput, ModelUsage, StopReason, get_model

from skillfactory_core.evaluation import Response
from skillfactory_inspect.exam import Exam

STOPS: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens"}


def saying(reply: Callable[[tuple[tuple[str, str], ...]], ModelOutput]) -> Model:
    """A model whose reply depends on the messages, as (role, text)."""

    def replies(asked: list[ChatMessage], *_: Any) -> ModelOutput:
        return reply(tuple((each.role, each.text) for each in asked))

    return get_model("mockllm/model", custom_outputs=replies)


def replaying(exam: Exam, responses: Iterable[Response]) -> Model:
    """A model that gives each problem its stored responses, one after the other."""
    left: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        left[response.problem].append(response)
    key_of = {
        tuple((m["role"], m["content"]) for m in exam.messages(problem)): problem.key for problem in exam.problems
    }

    def reply(asked: tuple[tuple[str, str], ...]) -> ModelOutput:
        response = left[key_of[asked]].pop(0)
        return said(response.text, response.finish)

    return saying(reply)


def said(text: str, finish: str = "stop") -> ModelOutput:
    """A reply. It tells how long it is, for inspect would count with a tokenizer from the net."""
    output = ModelOutput.from_content("mockllm/model", text, stop_reason=STOPS[finish])
    output.usage = ModelUsage(output_tokens=len(text.split()))
    return output


def evaluated(task: inspect_ai.Task, model: Any, logs: Path, **settings: Any) -> EvalLog:
    """The log of an evaluation, on no display."""
    (log,) = inspect_ai.eval(task, model, log_dir=str(logs), display="none", log_level="error", **settings)
    return log


def figures(log: EvalLog, scorer: str) -> dict[str, float]:
    """Metric -> value of a scorer."""
    assert log.results is not None
    (score,) = (score for score in log.results.scores if score.name == scorer)
    return {name: metric.value for name, metric in score.metrics.items()}
