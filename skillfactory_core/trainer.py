"""Trainer: what turns traces into a fine-tuned model, and rewards into a better one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
from attrs.validators import and_, ge, gt, le

from skillfactory_core.engine import Sampling
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.prompts import Message

Log = Callable[[dict[str, float]], None]
"called with the figures of a step; 'step' and 'steps' are always there"


@attrs.frozen
class Lesson:
    """One text to learn: the loss is on the completion."""

    messages: tuple[Message, ...]
    completion: str


@attrs.frozen
class Question:
    """One prompt to learn from by reward."""

    key: str
    messages: tuple[Message, ...]


@attrs.frozen
class Reward:
    """The score of one completion and the skill figures that go to the log."""

    value: float
    figures: Mapping[str, float]


@attrs.frozen
class SftSettings:
    epochs: float = attrs.field(default=1.0, validator=gt(0))
    rate: float = attrs.field(default=1e-6, validator=gt(0))
    "peak learning rate, cosine to zero"
    batch: int = attrs.field(default=1, validator=ge(1))
    warmup: float = attrs.field(default=0.05, validator=and_(ge(0), le(1)))
    "share of the steps"
    context: int = attrs.field(default=4096, validator=ge(1))
    "longest prompt + completion, in tokens; longer ones are left out and counted"
    weight_decay: float = attrs.field(default=1e-4, validator=ge(0))
    checkpoints: int = attrs.field(default=4, validator=ge(1))
    "how many times to save on the way"
    start: str = ""
    "the model to fine-tune, where it is another than the one that made the attempts (STaR starts from the base every round)"


@attrs.frozen
class GrpoSettings:
    steps: int = attrs.field(default=150, validator=ge(1))
    prompts: int = attrs.field(default=256, validator=ge(1))
    "prompts per step"
    minibatch: int = attrs.field(default=32, validator=ge(1))
    "prompts per optimiser update: a step makes prompts / minibatch updates"
    rollouts: int = attrs.field(default=16, validator=ge(2))
    "completions per prompt"
    micro_batch: int = attrs.field(default=16, validator=ge(1))
    "completions per forward and backward pass: memory, not mathematics"
    rate: float = attrs.field(default=1e-6, validator=gt(0))
    temperature: float = attrs.field(default=1.0, validator=gt(0))
    top_p: float = attrs.field(default=1.0, validator=and_(gt(0), le(1)))
    top_k: int = attrs.field(default=0, validator=ge(0))
    max_prompt: int = attrs.field(default=512, validator=ge(1))
    "tokens; longer prompts are left out and counted"
    max_tokens: int = attrs.field(default=4096, validator=ge(1))
    problems: int = attrs.field(default=1000, validator=ge(1))
    "how many problems to train on"
    checkpoints: int = attrs.field(default=4, validator=ge(1))
    validation: int = attrs.field(default=0, validator=ge(0))
    "problems of the validation split that every checkpoint answers, so that the best is evaluated beside the last; 0: none"

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.top_k, 1.0, self.max_tokens)


class Trainer:
    """What a trainer plugin subclasses. Both methods resume from their last checkpoint in `folder`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    keeps: ClassVar[bool] = False
    "whether grpo leaves the weights of its checkpoints, as grpo.validation needs them"

    def __init__(self, **options: Any) -> None:
        """A subclass names its options, which come from `[trainer_options]`, as keyword arguments of its own."""
        if options:
            raise SkillFactoryError(f"trainer '{self.name}' has no option '{min(options)}' (sf trainers)")

    def sft(
        self, model: str, lessons: Sequence[Lesson], folder: Path, settings: SftSettings, seed: int, log: Log
    ) -> None:
        """Fine-tune `model`; the final weights and tokenizer go to `folder`/model."""
        raise TypeError(f"trainer '{self.name}' does not define sft")

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
        """Reinforce `model`; `reward(key, completion, finish)` scores one completion. The final weights and tokenizer go to
        `folder`/model; with `settings.validation`, those of every checkpoint before it to `folder`/steps/STEP (`keeps`)."""
        raise TypeError(f"trainer '{self.name}' does not define grpo")
