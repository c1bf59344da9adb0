"""Compute: what a method cost, in tokens, so that methods can be compared at equal cost. From the tables and the training logs."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from skillfactory_core.arms import is_best, taught, trained_as
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.grpo import settings_of
from skillfactory_core.stages.validate import checked

PARTS = ("attempts", "reflections", "rollouts", "sft", "grpo")


def tokens_of(run: Run, method: str) -> dict[str, int | None]:
    """Tokens that went into a method of a run.

    `attempts`, `reflections` and `rollouts` (the completions of GRPO) were generated, `sft` and `grpo` trained on, prompts
    included; `generated` and `trained` are the sums. None where a log does not say. What an earlier round of STaR cost counts too.
    The best checkpoint cost the whole training, and `validation`: what all checkpoints wrote to be compared.
    """
    from_traces, arm = taught(method), trained_as(method)
    reinforced = method not in ("base", "sft")
    log = read_steps(run.grpo(arm) / "log.jsonl") if reinforced else None
    found: dict[str, int | None] = {
        "attempts": sum(tokens for (tokens,) in run.attempts.every("tokens")) if from_traces else 0,
        "reflections": sum(tokens for (tokens,) in run.reflections.every("tokens")) if from_traces else 0,
        "rollouts": 0 if log is None else rolled_out(run, arm, log),
        "sft": trained(read_steps(run.sft / "log.jsonl")) if from_traces else 0,
        "grpo": 0 if log is None else trained(log),
    }
    earlier = round_before(run)
    if earlier is not None:
        before = tokens_of(earlier, "sft")
        found = {part: total(found[part], before[part]) for part in PARTS}
    if is_best(method):
        found["validation"] = sum(tokens for table in checked(run, arm) for (tokens,) in table.every("tokens"))
    found["generated"] = total(found["attempts"], found["reflections"], found["rollouts"], found.get("validation", 0))
    found["trained"] = total(found["sft"], found["grpo"])
    return found


def total(*parts: int | None) -> int | None:
    """The sum, unknown where a part is."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def rolled_out(run: Run, method: str, log: list[dict[str, Any]]) -> int | None:
    """Tokens of the completions: each step logs their mean length."""
    settings = settings_of(run.config, method)
    lengths = figures(log, "tokens")
    return round(sum(lengths) * settings.prompts * settings.rollouts) if lengths else None


def trained(log: list[dict[str, Any]]) -> int | None:
    """Tokens that a training went over. The log counts them up, from zero again where the training was resumed."""
    counts = figures(log, "num_tokens")
    return (
        round(sum(now - before if now >= before else now for before, now in pairwise([0.0, *counts])))
        if counts
        else None
    )


def figures(log: list[dict[str, Any]], name: str) -> list[float]:
    """One figure of every step; none where a step does not have it."""
    return [float(line[name]) for line in log] if all(name in line for line in log) else []


def read_steps(path: Path) -> list[dict[str, Any]]:
    """The steps in a log.jsonl; a torn line is left out."""

    def lines() -> Iterator[dict[str, Any]]:
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and "step" in line:
                yield line

    return list(lines())


def round_before(run: Run) -> Run | None:
    """The run whose fine-tuned model this one began with: rounds of STaR stand beside one another."""
    model = Path(run.config.model)
    folder = model.parent.parent
    if model.parts[-2:] != ("6-sft", "model") or not (folder / "config.toml").is_file():
        return None
    return open_run(folder)
