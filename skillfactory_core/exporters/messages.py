"""What every export is made of: the traces as messages, and the problems of RL as questions."""

import json
from collections.abc import Iterator
from pathlib import Path

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import Message, PromptSet, read_prompt_set
from skillfactory_core.run import Run
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.table import Table
from skillfactory_core.trace import Trace

STRIDE = 1000
"traces between two looks at the progress"


def traces(run: Run) -> Iterator[Trace]:
    """Every trace, one at a time, with a bar."""
    with Progress("export", run.traces.count(), "traces") as progress:
        count = 0
        for count, trace in enumerate(run.traces, 1):
            if count % STRIDE == 0:
                progress.advance(STRIDE)
            yield trace
        progress.advance(count % STRIDE)


def prompt_of(trace: Trace) -> list[Message]:
    """What the model is asked."""
    system = [{"role": "system", "content": trace.system}] if trace.system else []
    return [*system, {"role": "user", "content": trace.prompt}]


def completion_of(trace: Trace) -> list[Message]:
    """What it is to answer."""
    return [{"role": "assistant", "content": trace.completion}]


def for_rl(run: Run) -> Table[Problem]:
    """The problems for RL. A run of imported attempts may have none; then an export is for fine-tuning alone."""
    return run.problems("rl", task_of(run.config).variant)


def questions(run: Run) -> Iterator[tuple[Problem, list[Message]]]:
    """The problems for RL, each with the messages that ask it."""
    return asked(run, for_rl(run))


def watched(run: Run) -> Iterator[tuple[Problem, list[Message]]]:
    """Problems to watch a training by: those of the evaluation, of the difficulty trained on if it is among them."""
    names = list(variants_of(run.config))
    trained_on = task_of(run.config).variant
    table = run.problems("evaluation", trained_on if trained_on in names else names[0])
    return asked(run, table if table.count() else for_rl(run))


def asked(run: Run, problems: Table[Problem]) -> Iterator[tuple[Problem, list[Message]]]:
    prompts, task = prompts_of(run.config), task_of(run.config)
    check_prompts(run, prompts)
    for problem in problems:
        yield problem, list(ask(problem, prompts, task.answer_kind).messages)


def check_prompts(run: Run, prompts: PromptSet) -> None:
    """A prompt set can be a file of the user: refuse one that asks in other words than the traces do."""
    task = task_of(run.config)
    trace = next(iter(run.traces), None)
    if trace is None:
        return
    problem = next((p for p in run.problems("train", task.variant) if p.key == trace.problem), None)
    if problem is not None and list(ask(problem, prompts, task.answer_kind).messages) != prompt_of(trace):
        raise SkillFactoryError(
            f"{run.folder} was made with another prompt [final] than prompts = {run.config.prompts!r} has now; put it back"
        )


def prompts_of(config: Config) -> PromptSet:
    if config.prompts.endswith(".toml"):
        return read_prompt_set(Path(config.prompts))
    prompts: PromptSet = registry.find(registry.PROMPTS, config.prompts)
    return prompts


def model_path(config: Config) -> str:
    """Where the model is that fine-tuning starts from: a folder or a Hub name."""
    # Loaded late: it knows every stage, and this file is loaded whenever sf starts.
    from skillfactory_core.choices import find_model

    return find_model(config.sft.start or config.model).path


def params_of(problem: Problem) -> str:
    """A problem's parameters as the JSON text that `skillfactory_core.rewards` takes."""
    return json.dumps(problem.params, ensure_ascii=True, sort_keys=True)
