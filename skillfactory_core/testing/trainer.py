"""Check a trainer: weights appear under their final name when they are whole, steps are told, and a kill costs little."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from skillfactory_core.engine import stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.testing.demand import demand
from skillfactory_core.testing.engine import path_of
from skillfactory_core.trainer import GrpoSettings, Lesson, Question, Reward, SftSettings, Trainer

SFT = SftSettings(rate=1e-4, batch=2, context=256, checkpoints=1)
GRPO = GrpoSettings(
    steps=2, prompts=2, minibatch=2, rollouts=2, micro_batch=4, max_tokens=16, problems=4, checkpoints=1
)


class Interrupted(Exception):
    """What stops a trainer under check, as a user's Ctrl-C would."""


def check_trainer(trainer: type[Trainer], model: str, folder: Path, **options: Any) -> None:
    """Fine-tune and reinforce a model on a few lines, in `folder`; stop both at their first step, and go on.

    `options` are those of `[trainer_options]`.
    """
    name = f"trainer '{trainer.name}'"
    try:
        trainer(no_such_option=1)
    except (SkillFactoryError, TypeError):
        pass
    else:
        raise AssertionError(f"{name} takes an option 'no_such_option': pass what is unknown to Trainer")
    path, made = path_of(model), trainer(**options)
    lessons = [Lesson(asked(number), f"It is {number}.") for number in range(6)]
    keys = [f"kit/default/rl/{number}" for number in range(4)]
    questions = [Question(key, asked(number)) for number, key in enumerate(keys)]

    def reward(key: str, completion: str, finish: str) -> Reward:
        demand(key in keys, f"{name} asks for the reward of '{key}', which is no question's key")
        demand(isinstance(completion, str), f"{name} asks for the reward of {completion!r:.40}")
        demand(finish in ("stop", "length"), f"{name}: a completion ends in {finish!r}, not in stop or length")
        # Whatever a model writes, some completions are better than others.
        return Reward(float(stream_seed(0, completion) % 2), {"kit": 1.0})

    def sft(log: Callable[[dict[str, float]], None]) -> None:
        made.sft(path, lessons, folder / "sft", SFT, 0, log)

    def grpo(log: Callable[[dict[str, float]], None]) -> None:
        made.grpo(path, questions, reward, folder / "grpo", GRPO, 0, log)

    check_method(f"{name}, sft", sft, folder / "sft")
    check_method(f"{name}, grpo", grpo, folder / "grpo")


def asked(number: int) -> tuple[dict[str, str], ...]:
    return ({"role": "user", "content": f"What is {number}?"},)


def check_method(name: str, train: Callable[[Callable[[dict[str, float]], None]], None], folder: Path) -> None:
    """One way to train: stopped at its first step, then done."""

    def stop(figures: dict[str, float]) -> None:
        raise Interrupted

    folder.mkdir(parents=True, exist_ok=True)
    try:
        train(stop)
    except Interrupted:
        pass
    else:
        raise AssertionError(f"{name} told no step, or went on when that raised")
    one_step = told(name, train)
    demand((folder / "model").is_dir(), f"{name} wrote no folder 'model'")
    demand(any((folder / "model").iterdir()), f"{name} left the folder 'model' empty")
    numbers = [figures["step"] for figures in one_step]
    demand(numbers == sorted(numbers), f"{name}: its steps come in the order {numbers}")


def told(name: str, train: Callable[[Callable[[dict[str, float]], None]], None]) -> list[dict[str, float]]:
    """The figures of every step of a training that goes through."""
    logged: list[dict[str, float]] = []

    def log(figures: dict[str, float]) -> None:
        lacking = [key for key in ("step", "steps") if key not in figures]
        demand(not lacking, f"{name}: the figures of a step lack '{', '.join(lacking)}': {figures}")
        demand(0 < figures["step"] <= figures["steps"], f"{name}: step {figures['step']} of {figures['steps']}")
        logged.append(dict(figures))

    train(log)
    return logged
