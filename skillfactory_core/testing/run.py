"""Runs for tests: every stage of the method on any task, in a second by script, or in some more with a small model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.config import Config, merge
from skillfactory_core.engine import Engine
from skillfactory_core.engines.scripted import Reply, ScriptedEngine
from skillfactory_core.run import Run
from skillfactory_core.testing.guesser import Guesser
from skillfactory_core.testing.plug import plugged
from skillfactory_core.testing.still import StillTrainer
from skillfactory_core.trainer import Trainer

ENGINE = "kit-scripted"
SMALL = {
    "part": 4,
    "sample": {"problems": 8, "attempts": 2},
    "reflect": {"reflections": 2},
    "grpo": {"problems": 8},
    "evaluate": {"problems": 4, "samples": 2},
}
"every table has some rows, and more than one part"
BRIEF = {
    "sample": {"problems": 4},
    "sft": {"checkpoints": 1},
    "grpo": {"steps": 1, "prompts": 2, "minibatch": 2, "rollouts": 4, "micro_batch": 8, "max_tokens": 48},
    "rl_only": {"rollouts": 4, "max_tokens": 48},
    "evaluate": {"problems": 2, "samples": 1},
    "evaluate_sampling": {"max_tokens": 48},
}
"what a trained model writes, and how often: little"


@attrs.frozen
class Kit:
    """What a temporary run needs plugged in: the scripted engine, and a trainer that trains nothing."""

    reply: Reply

    @hookimpl
    def register_engines(self) -> list[type[Engine]]:
        reply = self.reply

        class Scripted(ScriptedEngine):
            name = ENGINE
            summary = "replies by script, for tests"

            def __init__(self, model: str, seed: int) -> None:
                super().__init__(model, seed, reply)

        return [Scripted]

    @hookimpl
    def register_trainers(self) -> list[type[Trainer]]:
        return [StillTrainer]


def temporary_run(
    folder: Path,
    task: str,
    settings: dict[str, Any] | None = None,
    reply: Reply | None = None,
    last: str | None = None,
) -> Run:
    """A run of a task in `folder`, up to the stage `last` or to the report: scripted replies, no training, no torch.

    `settings` are those of a configuration, as tables: {"skills": ["verify", "mine"], "sample": {"problems": 3}}. With an
    engine or a trainer named there, that one works instead. `reply` says what the model writes; else a Guesser does,
    which knows every answer and gives half of them wrong. A run that is there goes on.
    """
    settings = merge({**SMALL, "engine": ENGINE, "trainer": StillTrainer.name}, settings or {})
    return go_on(folder, resolved(task, settings), reply or Guesser(folder), last)


def small_run(folder: Path, task: str, settings: dict[str, Any] | None = None, reply: Reply | None = None) -> Run:
    """A run that trains the default model for a few steps and lets it answer: seconds on a CPU.

    That model solves no task but its own, so the attempts and reflections are scripted, and make traces of any task. From
    SFT on, everything is real.
    """
    settings = merge(merge(SMALL, BRIEF), settings or {})
    scripted = resolved(task, {**settings, "engine": ENGINE})
    go_on(folder, scripted, reply or Guesser(folder), "rearrange")
    with one_thread():
        return go_on(folder, resolved(task, settings), reply or Guesser(folder), None)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread: a model this small gains nothing from more, and on a busy machine they wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resolved(task: str, settings: dict[str, Any]) -> Config:
    """The settings of the smallest preset and of the model, with these on top."""
    from skillfactory_core.resolve import resolve

    return resolve(task, "smoke", None, settings)


def go_on(folder: Path, config: Config, reply: Reply, last: str | None) -> Run:
    """The stages of a run, with the kit plugged in."""
    from skillfactory_core.rounds import go

    with plugged(Kit(reply), "kit"):
        return go(folder, config, last)
