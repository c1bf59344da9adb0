"""sf sample, reflect, sft, grpo, validate: one stage on a run folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from skillfactory_core.errors import SkillFactoryError

if TYPE_CHECKING:
    from skillfactory_core.pipeline import Pipeline

HELP = {
    "sample": "Sample attempts at the train problems.",
    "reflect": "Have the model criticise its attempts; keep the critiques whose verdict is true.",
    "sft": "Fine-tune the base model on the traces.",
    "grpo": "Reinforce the fine-tuned model (and, for rl-only and rl-instructed, the base).",
    "validate": "Let every checkpoint of GRPO answer validation problems, and keep the best (grpo.validation).",
}
METHOD = click.option(
    "--method", default=None, help="Only this model, such as base, sft, rl-only or the run's method. Default: all."
)


SHARD = click.option(
    "--shard",
    default=None,
    metavar="I/N",
    help="Only the parts I, I+N, I+2N …, beside other processes that do theirs. Then once without, to finish the stage.",
)


def folder_of(run: str) -> Path:
    """A run by path, or by its name in runs/."""
    return Path(run) if Path(run).exists() or "/" in run else Path("runs") / run


def commands() -> list[click.Command]:
    return [stage(name, text) for name, text in HELP.items()]


def stage(name: str, text: str) -> click.Command:
    """The command of one stage."""

    @click.argument("run")
    def command(run: str, method: str | None = None, shard: str | None = None) -> None:
        if shard is None:
            do(run, name, method)
        else:
            do_share(run, name, method, shard)

    if name in ("grpo", "validate"):
        command = METHOD(command)
    if name in ("sample", "reflect"):
        command = SHARD(command)
    return click.command(name, help=f"{text} RUN is a run folder, or its name in runs/.")(command)


def do(run: str, name: str, method: str | None, workers: int = 0) -> None:
    from skillfactory_core import crew
    from skillfactory_core.deadline import deadline
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.run import check_versions, locked, open_run

    opened = open_run(folder_of(run))
    check_versions(opened)
    trains = name in ("sft", "grpo")
    if trains and crew.follows():
        pipeline = Pipeline(opened)
        for each in pipeline.due(select(pipeline, name, method)):
            with deadline(opened.config.most_seconds):
                pipeline.stages[each]()
        return
    with locked(opened.folder, crew=trains):
        pipeline = Pipeline(opened, workers)
        names = select(pipeline, name, method)
        pipeline.do(*(["problems"] if name == "sample" else []), *names)
    for each in names:
        show(each, opened.finished(each) or {})


def do_share(run: str, name: str, method: str | None, text: str) -> None:
    """A shard's parts of a stage."""
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.run import check_versions, open_run
    from skillfactory_core.shard import locked_share, parse_shard, share

    shard = parse_shard(text)
    opened = open_run(folder_of(run))
    check_versions(opened)
    with locked_share(opened.folder, shard):
        if opened.finished("problems") is None:
            raise SkillFactoryError(
                f"{opened.folder} has no problems to share out yet: make them with the command that began it and --until problems"
            )
        pipeline = Pipeline(opened, shard=shard)
        for each, counts in share(pipeline, select(pipeline, name, method)):
            show(f"{each}, shard {shard}", counts)


def show(title: str, summary: Mapping[str, Any]) -> None:
    figures = ", ".join(f"{k} {v}" for k, v in summary.items() if k != "files")
    click.echo(f"{title}: {figures}")


def select(pipeline: "Pipeline", name: str, method: str | None) -> list[str]:
    """The stages of a run that a command stands for."""
    stages = list(pipeline.stages)
    if method is not None:
        names = [stage for stage in stages if stage == f"{name}-{method}"]
    else:
        names = [stage for stage in stages if stage == name or stage.startswith(f"{name}-")]
    if not names:
        stage = name if method is None else f"{name}-{method}"
        raise SkillFactoryError(f"run {pipeline.run.folder} has no stage '{stage}': it has {', '.join(stages)}")
    if name == "evaluate" and method is None:
        names = [each for each in names if pipeline.ready(each)] or names
    return names
