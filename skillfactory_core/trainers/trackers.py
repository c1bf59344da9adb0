"""Trackers: programs that draw the figures of a training while it goes on: TensorBoard, Weights & Biases, trackio.

They are optional, and nothing leaves the machine unless its user says so: Weights & Biases writes to disk only until
WANDB_MODE=online is set, trackio keeps to its own folder until it is given a Space.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skillfactory_core.errors import SkillFactoryError

TRACKERS = ("tensorboard", "trackio", "wandb")
PROJECT = "skillfactory"


def check_trackers(report_to: str | Sequence[str]) -> tuple[str, ...]:
    """The names in an option, each one known and installed."""
    if not isinstance(report_to, str | list | tuple):
        raise SkillFactoryError(
            f"trainer option report_to = {report_to!r}: choose none, or some of {', '.join(TRACKERS)}"
        )
    names = (report_to,) if isinstance(report_to, str) else tuple(report_to)
    for name in names:
        if name not in (*TRACKERS, "none"):
            raise SkillFactoryError(
                f"trainer option report_to = {name!r}: choose none, or some of {', '.join(TRACKERS)}"
            )
        if name != "none" and find_spec(name) is None:
            raise SkillFactoryError(f"trainer option report_to = '{name}': it is not installed; pip install {name}")
    return tuple(name for name in names if name != "none")


def callbacks(names: Sequence[str], folder: Path) -> list[Any]:
    """Callbacks of transformers that hand the figures of each step on. What is written to disk goes below `folder`."""
    from transformers.integrations import get_reporting_integration_callbacks

    if "wandb" in names:
        for name, value in (("MODE", "offline"), ("PROJECT", PROJECT), ("DIR", str(folder))):
            os.environ.setdefault(f"WANDB_{name}", value)
        folder.mkdir(parents=True, exist_ok=True)
    made = [kind() for kind in get_reporting_integration_callbacks(list(names))]
    for each in made:
        # The folder that it would choose is that of the checkpoints, which go when the training is done.
        if hasattr(each, "tb_writer") and each.logging_dir is None:
            each.logging_dir = str(folder / "tensorboard")
    return made


def naming(folder: Path) -> dict[str, Any]:
    """Settings by which trackers call a training after its place: a run, a stage and perhaps a method."""
    return {"run_name": "/".join(folder.absolute().parts[-3:]), "project": PROJECT, "trackio_static_space_id": False}
