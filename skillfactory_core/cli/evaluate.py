"""sf evaluate: the methods of a run, or any model, on held-out problems; and on fewer tokens, or more."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import rich_click as click

from skillfactory_core.cli.stage import METHOD, SHARD, folder_of, select, show
from skillfactory_core.config import PRESETS, merge, parse_flag, structure, unstructure
from skillfactory_core.errors import SkillFactoryError

if TYPE_CHECKING:
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.run import Run
    from skillfactory_core.shard import Shard

ABOUT_A_MODEL = ("task", "options", "samples", "problems", "preset", "name")
"what is said of a model; a run has these already"
UNTRAINED = "none"
"the method of a run that trains nothing"


@attrs.frozen
class Wish:
    """What is to be done with a run."""

    suites: tuple[str, ...]
    method: str | None
    exams: tuple[str, ...]
    shard: str | None
    prepare: bool
    budget: int | None
    force: int | None
    budgets: str | None
    as_json: bool = False


NOTHING = Wish((), None, (), None, False, None, None, None)
"no wish beyond an evaluation"


@click.command()
@click.argument("target")
@click.option("--suite", "suites", multiple=True, help="Also the exams of this suite (sf suites).")
@click.option("--variant", "exams", multiple=True, metavar="NAME", help="Only this exam: a difficulty, or a suite's.")
@METHOD
@SHARD
@click.option("--prepare", is_flag=True, help="Only add the suites and make their problems, for shards.")
@click.option("--engine", default=None, help="What generates text (sf engines). Default: the run's, or transformers.")
@click.option(
    "-s", "settings", multiple=True, metavar="NAME=VALUE", help="Any setting; of a run, only engine_options.…"
)
@click.option("--task", default=None, help="A model: on this task (sf tasks).")
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="A model: an option of the task.")
@click.option("--samples", default=None, type=click.IntRange(min=1), help="A model: responses per problem.")
@click.option("--problems", default=None, type=click.IntRange(min=1), help="A model: problems per exam, at most.")
@click.option("--preset", default=None, help=f"A model: sizes, {', '.join(PRESETS)}. Default: paper.")
@click.option("--name", default=None, help="A model: name of the run folder. Default: evaluate-MODEL.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder of the runs.")
@click.option("--budget", default=None, type=click.IntRange(min=1), help="Responses of at most so many tokens instead.")
@click.option("--force", default=None, type=click.IntRange(min=2), help="Then make them go on to so many tokens.")
@click.option("--budgets", default=None, metavar="N,N,…", help="What the stored responses are worth at fewer tokens.")
@click.option("--json", "as_json", is_flag=True, help="What --budgets says as JSON.")
def evaluate(target: str, engine: str | None, settings: tuple[str, ...], runs: Path, **given: Any) -> None:
    """Evaluate every method that has a model, on held-out problems.

    TARGET is a run folder, or its name in runs/; or a model: a registered name, a folder or a Hub name, for which a run
    folder is made that trains nothing. Run the same command again to go on after an interruption.
    """
    about_model = {name: given.pop(name) for name in ABOUT_A_MODEL}
    wish = Wish(**given)
    check(wish)
    folder = folder_of(target)
    if (folder / "config.toml").is_file() or not is_model(target):
        stray = ["-o" if name == "options" else f"--{name}" for name, value in about_model.items() if value]
        if stray:
            raise SkillFactoryError(
                f"{stray[0]} is for a model, and {folder} is a run, which has its settings: leave it out"
            )
        on_run(opened(folder, engine, settings), wish)
        return
    run = begun(target, runs, wish, engine, settings, **about_model)
    click.echo(f"run folder: {run.folder}", err=True)
    on_run(run, wish)
    if not wish.prepare and wish.budget is None:
        from skillfactory_core.cli.results import show_results

        show_results(run)


def check(wish: Wish) -> None:
    """Refuse what does not go together."""
    if wish.force is not None and wish.budget is None:
        raise SkillFactoryError(
            "--force makes responses of a budget go on: say which, such as --budget 4096 --force 8192"
        )
    if wish.force is not None and wish.budget is not None and wish.force <= wish.budget:
        raise SkillFactoryError(f"responses of {wish.budget} tokens cannot go on to {wish.force}: give --force more")
    if wish.as_json and wish.budgets is None:
        raise SkillFactoryError("--json goes with --budgets; for the figures of a run: sf results RUN --json")
    if wish.budgets is not None and wish != attrs.evolve(NOTHING, budgets=wish.budgets, as_json=wish.as_json):
        raise SkillFactoryError("--budgets looks at stored responses and makes none: give it alone")


def is_model(target: str) -> bool:
    """Whether this can only be a model: a registered name, a folder with weights, or a Hub name."""
    from skillfactory_core import registry

    # A path whose last part is missing is a mistyped path: names on the Hub are owner/name.
    on_hub = target.count("/") == 1 and not Path(target).parent.exists()
    return target in registry.registered(registry.MODEL) or (Path(target) / "config.json").is_file() or on_hub


def opened(folder: Path, engine: str | None, settings: Sequence[str]) -> "Run":
    """A run that exists, with another engine if that is asked for."""
    from skillfactory_core.run import FREE, check_versions, open_run

    run = open_run(folder)
    check_versions(run)
    above: dict[str, Any] = {"engine": engine} if engine else {}
    for flag in settings:
        above = merge(above, parse_flag(flag))
    bound = sorted(above.keys() - set(FREE))
    if bound:
        raise SkillFactoryError(
            f"setting '{bound[0]}' is decided in {folder}: here only {', '.join(FREE)} can be others; or make a new run"
        )
    return attrs.evolve(run, config=structure(merge(unstructure(run.config), above)))


def begun(
    model: str,
    runs: Path,
    wish: Wish,
    engine: str | None,
    settings: Sequence[str],
    task: str | None,
    options: Sequence[str],
    samples: int | None,
    problems: int | None,
    preset: str | None,
    name: str | None,
) -> "Run":
    """The run of a model that is only evaluated, new or from before."""
    from skillfactory_core.choices import choose
    from skillfactory_core.resolve import resolve
    from skillfactory_core.run import locked, open_run, start_run

    folder = runs / (name or default_name(model, task))
    before = open_run(folder).config if (folder / "config.toml").is_file() else None
    if wish.shard is not None or wish.budgets is not None:
        raise SkillFactoryError(
            f"--shard and --budgets are for a run that is there: evaluate {model} without, or --prepare it; then give {folder}"
        )
    if before is None and task is None and not wish.suites:
        raise SkillFactoryError(f"say what to evaluate {model} on: --suite NAME (sf suites) or --task NAME (sf tasks)")
    asked: dict[str, Any] = {
        "suites": list(wish.suites),
        "own": before.evaluate.own if before and not task else bool(task),
    }
    asked |= {k: v for k, v in (("samples", samples), ("problems", problems)) if v is not None}
    flags: dict[str, Any] = {"model": model, "method": UNTRAINED, "evaluate": asked}
    if engine is not None:
        flags["engine"] = engine
    named = task or (before.task if before else first_task(wish.suites[0]))
    config = resolve(named, preset or (before.preset if before else "paper"), None, flags, options, settings)
    if not config.evaluate.own:
        # A model may bring options for tasks; they are not meant for one that is nothing but a name here.
        config = attrs.evolve(config, task_options={})
    choose(config)
    with locked(folder):
        return start_run(folder, config)


def first_task(suite: str) -> str:
    """A run has a task; one that is evaluated on a suite alone has that of its first exam, and does nothing with it."""
    from skillfactory_core import registry

    task: str = registry.find(registry.SUITE, suite).entries[0].task
    return task


def default_name(model: str, task: str | None) -> str:
    """evaluate-MODEL-TASK. Our own checkpoints lie in folders that are all called model."""
    parts = [part for part in Path(model).parts if part not in ("model", "runs", "/", ".", "..")]
    kept = parts[-1:] if Path(model).name != "model" else parts[-3:]
    return "-".join(["evaluate", *kept, *([task] if task else [])])


def on_run(run: "Run", wish: Wish) -> None:
    """Do what is wished with a run folder."""
    from skillfactory_core.run import add_suites, locked, open_run, with_suites
    from skillfactory_core.shard import locked_share, parse_shard
    from skillfactory_core.stages.problems import exams_of, forget_left_out

    grown = with_suites(run.config, *run.config.evaluate.suites, *wish.suites)
    exams_of(grown)
    if wish.budgets is not None:
        look_over(run, wish.budgets, wish.as_json)
    elif wish.shard is not None:
        shard = parse_shard(wish.shard)
        with locked_share(run.folder, shard):
            do_share(attrs.evolve(run, config=grown), wish, shard)
    else:
        with locked(run.folder):
            # What the folder says, not this run: an engine may have been chosen for this command alone.
            add_suites(open_run(run.folder), *wish.suites)
            if wish.suites:
                forget_left_out(run)
            do(attrs.evolve(run, config=grown), wish)


def do(run: "Run", wish: Wish) -> None:
    """Make the problems that are missing, then evaluate."""
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.stages.problems import LEFT_OUT

    pipeline = Pipeline(run, exams=wish.exams)
    begins = run.finished("problems") is not None or bool(wish.suites) or not run.config.trains
    if begins and not pipeline.done("problems"):
        pipeline.do("problems")
        # Why exams are left out was told when they were.
        summary = run.finished("problems") or {}
        show("problems", {name: value for name, value in summary.items() if not name.startswith(LEFT_OUT)})
    if wish.prepare:
        return
    names = select(pipeline, "evaluate", wish.method)
    if wish.budget is not None:
        on_budget(pipeline, names, wish.budget, wish)
        return
    pipeline.do(*names)
    for name in names:
        show(name, run.finished(name) or {})


def do_share(run: "Run", wish: Wish, shard: "Shard") -> None:
    """A shard's parts."""
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.shard import share

    pipeline = Pipeline(run, shard=shard, exams=wish.exams)
    if run.finished("problems") is None or not pipeline.covers("problems"):
        suites = "".join(f" --suite {name}" for name in wish.suites)
        raise SkillFactoryError(
            f"{run.folder} has no problems to share out yet: make them first, with sf evaluate {run.folder}{suites} --prepare"
        )
    names = select(pipeline, "evaluate", wish.method)
    if wish.budget is not None:
        on_budget(pipeline, names, wish.budget, wish)
        return
    for each, counts in share(pipeline, names):
        show(f"{each}, shard {shard}", counts)


def on_budget(pipeline: "Pipeline", stages: Sequence[str], budget: int, wish: Wish) -> None:
    """Responses within a budget, and made to go on."""
    from skillfactory_core.budget import forcing
    from skillfactory_core.budget_table import forcing_table
    from skillfactory_core.stages.force import Force, respond_within

    run, c = pipeline.run, pipeline.choices
    try:
        for stage in stages:
            examiner = pipeline.examiner(stage.removeprefix("evaluate-"))
            run.event(event="started", stage=stage, budget=budget, force=wish.force)
            respond_within(examiner, budget, pipeline.shard, wish.exams)
            if wish.force is not None:
                ends = c.engine.token_ends(c.model.path)
                Force(examiner, budget, wish.force, ends).fill(pipeline.shard, wish.exams)
            run.event(event="finished", stage=stage, budget=budget, force=wish.force)
    finally:
        pipeline.close()
    if wish.force is None:
        click.echo(f"responses of at most {budget} tokens: {run.folder / '8-evaluation' / f'budget-{budget}'}")
        return
    from rich.console import Console

    found = [one for one in forcing(run) if (one["budget"], one["force"]) == (budget, wish.force)]
    Console().print(forcing_table(found))


def look_over(run: "Run", budgets: str, as_json: bool) -> None:
    """What the stored responses are worth at fewer tokens."""
    from rich.console import Console

    from skillfactory_core.budget import over_budgets
    from skillfactory_core.budget_table import budgets_table

    texts = budgets.split(",")
    if not all(text.strip().isascii() and text.strip().isdigit() for text in texts):
        raise SkillFactoryError(f"--budgets {budgets}: write numbers of tokens, such as 64,128,256")
    found = over_budgets(run, [int(text) for text in texts])
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        Console().print(budgets_table(found))
