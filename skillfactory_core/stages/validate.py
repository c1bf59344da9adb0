"""Validate: let every checkpoint of a training answer problems of the validation split, and keep the best of them."""

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core import interval
from skillfactory_core.engine import Engine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.run import Run, write_text
from skillfactory_core.stages.evaluate import Examiner, answer
from skillfactory_core.stages.grpo import settings_of
from skillfactory_core.stages.problems import Exam, task_of
from skillfactory_core.table import Table

SAMPLES = 1
"responses per problem: more problems tell more than more responses to each"


def validate(run: Run, arm: str, last: Examiner, open_engine: Callable[[str], Engine]) -> dict[str, Any]:
    """Fill `7-grpo/ARM/validation/STEP` for every checkpoint, write `validation.json`, and leave the best as `7-grpo/ARM/best`.

    `last`: who asks the arm itself. The draws are the same at every step, so that steps differ by their weights alone.
    """
    found = found_in(run, arm)
    if found is None:
        found = compared(run, arm, last, open_engine)
        write_text(run.grpo(arm) / "validation.json", json.dumps(found, indent=2) + "\n")
    best, steps = found["best"], found["steps"]
    settle(run.grpo(arm), best, best == found["last"])
    return {
        "checkpoints": len(steps),
        "best_step": best,
        "last_step": found["last"],
        "accuracy": steps[str(best)]["accuracy"],
        "n": steps[str(best)]["n"],
        "errors": sum(each["errors"] for each in steps.values()),
    }


def compared(run: Run, arm: str, last: Examiner, open_engine: Callable[[str], Engine]) -> dict[str, Any]:
    """What `validation.json` will say; of equals, the earliest is best."""
    figures = {}
    for step, weights in checkpoints(run, arm).items():
        engine = open_engine(str(weights))
        examiner = attrs.evolve(last, method=f"{arm}/step-{step}", engine=engine, stream=f"{arm}/validation")
        figures[step] = score(run, arm, step, examiner)
    return {
        "variant": task_of(run.config).variant,
        "samples": SAMPLES,
        "steps": {str(step): each for step, each in figures.items()},
        "best": max(figures, key=lambda step: (figures[step]["accuracy"], -step)),
        "last": max(figures),
    }


def found_in(run: Run, arm: str) -> dict[str, Any] | None:
    """What `validation.json` of an arm says; None where it is not there:

    variant, samples (responses per problem), best and last (steps), and steps: step -> accuracy, low, high, n, errors.
    """
    path = run.grpo(arm) / "validation.json"
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def last_is_best(run: Run, arm: str) -> bool:
    """Whether the best checkpoint of an arm is the one that its training ended with."""
    found = found_in(run, arm)
    return found is not None and found["best"] == found["last"]


def table_of(run: Run, arm: str, step: int) -> Table[Response]:
    """The responses of a checkpoint."""
    return Table(run.grpo(arm) / "validation" / str(step), Response)


def checked(run: Run, arm: str) -> list[Table[Response]]:
    """The responses of every checkpoint that was compared."""
    found = found_in(run, arm) or {"steps": {}}
    return [table_of(run, arm, int(step)) for step in found["steps"]]


def checkpoints(run: Run, arm: str) -> Mapping[int, Path]:
    """Step -> weights, in order; the last are those of the model itself."""
    folder = run.grpo(arm)
    last = settings_of(run.config, arm).steps
    kept = {int(path.name): path for path in (folder / "steps").glob("*") if path.name.isdigit()}
    return {**dict(sorted(kept.items())), last: folder / "model"}


def score(run: Run, arm: str, step: int, examiner: Examiner) -> dict[str, Any]:
    """The responses of one checkpoint, those that are missing made, in figures."""
    task = task_of(run.config)
    problems = run.problems("validation", task.variant)
    if not problems.parts():
        raise SkillFactoryError(
            f"{run.folder} has no validation problems, which grpo.validation = {run.config.grpo.validation} asks for; "
            "start a new run with --name"
        )
    exam = Exam(task.variant, task, run.config.grpo.validation, SAMPLES)
    table = table_of(run, arm, step)
    title = f"validate {arm}, step {step}"
    every = {exam.name: problems.parts()}
    sampling = run.config.evaluate_sampling
    answer(examiner, {exam.name: exam}, every, sampling, partial(given, table), title, split="validation")
    right: dict[str, list[int]] = {}
    errors = 0
    for problem, correct, error in table.every("problem", "correct", "error"):
        if error:
            errors += 1
            continue
        counts = right.setdefault(problem, [0, 0])
        counts[0] += correct
        counts[1] += 1
    if not right:
        raise SkillFactoryError(
            f"{table.folder}: every response failed; delete that folder and run the same command again"
        )
    share = interval.share([(hits, total) for hits, total in right.values()])
    return {**share.named("accuracy"), "n": sum(total for _, total in right.values()), "errors": errors}


def given(table: Table[Response], _: str) -> Table[Response]:
    return table


def settle(folder: Path, best: int, is_last: bool) -> None:
    """Leave the weights of the best step as `best`, and none of the others; again after a kill, whatever of it was done."""
    place = folder / "best"
    if not place.exists():
        if is_last:
            place.symlink_to("model")
        else:
            (folder / "steps" / str(best)).rename(place)
    shutil.rmtree(folder / "steps", ignore_errors=True)
