"""Parrot: an engine, a model for it, and a trainer. Try it: sf -p docs/examples/parrot.py engines"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Model, Request, Sampling
from skillfactory_core.trainer import GrpoSettings, Lesson, Log, Question, Reward, SftSettings, Trainer


class Parrot(Engine):
    name = "parrot"
    summary = "says the last message again, as far as the limit allows"

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        for request in requests:
            if not request.messages:
                yield Generation(request.key, "", 0, "error", "there is no message to say again")
                continue
            words = request.messages[-1]["content"].split()
            said = words[: sampling.max_tokens]
            finish = "stop" if len(said) == len(words) else "length"
            yield Generation(request.key, request.prefix + " ".join(said), len(said), finish)


class Keep(Trainer):
    name = "keep"
    summary = "keeps the weights as they are: what a run is without training"

    def sft(
        self, model: str, lessons: Sequence[Lesson], folder: Path, settings: SftSettings, seed: int, log: Log
    ) -> None:
        keep(model, folder)
        log({"step": 1, "steps": 1})

    def grpo(
        self,
        model: str,
        questions: Sequence[Question],
        reward: Callable[[str, str, str], Reward],
        folder: Path,
        settings: GrpoSettings,
        seed: int,
        log: Log,
    ) -> None:
        keep(model, folder)
        log({"step": 1, "steps": 1})


def keep(model: str, folder: Path) -> None:
    """Put the weights of a model, where it has some, under the name that a trainer's result has."""
    if Path(model).is_dir():
        shutil.copytree(model, folder / "model", dirs_exist_ok=True)
    (folder / "model").mkdir(parents=True, exist_ok=True)


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [Parrot]


@hookimpl
def register_models() -> list[Model]:
    return [Model("parrot", "parrot", "nothing but a name, for the engine parrot")]


@hookimpl
def register_trainers() -> list[type[Trainer]]:
    return [Keep]
