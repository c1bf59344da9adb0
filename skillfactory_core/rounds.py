"""A run from where it is to its end, and rounds of runs, each with the model of the one before."""

from pathlib import Path

import attrs
import click

from skillfactory_core.config import Config
from skillfactory_core.run import Run, locked, start_run


def after_rounds(folder: Path, config: Config, rounds: int) -> tuple[Path, Config]:
    """(folder, settings) of the last of some rounds, when those before are done, in runs beside it."""
    for number in range(1, rounds):
        before = folder.with_name(f"{folder.name}-round-{number}")
        go(before, config, "sft")
        # Every round tunes the same model, on the attempts of the tuned one before.
        start = config.sft.start or config.model
        config = attrs.evolve(config, model=str(before / "6-sft" / "model"), sft=attrs.evolve(config.sft, start=start))
    return folder, config


def go(folder: Path, config: Config, until: str | None) -> Run:
    """The stages of one run, from where it is."""
    from skillfactory_core.choices import choose, unsaid
    from skillfactory_core.pipeline import Pipeline

    quiet = unsaid(config, choose(config))
    with locked(folder):
        started = start_run(folder, config)
        click.echo(f"run folder: {folder}", err=True)
        if quiet:
            click.echo(
                f"sf: traces will say the phrases of prompt set '{config.prompts}', not those of skill '{quiet}': for these, "
                f"-s phrases={quiet}",
                err=True,
            )
        pipeline = Pipeline(started)
        pipeline.do(*pipeline.up_to(until))
    return started
