"""A one-file plugin for tests: a model that guesses Countdown and checks it, and a trainer that trains nothing.

With it every stage runs in a second, without torch: `sf -p tests/scripted_world.py run --task countdown --model scripted …`.
"""

import re
import time
from os import environ
from pathlib import Path
from random import Random

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Model, Request
from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.suite import Entry, Suite
from skillfactory_core.testing import StillTrainer
from skillfactory_core.trainer import Trainer
from skillfactory_tasks.countdown_solver import solve


def reply(request: Request) -> str:
    """A guess that is right half the time, or a critique that is right four times of five, in pocket's words.

    What it says depends on the request's seed alone.
    """
    if environ.get("SCRIPTED_SLOW"):
        time.sleep(float(environ["SCRIPTED_SLOW"]))
    random = Random(request.seed)
    text = request.messages[-1]["content"]
    found = re.match(r"Make (\d+) from ([\d, ]+)\.", text)
    if found is None:
        raise LookupError(f"no reply to {text[:40]!r}")
    target, numbers = int(found[1]), [int(n) for n in found[2].split(", ")]
    solution = solve(numbers, target)
    if "<answer>" not in text or "<think>" in text:
        guess = solution if random.random() < 0.5 else f"{numbers[0]} + {random.choice(numbers[1:])}"
        return f"Trying {random.randint(1, 99)}. <answer>{guess}</answer>"
    truth = f"<answer>{solution}</answer>" in text
    claim = truth if random.random() < 0.8 else not truth
    return f"I looked, and {random.randint(1, 99)}. <verdict>{'Correct' if claim else 'Incorrect'}</verdict>"


class World(ScriptedEngine):
    name = "world"
    summary = "guesses and checks Countdown, for tests"

    def __init__(self, model: str, seed: int) -> None:
        super().__init__(model, seed, reply)


class Still(StillTrainer):
    name = "still"
    completion = "<answer>1 + 1</answer>"


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [World]


@hookimpl
def register_trainers() -> list[type[Trainer]]:
    return [Still]


@hookimpl
def register_suites() -> list[Suite]:
    """Beside the runs of these tests, whose numbers go to 9: other exams, one that they have, and one without a file."""
    wide = Entry("wide", "countdown", {"largest": 20}, problems=4, samples=7)
    taken = Entry("4", "countdown", {"numbers": 4, "largest": 20})
    same = Entry("same", "countdown", {"numbers": 4, "largest": 9})
    lost = Entry("lost", "gsm8k", {"evaluation_path": "lost.jsonl"})
    other = Entry("wide", "countdown", {"largest": 30})
    return [
        Suite("more", "exams for tests", (wide, taken, same, lost)),
        Suite("yet-more", "an exam for tests", (other,)),
    ]


@hookimpl
def register_models() -> list[Model]:
    return [Model("scripted", "scripted", "a model for tests", str(Path(__file__).with_suffix(".toml")))]
