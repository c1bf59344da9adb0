"""StillTrainer: a trainer that trains nothing, so that every stage after it can be run in a moment."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from skillfactory_core.trainer import GrpoSettings, Lesson, Log, Question, Reward, SftSettings, Trainer


class StillTrainer(Trainer):
    """Writes what it was given where weights would be, and asks for the reward of one answer to every question."""

    name = "kit-still"
    summary = "trains nothing, for tests"
    keeps = True
    completion = ""
    "the text whose reward is asked for"

    def sft(
        self, model: str, lessons: Sequence[Lesson], folder: Path, settings: SftSettings, seed: int, log: Log
    ) -> None:
        log({"step": 1, "steps": 1, "loss": 1.0})
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model" / "lessons.json").write_text(json.dumps([lesson.completion for lesson in lessons]))

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
        scored = [reward(question.key, self.completion, "stop").value for question in questions]
        log({"step": 1, "steps": 1, "reward": sum(scored) / len(scored), "tokens": 3.0})
        half = [settings.steps // 2] if settings.validation and settings.steps > 1 else []
        for place in (*(folder / "steps" / str(step) for step in half), folder / "model"):
            place.mkdir(parents=True, exist_ok=True)
            (place / "rewards.json").write_text(json.dumps(scored))
