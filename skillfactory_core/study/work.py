"""Work: do the runs of a study, one after the other; what two of them would do alike is done once."""

from collections.abc import Iterator
from pathlib import Path

from skillfactory_core.config import Config, flatten, unstructure
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.fork import fork
from skillfactory_core.pipeline import Pipeline
from skillfactory_core.run import Run, locked, open_run, start_run
from skillfactory_core.stages.branch import branch
from skillfactory_core.stages.evaluate import Examiner
from skillfactory_core.stages.force import Force, respond_within
from skillfactory_core.study.plan import Arm, Counterfactual, Extra, Forcing, Limits, Study
from skillfactory_core.study.rows import Done, row

DECIDES = {
    "problems": (
        "task",
        "task_options",
        "seed",
        "part",
        "sample.problems",
        "grpo.problems",
        "grpo.validation",
        "evaluate",
    ),
    "sample": ("model", "prompts", "sample", "sampling", "teacher"),
    "grade": ("tags",),
    "reflect": ("skills", "reflect"),
}
"stage -> the settings that decide what it makes, besides those of the stages before it"


def do(study: Study, folder: Path) -> None:
    """All runs of a study, from where they are."""
    for number, (arm, seed) in enumerate(study.todo, 1):
        print(f"study {study.name}: run {number} of {len(study.todo)}, {study.folder(arm, seed)}", flush=True)
        do_one(study, arm, seed, folder)


def do_only(study: Study, folder: Path, name: str) -> None:
    """One run by its name, beside other processes that do others."""
    runs = {study.folder(arm, seed): (arm, seed) for arm, seed in study.runs}
    if name not in runs:
        raise not_found(f"run of study {study.name}", name, runs, "study")
    do_one(study, *runs[name], folder)


def do_one(study: Study, arm: Arm, seed: int, folder: Path) -> None:
    """One run. The base is evaluated in the first run alone: its responses do not depend on the seed of a run."""
    from skillfactory_core.rounds import after_rounds

    place, config = after_rounds(folder / study.folder(arm, seed), study.config(arm, seed), arm.rounds)
    if not place.exists():
        share(config, place, before(study, arm, seed, folder))
    with locked(place):
        run = start_run(place, config)
        pipeline = Pipeline(run)
        left_out = {"evaluate-base": (arm, seed) != study.runs[0], "evaluate-sft": not arm.tuned}
        pipeline.do(*(stage for stage in pipeline.stages if not left_out.get(stage)))
        do_extras(pipeline, study, Done(arm, seed, run))


def before(study: Study, arm: Arm, seed: int, folder: Path) -> list[Run]:
    """What there is of the arms before this one, with the same seed: another one has other problems."""
    places = [folder / study.folder(earlier, seed) for earlier in study.arms[: study.arms.index(arm)]]
    return [open_run(place) for place in places if (place / "config.toml").exists()]


def do_extras(pipeline: Pipeline, study: Study, one: Done) -> None:
    """What is asked for beyond the evaluation, of the methods whose rows are named."""
    try:
        for method in one.run.config.arms:
            wanted = [extra for extra in study.extras if row(one, method) in extra.rows]
            if wanted and pipeline.complete(f"evaluate-{method}"):
                examiner = pipeline.examiner(method)
                for extra in wanted:
                    do_extra(pipeline, examiner, extra)
    finally:
        pipeline.close()


def do_extra(pipeline: Pipeline, examiner: Examiner, extra: Extra) -> None:
    match extra:
        case Forcing():
            ends = pipeline.choices.engine.token_ends(pipeline.choices.model.path)
            respond_within(examiner, extra.budget, only=extra.exams)
            Force(examiner, extra.budget, extra.force, ends).fill(only=extra.exams)
        case Limits():
            respond_within(examiner, extra.tokens, only=extra.exams)
        case Counterfactual():
            branch(examiner, extra.responses, extra.branches, extra.exams)


def share(config: Config, folder: Path, others: list[Run]) -> None:
    """Begin a run with the work of another that did the first stages as this one would."""
    best: tuple[list[str], Run | None] = ([], None)
    for other in others:
        stages = alike(config, other)
        if len(stages) > len(best[0]):
            best = (stages, other)
    stages, other_run = best
    if other_run is not None:
        fork(other_run, folder, config, stages)


def alike(config: Config, other: Run) -> list[str]:
    """The first stages that a run with these settings would do as another did them."""
    before, now = flatten(unstructure(other.config)), flatten(unstructure(config))
    stages: list[str] = []
    for stage, names in DECIDES.items():
        decided = [
            name for name in before.keys() | now.keys() for key in names if name == key or name.startswith(f"{key}.")
        ]
        done = stage in other.manifest()["stages"] and not other.manifest()["stages"][stage].get("failed")
        if not done or any(before.get(name) != now.get(name) for name in decided):
            break
        stages.append(stage)
    return stages


def finished(study: Study, folder: Path) -> Iterator[Done]:
    """The runs to do that have something to show."""
    for arm, seed in study.todo:
        place = folder / study.folder(arm, seed)
        if (place / "config.toml").exists():
            run = open_run(place)
            if any(stage.startswith("evaluate-") for stage in run.manifest()["stages"]):
                yield Done(arm, seed, run)


def check_folder(study: Study, folder: Path) -> None:
    """A folder with runs of something else is left alone."""
    names = {study.folder(arm, seed) for arm, seed in study.runs}
    for config in sorted(folder.glob("*/config.toml")):
        if config.parent.name.split("-round-")[0] not in names:
            raise SkillFactoryError(
                f"{folder} holds the run {config.parent.name}, which is not of study {study.name}: choose another folder (--to)"
            )
