"""Rows: what the methods of a study's runs are called in its tables."""

import attrs

from skillfactory_core.arms import BEST, FROM_BASE, is_best, taught
from skillfactory_core.run import Run
from skillfactory_core.study.plan import Arm, Study


@attrs.frozen
class Done:
    """One run of a study."""

    arm: Arm
    seed: int
    run: Run


def row(one: Done, method: str) -> str:
    """What a method of a run is called in the table."""
    if taught(method) and method != "sft":
        return f"{one.arm.name}{BEST}" if is_best(method) else one.arm.name
    return f"{one.arm.name}-sft" if method == "sft" else method


def rows_of(study: Study) -> dict[str, str]:
    """The rows that a study may have, in order, with their titles."""
    from skillfactory_core import registry

    titles = {arm.name: arm.title or registry.find(registry.METHOD, arm.method).title for arm in study.arms}
    tuned = {f"{name}-sft": f"{title} (SFT)" for name, title in titles.items()}
    alone = dict(zip(FROM_BASE, ("RL only", "RL only, instructed"), strict=True))
    reinforced = {**alone, **{name: f"{title} → GRPO" for name, title in titles.items()}}
    both = {
        f"{name}{last}": f"{title}{words}"
        for name, title in reinforced.items()
        for last, words in (("", ""), (BEST, ", best on validation"))
    }
    return {"base": "Base", **tuned, **both}
