"""Rows: what the methods of a study's runs are called in its tables."""

import attrs

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
    return {"base": "base", "rl-only": "rl-only", "sft": f"{one.arm.name}-sft"}.get(method, one.arm.name)


def rows_of(study: Study) -> dict[str, str]:
    """The rows that a study may have, in order, with their titles."""
    from skillfactory_core import registry

    titles = {arm.name: arm.title or registry.find(registry.METHOD, arm.method).title for arm in study.arms}
    tuned = {f"{name}-sft": f"{title} (SFT)" for name, title in titles.items()}
    reinforced = {name: f"{title} → GRPO" for name, title in titles.items()}
    return {"base": "Base", **tuned, "rl-only": "RL only", **reinforced}
