"""SFT and GRPO by TRL, with our own sampler for the roll-outs."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from skillfactory_core import crew, hookimpl
from skillfactory_core.engines.transformers import load_tokenizer, model_error, prompt_ids
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.threads import spin_briefly
from skillfactory_core.trainer import GrpoSettings, Lesson, Log, Question, Reward, SftSettings, Trainer
from skillfactory_core.trainers.checkpoints import finish
from skillfactory_core.trainers.rollout_server import RolloutServers, Weights
from skillfactory_core.trainers.rollouts import Draw, by_decoder, by_servers, roll_out, score
from skillfactory_core.trainers.trackers import callbacks, check_trackers, naming

RENAMED = {
    "completions/mean_length": "tokens",
    "completions/clipped_ratio": "clipped",
    "frac_reward_zero_std": "no_signal",
    "sampling/sampling_logp_difference/mean": "logp_gap",
}
"TRL's names of figures -> ours"


class TrlTrainer(Trainer):
    """The Trainer of TRL, set to the paper's losses."""

    name = "trl"
    summary = "SFT and GRPO by TRL"
    keeps = True

    def __init__(
        self,
        rollout_servers: str | Sequence[str] = (),
        rollout_timeout: float = 1800,
        report_to: str | Sequence[str] = "none",
        dtype: str = "",
        **options: Any,
    ) -> None:
        """
        rollout_servers: addresses of vLLM servers that make the completions of GRPO (sf serve MODEL --rollouts). Without any, the model
        in this process makes them. rollout_timeout: seconds that one completion may take there. report_to: programs that show the
        figures of each step as they come: none, or some of tensorboard, trackio and wandb. dtype: bfloat16 for mixed precision, or
        float32. By default: bfloat16 on a GPU, float32 on a CPU.
        """
        super().__init__(**options)
        self.servers, self.timeout = rollout_servers, rollout_timeout
        self.trackers = check_trackers(report_to)
        if dtype not in ("", "float32", "bfloat16"):
            raise SkillFactoryError(f"trainer '{self.name}': dtype = {dtype!r}: choose float32 or bfloat16")
        self.dtype = dtype

    def sft(
        self, model: str, lessons: Sequence[Lesson], folder: Path, settings: SftSettings, seed: int, log: Log
    ) -> None:
        tokenizer = load_tokenizer(model)
        kept = [x for x in lessons if len(tokens_of(tokenizer, x)) <= settings.context]
        if not kept:
            raise SkillFactoryError(
                f"all {len(lessons)} traces are longer than sft.context = {settings.context} tokens; raise it"
            )
        told = [log_callback(log, {"left_out": float(len(lessons) - len(kept))}), *callbacks(self.trackers, folder)]
        loaded = load_for_training(model)
        finish(sft_trainer(loaded, tokenizer, kept, folder, settings, seed, told, self.dtype), folder)

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
        spin_briefly()
        from datasets import Dataset
        from trl import GRPOConfig

        from skillfactory_core.trainers.buckets import BucketedGRPOTrainer

        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
        check_sizes(settings)
        micro = micro_share(settings, crew.size())
        updates = settings.prompts // settings.minibatch
        # The steps that are compared are whole ones; others are for going on alone.
        saves = {"save_steps": updates * -(-settings.steps // settings.checkpoints)} if settings.validation else {}
        tokenizer = load_tokenizer(model)
        kept = [q for q in questions if len(prompt_ids(tokenizer, list(q.messages))) <= settings.max_prompt]
        if len(kept) < settings.prompts:
            raise SkillFactoryError(
                f"GRPO needs at least grpo.prompts = {settings.prompts} problems within grpo.max_prompt = "
                f"{settings.max_prompt} tokens and has {len(kept)}; raise grpo.problems or lower grpo.prompts"
            )
        config = GRPOConfig(
            **{**arguments(folder, settings.steps * updates, settings.checkpoints, seed, self.dtype), **saves},
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=settings.minibatch * settings.rollouts // (micro * crew.size()),
            steps_per_generation=settings.prompts * settings.rollouts // (micro * crew.size()),
            num_generations=settings.rollouts,
            max_completion_length=settings.max_tokens,
            learning_rate=settings.rate,
            lr_scheduler_type="constant",
            temperature=settings.temperature,
            beta=0.0,
            loss_type="dapo",
            scale_rewards="group",
        )
        with ExitStack() as stack:
            draw: Draw = partial(by_decoder, settings.sampling)
            if self.servers:
                servers = stack.enter_context(closing(RolloutServers(self.servers, self.timeout, seed)))
                draw = partial(by_servers, servers, settings.sampling)
            trainer = BucketedGRPOTrainer(
                load_for_training(model),
                reward_funcs=partial(score, reward, tokenizer),
                args=config,
                train_dataset=Dataset.from_list([{"prompt": list(q.messages), "key": q.key} for q in kept]),
                processing_class=tokenizer,
                rollout_func=partial(roll_out, draw, seed),
                callbacks=[
                    log_callback(log, {}, updates),
                    *callbacks(self.trackers, folder),
                ],
            )
            if self.servers:
                # TRL then brings the weights there before it asks, and corrects for what two programs round differently.
                trainer.use_vllm, trainer._last_loaded_step = True, -1
                trainer.vllm_generation = Weights(servers, trainer, folder / "rollout-weights")
            finish(trainer, folder, updates if settings.validation else 0)


def sft_trainer(
    model: Any,
    tokenizer: Any,
    lessons: Sequence[Lesson],
    folder: Path,
    settings: SftSettings,
    seed: int,
    callbacks: Sequence[Any],
    dtype: str = "",
) -> Any:
    """TRL's trainer with its lessons made ready, which `sf doctor` looks at too."""
    from datasets import Dataset
    from trl import SFTConfig

    from skillfactory_core.trainers.order import OrderedSFTTrainer

    if settings.batch % crew.size():
        raise SkillFactoryError(
            f"sft.batch = {settings.batch} must be a multiple of the {crew.size()} processes that train"
        )
    rows = [
        {"prompt": list(x.messages), "completion": [{"role": "assistant", "content": x.completion}]} for x in lessons
    ]
    steps = max(1, round(len(lessons) * settings.epochs / settings.batch))
    config = SFTConfig(
        **arguments(folder, steps, settings.checkpoints, seed, dtype),
        per_device_train_batch_size=settings.batch // crew.size(),
        learning_rate=settings.rate,
        lr_scheduler_type="cosine",
        warmup_steps=int(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        # Longer texts were left out before: TRL would cut them without a word.
        max_length=None,
        completion_only_loss=True,
        # Texts of like length share a batch: less padding.
        train_sampling_strategy="group_by_length",
    )
    return OrderedSFTTrainer(
        model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )


def arguments(folder: Path, steps: int, checkpoints: int, seed: int, dtype: str) -> dict[str, Any]:
    """What both kinds of training share."""
    import torch

    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(folder / "checkpoints"),
        "max_steps": steps,
        "seed": seed,
        "data_seed": seed,
        "adam_beta1": 0.9,
        "adam_beta2": 0.95,
        "bf16": dtype == "bfloat16" or (not dtype and on_gpu),
        "use_cpu": not on_gpu,
        "gradient_checkpointing": on_gpu,
        "save_strategy": "steps",
        "save_steps": max(1, -(-steps // checkpoints)),
        "save_total_limit": 1,
        "logging_steps": 1,
        "report_to": "none",  # the trackers are told by callbacks of their own
        **naming(folder),
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
        "ddp_find_unused_parameters": False,
    }


def check_sizes(settings: GrpoSettings) -> None:
    """Say which sizes do not divide, before TRL does in its own words."""
    if settings.prompts % settings.minibatch:
        raise SkillFactoryError(
            f"grpo.prompts = {settings.prompts} must be a multiple of grpo.minibatch = {settings.minibatch}"
        )
    if settings.minibatch * settings.rollouts % settings.micro_batch:
        raise SkillFactoryError(
            f"grpo.minibatch x grpo.rollouts = {settings.minibatch * settings.rollouts} completions must be a multiple "
            f"of grpo.micro_batch = {settings.micro_batch}"
        )


def micro_share(settings: GrpoSettings, processes: int) -> int:
    """Completions per pass of one process: grpo.micro_batch, or all of its share of a minibatch where that is less."""
    share, left = divmod(settings.minibatch * settings.rollouts, processes)
    micro = min(settings.micro_batch, share)
    if left or not share or share % micro:
        raise SkillFactoryError(
            f"grpo.minibatch x grpo.rollouts = {settings.minibatch * settings.rollouts} completions must be a multiple of "
            f"{processes} processes x grpo.micro_batch = {settings.micro_batch}"
        )
    return micro


def load_for_training(model: str) -> Any:
    """The model with 32-bit weights, as mixed-precision training wants them."""
    import torch
    from datasets import disable_progress_bars
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    disable_progress_bars()
    try:
        return AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="sdpa")
    except (OSError, ValueError) as error:
        raise model_error(model, error) from error


def tokens_of(tokenizer: Any, lesson: Lesson) -> list[int]:
    messages = [*lesson.messages, {"role": "assistant", "content": lesson.completion}]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def log_callback(log: Log, extra: dict[str, float], updates: int = 1) -> Any:
    """A callback that hands TRL's figures on, one call per step of `updates` optimiser steps."""
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            logs = logs or {}
            # The figures are those of all processes; the first one tells.
            if not state.is_world_process_zero or "loss" not in logs or state.global_step % updates:
                return
            figures = {RENAMED.get(name, name): value for name, value in logs.items() if isinstance(value, int | float)}
            kept = {n: float(v) for n, v in figures.items() if "/" not in n and n != "epoch"}
            log({"step": state.global_step // updates, "steps": state.max_steps // updates, **kept, **extra})

    return Callback()


@hookimpl
def register_trainers() -> list[type[Trainer]]:
    return [TrlTrainer]
