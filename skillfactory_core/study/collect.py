"""Collect: bring what a study's page needs together from its runs."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import attrs

from skillfactory_core.arms import is_best, taught, trained_as
from skillfactory_core.compute import tokens_of
from skillfactory_core.contest import Contestant, Exam, exams_of, marks_of
from skillfactory_core.stages.problems import variants_of
from skillfactory_core.stages.validate import found_in
from skillfactory_core.study.cell import Cell, cells_of
from skillfactory_core.study.plan import Study
from skillfactory_core.study.rows import Done, row, rows_of
from skillfactory_core.study.store import Store, sorted_cells


@attrs.frozen(eq=False)
class Entrant:
    """One method of one run, as a row of the study."""

    done: Done
    row: str
    contestant: Contestant


def collect(study: Study, done: Sequence[Done]) -> Store:
    """Everything that the runs have so far."""
    entrants = [
        Entrant(one, name, Contestant(f"{name}#{one.seed}", one.run, method, marks))
        for one in done
        for method in one.run.config.arms
        if (marks := marks_of(one.run, method))
        for name in (row(one, method),)
    ]
    exams = exams_of([entrant.contestant for entrant in entrants])
    there = {entrant.row for entrant in entrants}
    return Store(
        {
            "title": study.title,
            "seeds": list(study.seeds),
            "first": study.arms[0].name,
            "plan": {
                **{key: getattr(study, key) for key in ("task", "preset", "settings")},
                "arms": [attrs.asdict(arm) for arm in study.arms],
                "extras": [attrs.asdict(extra) for extra in study.extras],
            },
            "order": list(rows_of(study)),
            "claims": {claim.name: attrs.asdict(claim) for claim in study.claims},
            "exams": {exam.name: {"task": exam.task, "trained_on": exam.trained_on} for exam in exams},
            "rows": {
                name: {
                    "title": title,
                    "costs": costs([entrant for entrant in entrants if entrant.row == name]),
                    **({"steps": steps(name, done)} if is_best(name) else {}),
                }
                for name, title in rows_of(study).items()
                if name in there
            },
            "versions": done[0].run.manifest().get("versions", {}),
        },
        sorted_cells(cell for entrant in entrants for cell in cells(entrant, exams)),
    )


def cells(entrant: Entrant, exams: Sequence[Exam]) -> Iterator[Cell]:
    """What one method of one run did."""
    run, method = entrant.done.run, entrant.contestant.method
    for own, task in variants_of(run.config).items():
        marks = entrant.contestant.marks.get(own)
        if marks is None:
            continue
        exam = next(e.name for e in exams if e.marks.get(entrant.contestant.label) is marks)
        yield from cells_of(run, method, task, own, partial(Cell, entrant.row, entrant.done.seed, exam))


def costs(entrants: Sequence[Entrant]) -> dict[str, dict[str, Any]]:
    """seed -> tokens generated and trained on, and hours of the stages that a row needed."""
    found = {}
    for entrant in entrants:
        one, method = entrant.done, entrant.contestant.method
        tokens = tokens_of(one.run, method)
        found[str(one.seed)] = {
            **{part: tokens[part] for part in ("generated", "trained")},
            "hours": spent_on(one, method, "seconds") / 3600,
            "cpu_hours": spent_on(one, method, "cpu_seconds") / 3600,
        }
    return found


def spent_on(one: Done, method: str, time: str) -> float:
    """Seconds of making a method's model; what it shares with another counts for both."""
    arm = trained_as(method)
    names = ["sample", "grade", "reflect", "rearrange", "sft"] if taught(method) else []
    names += [f"grpo-{arm}", *([f"validate-{arm}"] if is_best(method) else [])]
    stages = one.run.manifest()["stages"]
    spent: float = sum(stages.get(stage, {}).get(time, 0.0) for stage in names)
    return spent


def steps(name: str, done: Sequence[Done]) -> dict[str, dict[str, int]]:
    """seed -> the step of the best checkpoint, and the last step."""
    return {
        str(one.seed): {"best": found["best"], "last": found["last"]}
        for one in done
        for method in one.run.config.arms
        if row(one, method) == name and (found := found_in(one.run, trained_as(method)))
    }
