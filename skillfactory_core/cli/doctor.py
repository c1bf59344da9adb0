"""sf doctor: whether this machine, or a model, is fit for a run, before time is spent on it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import rich_click as click

from skillfactory_core.cli.stage import folder_of
from skillfactory_core.config import Config, model_settings
from skillfactory_core.errors import SkillFactoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skillfactory_core.doctor.finding import Finding
    from skillfactory_core.run import Run

STYLES = {"ok": "green", "unsure": "yellow", "failed": "bold red", "not checked": "yellow"}


@click.command()
@click.option("--model", default=None, help="A model's name (sf models), a folder or a Hub name. Default: the run's.")
@click.option("--run", default=None, help="A run whose traces and limits are looked at, too.")
@click.option("--tags", default=None, help="The tag format (sf tag-formats). Default: the run's or the model's.")
@click.option("--prompts", default=None, help="The prompt set or its TOML file. Default: the run's or the model's.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder of the runs.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(
    model: str | None, run: str | None, tags: str | None, prompts: str | None, runs: Path, as_json: bool
) -> None:
    """Check this machine; or, with a model or a run, that what a model learns from is what it sees. The exit code is 1 if not.

    Of the machine: versions, cores and GPUs, whether the Hub can be reached, free disk, plugins and the files that tasks grade by.
    Of a model: the trainer's tokens beside those of the engine and of a server, the token that ends a reply, padding, tags that are
    special tokens, and what the limits of a run cut. Loads no weights and writes nothing.
    """
    if model is None and run is None:
        if tags or prompts:
            raise SkillFactoryError(
                "--tags and --prompts are about a model: name one with --model, or a run with --run"
            )
        from skillfactory_core.doctor.machine import machine

        tell("this machine", None, machine(runs), as_json)
        return
    from skillfactory_core.run import open_run

    opened = open_run(folder_of(run)) if run is not None else None
    config = settings_of(model, opened)
    config = attrs.evolve(config, tags=tags or config.tags, prompts=prompts or config.prompts)
    tell(f"model '{config.model}'", config.model, of_model(config, opened), as_json)


def of_model(config: Config, run: "Run | None") -> "list[Finding]":
    """What is found on the model of some settings."""
    from skillfactory_core import registry
    from skillfactory_core.choices import find_model
    from skillfactory_core.doctor.tokens import examine
    from skillfactory_core.prompts import read_prompt_set

    named = config.prompts
    prompt_set = read_prompt_set(Path(named)) if named.endswith(".toml") else registry.find(registry.PROMPTS, named)
    tag_format = registry.find_tags(config.tags)
    return examine(find_model(config.model).path, tag_format, prompt_set, run)


def tell(subject: str, model: str | None, findings: "Sequence[Finding]", as_json: bool) -> None:
    """Print the findings; the exit code is 1 where something will fail."""
    failed = [finding for finding in findings if finding.state == "failed"]
    if as_json:
        told = {"model": model, "passed": not failed, "checks": [attrs.asdict(one) for one in findings]}
        click.echo(json.dumps(told, indent=2))
    else:
        show(findings)
    if failed:
        names = ", ".join(finding.check for finding in failed)
        click.echo(f"sf: {subject}: {len(failed)} of {len(findings)} checks failed: {names}", err=True)
        sys.exit(1)


def settings_of(model: str | None, run: "Run | None") -> Config:
    """The settings that name model, prompts and tags: the run's, or those that suit the model."""
    from skillfactory_core.choices import find_model

    if run is not None:
        return attrs.evolve(run.config, model=model or run.config.model)
    assert model is not None
    path = find_model(model).settings
    suits = model_settings(path, "default", "") if path is not None else {}
    chosen = {name: suits[name] for name in ("prompts", "tags") if name in suits}
    return Config(task="", model=model, **chosen)


def show(findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("check", "state", "what was seen", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        state = "FAILED" if finding.state == "failed" else finding.state
        style = STYLES[finding.state]
        table.add_row(Text(finding.check), Text(state, style=style), Text(finding.what), Text(finding.do))
    Console().print(table)
