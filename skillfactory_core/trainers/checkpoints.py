"""Train from the newest whole checkpoint, and leave the model under its final name: in one process, or in many together."""

import json
import shutil
from pathlib import Path
from typing import Any

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.link import link

PIECES = (
    ("model.safetensors", "model.safetensors.index.json", "pytorch_model_fsdp.bin", "pytorch_model_fsdp_0/.metadata"),
    ("optimizer.pt", "optimizer.bin", "optimizer_0/.metadata"),
    ("scheduler.pt",),
    ("rng_state.pth", "rng_state_0.pth"),
)
"""files of a checkpoint that is whole, one of each row: as one process writes it, several, or several with a shard each;
trainer_state.json is written after them"""
STATE = ("optimizer*", "scheduler.pt", "scaler.pt", "rng_state*", "trainer_state.json", "training_args.bin")
"what a checkpoint has besides weights and tokenizer"


def finish(trainer: Any, folder: Path, updates: int = 0) -> None:
    """Train, and save the model. All processes come here; the first one touches the folder.

    `updates`: optimiser steps to a step, where the weights of every checkpoint are to stay, as steps/STEP; 0: they go.
    """
    from accelerate.utils import broadcast_object_list
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    crew = trainer.accelerator
    checkpoint = [last_checkpoint(folder / "checkpoints") if crew.is_main_process else None]
    broadcast_object_list(checkpoint)
    if updates and trainer.is_fsdp_enabled:
        raise SkillFactoryError(
            "grpo.validation cannot be used with FSDP, whose checkpoints are in pieces: train in one process, or in copies, or set it to 0"
        )
    if updates:
        if checkpoint[0] and crew.is_main_process:
            # A kill may have come between a checkpoint and its place among the steps.
            keep(Path(checkpoint[0]), folder / "steps", updates)
        trainer.add_callback(keeping(folder / "steps", updates))
    trainer.train(resume_from_checkpoint=checkpoint[0])
    if trainer.is_fsdp_enabled:
        # Else every process would write its shard alone.
        crew.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    temporary = folder / "model.tmp"
    if crew.is_main_process:
        shutil.rmtree(temporary, ignore_errors=True)
    crew.wait_for_everyone()
    trainer.save_model(str(temporary))
    crew.wait_for_everyone()
    if crew.is_main_process:
        temporary.rename(folder / "model")
        for leftover in ("checkpoints", "rollout-weights"):
            shutil.rmtree(folder / leftover, ignore_errors=True)
    crew.wait_for_everyone()


def keeping(steps: Path, updates: int) -> Any:
    """A callback that keeps the weights of every checkpoint but the last, which the model itself has."""
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero and state.global_step < state.max_steps:
                keep(Path(args.output_dir) / f"checkpoint-{state.global_step}", steps, updates)

    return Callback()


def keep(checkpoint: Path, steps: Path, updates: int) -> None:
    """The weights and the tokenizer of a checkpoint under the number of its step: whole, or not at all."""
    place = steps / str(int(checkpoint.name.split("-")[1]) // updates)
    temporary = steps / "tmp"
    for before in (temporary, place):
        shutil.rmtree(before, ignore_errors=True)
    shutil.copytree(checkpoint, temporary, ignore=shutil.ignore_patterns(*STATE), copy_function=link)
    temporary.rename(place)


def last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that is whole; torn ones are removed."""
    if not folder.is_dir():
        return None
    for path in sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            if all(any(filled(path / name) for name in names) for names in PIECES):
                return str(path)
        except (OSError, ValueError):
            pass
        shutil.rmtree(path, ignore_errors=True)
    return None


def filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
