"""sf run: the whole method, from problems to the report."""

import json
from pathlib import Path

import attrs
import rich_click as click

from skillfactory_core.config import PRESETS, Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.resolve import default_name, resolve


@click.command()
@click.option("--task", required=True, help="The task to learn (sf tasks).")
@click.option("--model", default=None, help="A model's name (sf models), a folder or a Hub name. Default: pocket.")
@click.option(
    "--method", default=None, help="How the traces are made (sf methods). Default: skillfactory, the paper's."
)
@click.option(
    "--rounds",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rounds of sample to sft, each with the model of the one before (STaR).",
)
@click.option("--preset", default="default", show_default=True, help=f"Sizes: {', '.join(PRESETS)}.")
@click.option("--name", default=None, help="Name of the run folder. Default: from task, model and preset.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder of the runs.")
@click.option("--config", "config_file", default=None, type=click.Path(path_type=Path), help="A TOML file of settings.")
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the task: -o numbers=4.")
@click.option("-s", "settings", multiple=True, metavar="NAME=VALUE", help="Any setting: -s sft.epochs=3.")
@click.option("--engine", default=None, help="What generates text (sf engines). Default: transformers.")
@click.option("--seed", default=None, type=int, help="Seed of everything that is drawn. Default: 0.")
@click.option(
    "--until", default=None, help="Stop after this stage: problems, sample, grade, reflect, rearrange, sft, …"
)
@click.option("--baselines/--no-baselines", default=None, help="Also train and evaluate RL only. Default: yes.")
@click.option("--dry-run", is_flag=True, help="Only predict generations, tokens, disk and hours, from a small probe.")
@click.option("--json", "as_json", is_flag=True, help="The prediction of --dry-run as JSON.")
def run(
    task: str,
    model: str | None,
    method: str | None,
    rounds: int,
    preset: str,
    name: str | None,
    runs: Path,
    config_file: Path | None,
    options: tuple[str, ...],
    settings: tuple[str, ...],
    engine: str | None,
    seed: int | None,
    until: str | None,
    baselines: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run the whole method: sample, grade, reflect, rearrange, SFT, GRPO, evaluate, report.

    Run the same command again to go on after an interruption.
    """
    if as_json and not dry_run:
        raise SkillFactoryError("--json goes with --dry-run; for the figures of a run: sf results RUN --json")
    flags = {"model": model, "method": method, "engine": engine, "seed": seed, "baselines": baselines}
    config = resolve(task, preset, config_file, {k: v for k, v in flags.items() if v is not None}, options, settings)
    if dry_run:
        foresee(config, as_json)
        return
    from skillfactory_core.rounds import after_rounds, go

    started = go(*after_rounds(runs / (name or default_name(config)), config, rounds), until)
    if until is not None:
        click.echo(
            f"done up to {until}; to go on, run the same command without --until, or the next stage by its own command"
        )
        return
    from skillfactory_core.cli.results import show_results

    show_results(started)
    click.echo(f"report: {started.report}")


def foresee(config: Config, as_json: bool) -> None:
    """Print what a run would cost, without making one."""
    from skillfactory_core.choices import choose
    from skillfactory_core.dry_run import predict
    from skillfactory_core.report.words import duration

    costs = predict(config, choose(config))
    known = [each for each in costs if each.seconds is not None]
    sums = {
        name: sum(getattr(each, name) or 0 for each in known) for name in ("generations", "tokens", "seconds", "disk")
    }
    if as_json:
        click.echo(json.dumps({"stages": [attrs.asdict(each) for each in costs], "predicted": sums}, indent=2))
        return
    click.echo(f"{'stage':<24}{'generations':>12}{'tokens':>14}{'disk, MB':>10}{'time':>14}")
    for each in costs:
        tokens = "" if each.tokens is None else f"{each.tokens:,}"
        disk = "" if each.disk is None else f"{each.disk / 1e6:.1f}"
        click.echo(f"{each.stage:<24}{each.generations:>12,}{tokens:>14}{disk:>10}{duration(each.seconds):>14}")
    click.echo(
        f"{'predicted':<24}{sums['generations']:>12,}{sums['tokens']:>14,}{sums['disk'] / 1e6:>10.1f}{duration(sums['seconds']):>14}"
    )
    click.echo("Stages of trained models are counted only: what those will say is not known before.")
