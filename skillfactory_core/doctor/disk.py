"""Whether there is room for a run, and for models from the Hub."""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.doctor.finding import Finding
from skillfactory_core.errors import SkillFactoryError

MB, GB = 1e6, 1e9
CHECKPOINTS = 2
"that there are for a moment: the new one is whole before the old one goes"
STATE = 2
"times the bytes of a model that its optimizer keeps: two numbers for each weight"


def disk(runs: Path) -> Iterator[Finding]:
    """The folder of the runs, and the cache of the Hub."""
    needed = of_a_run()
    takes = f"; the models of a default run take up to {needed / MB:.0f} MB" if needed else ""
    yield room("runs", runs, takes, needed)
    yield room("hub cache", hub_cache(), "; a model takes two bytes for each of its weights", 0)


def room(check: str, folder: Path, takes: str, needed: int) -> Finding:
    """Whether a folder, or the one that it will be made in, can be written and has room."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK):
        state = "failed" if check == "runs" else "unsure"
        return Finding(check, state, f"{folder.absolute()} cannot be written", "choose another folder: --runs, HF_HOME")
    free = disk_usage(there).free
    what = f"{free / GB:.1f} GB free for {folder.absolute()}{takes}"
    if free < needed:
        return Finding(check, "failed", what, f"free {(needed - free) / MB:.0f} MB, or choose another disk with --runs")
    if not free:
        return Finding(check, "unsure", what, "free some, or choose another disk with HF_HOME")
    return Finding(check, "ok", what)


def of_a_run() -> int:
    """Bytes of the models of a default run: each that it trains, and what its training keeps to go on from. 0 where the model that
    it begins with is not on this machine."""
    named = str(attrs.fields(Config).model.default)
    try:
        folder = Path(registry.find(registry.MODEL, named).path)
    except SkillFactoryError:
        return 0
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    trained = len(Config(task="").arms) - 1
    return weights * (trained + CHECKPOINTS * (1 + STATE))


def hub_cache() -> Path:
    """Where models and datasets from the Hub are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
