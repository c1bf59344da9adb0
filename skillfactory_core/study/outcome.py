"""Outcome: what came of a study, over problems and seeds. The rows are those of the paper's first table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skillfactory_core.arms import BEST, FROM_BASE, is_best, taught, trained_as
from skillfactory_core.compute import tokens_of, total
from skillfactory_core.contest import Contestant, Exam, exams_of, marks_of
from skillfactory_core.results import summarise
from skillfactory_core.skill_use import macro
from skillfactory_core.stages.validate import found_in
from skillfactory_core.study.over_seeds import over_seeds
from skillfactory_core.study.plan import Study
from skillfactory_core.study.work import Done

if TYPE_CHECKING:
    from numpy import ndarray

SKILL = ("tokens", "answers", "reflections", "truncated")
Cells = dict[str, dict[str, "dict[int, ndarray]"]]
"row -> exam -> seed -> share of right responses by problem"


def outcome(study: Study, done: Sequence[Done]) -> dict[str, Any]:
    """Plain values:

    title, seeds, first (arm); exams: name -> task, problems, trained_on; mean_of: the names of those in the means;
    rows: name -> title, seeds, exams (name -> accuracy, low, high), mean, skill (exam -> figures, means over seeds), tokens, hours;
    of an arm's best checkpoint also steps (seed -> the step that it is, and the last);
    differences: "a - b" for every later row against every earlier -> exam or "mean" -> difference, low, high.
    """
    contestants = [
        Contestant(f"{row(one, method)}#{one.seed}", one.run, method, marks)
        for one in done
        for method in one.run.config.arms
        if (marks := marks_of(one.run, method))
    ]
    exams = exams_of(contestants)
    cells = cells_of(exams)
    titles = rows_of(study)
    names = [name for name in titles if name in cells]
    everywhere = [exam for exam in exams if all(exam.name in cells[name] for name in names)]
    mean_of = [exam.name for exam in everywhere if not exam.trained_on] or [exam.name for exam in everywhere]
    return {
        "title": study.title,
        "seeds": list(study.seeds),
        "first": study.arms[0].name,
        "exams": {e.name: {"task": e.task, "problems": len(e.rows), "trained_on": e.trained_on} for e in exams},
        "mean_of": mean_of,
        "rows": {
            name: {
                "title": titles[name],
                "seeds": sorted({seed for by_seed in cells[name].values() for seed in by_seed}),
                "exams": {exam: accuracy([cells[name][exam]]) for exam in cells[name]},
                "mean": accuracy([cells[name][exam] for exam in mean_of]) if mean_of else None,
                **cost(name, done),
                **({"steps": steps(name, done)} if is_best(name) else {}),
            }
            for name in names
        },
        "skill": skill(done),
        "differences": {
            f"{one} - {other}": gaps(cells[one], cells[other], mean_of)
            for at, one in enumerate(names)
            for other in names[:at]
        },
    }


def row(one: Done, method: str) -> str:
    """What a method of a run is called in the table."""
    if taught(method) and method != "sft":
        return f"{one.arm.name}{BEST}" if is_best(method) else one.arm.name
    return f"{one.arm.name}-sft" if method == "sft" else method


def rows_of(study: Study) -> dict[str, str]:
    """The rows that a study may have, in order, with their titles."""
    from skillfactory_core import registry

    titles = {arm.name: arm.title or registry.find(registry.METHOD, arm.method).title for arm in study.arms}
    tuned = {f"{name}-sft": f"{title} (SFT)" for name, title in titles.items()}
    alone = dict(zip(FROM_BASE, ("RL only", "RL only, instructed"), strict=True))
    reinforced = {**alone, **{name: f"{title} → GRPO" for name, title in titles.items()}}
    both = {
        f"{name}{last}": f"{title}{words}"
        for name, title in reinforced.items()
        for last, words in (("", ""), (BEST, ", best on validation"))
    }
    return {"base": "Base", **tuned, **both}


def cells_of(exams: Sequence[Exam]) -> Cells:
    cells: Cells = defaultdict(lambda: defaultdict(dict))
    for exam in exams:
        for label, shares in exam.shares().items():
            name, _, seed = label.rpartition("#")
            cells[name][exam.name][int(seed)] = shares
    return cells


def stacked(by_seed: "Mapping[int, ndarray]", seeds: Sequence[int] | None = None) -> "ndarray":
    import numpy

    return numpy.stack([by_seed[seed] for seed in (sorted(by_seed) if seeds is None else seeds)])


def accuracy(exams: "Sequence[Mapping[int, ndarray]]") -> dict[str, float]:
    return over_seeds([stacked(exam) for exam in exams], 0.0, 1.0).named("accuracy")


def gaps(
    ours: "Mapping[str, Mapping[int, ndarray]]", theirs: "Mapping[str, Mapping[int, ndarray]]", mean_of: Sequence[str]
) -> dict[str, dict[str, float]]:
    """How far one row is ahead of another, seed by seed; the base, which has no seed, is the same to all."""
    apart = {exam: difference(ours[exam], theirs[exam]) for exam in ours if exam in theirs}
    found = {exam: over_seeds([cells]).named("difference") for exam, cells in apart.items()}
    if mean_of and all(exam in apart for exam in mean_of):
        found["mean"] = over_seeds([apart[exam] for exam in mean_of]).named("difference")
    return found


def difference(ours: "Mapping[int, ndarray]", theirs: "Mapping[int, ndarray]") -> "ndarray":
    if len(theirs) == 1 or len(ours) == 1:
        first, second = stacked(ours), stacked(theirs)
    else:
        both = sorted(ours.keys() & theirs.keys())
        first, second = stacked(ours, both), stacked(theirs, both)
    apart: ndarray = first - second
    return apart


def cost(name: str, done: Sequence[Done]) -> dict[str, Any]:
    """Tokens generated and trained on, and hours of the stages that a row needed: the mean over its seeds."""
    tokens: list[dict[str, int | None]] = []
    hours: list[float] = []
    for one in done:
        for method in one.run.config.arms:
            if row(one, method) == name:
                tokens.append(tokens_of(one.run, method))
                hours.append(hours_of(one, method))
    each = {part: total(*(found[part] for found in tokens)) for part in ("generated", "trained")}
    return {
        "tokens": {part: None if count is None else count / len(tokens) for part, count in each.items()},
        "hours": sum(hours) / len(hours),
    }


def steps(name: str, done: Sequence[Done]) -> dict[str, dict[str, int]]:
    """seed -> the step of the best checkpoint, and the last step."""
    return {
        str(one.seed): {"best": found["best"], "last": found["last"]}
        for one in done
        for method in one.run.config.arms
        if row(one, method) == name and (found := found_in(one.run, trained_as(method)))
    }


def hours_of(one: Done, method: str) -> float:
    """Hours of making a method's model; what it shares with another counts for both."""
    arm = trained_as(method)
    names = ["sample", "grade", "reflect", "rearrange", "sft"] if taught(method) else []
    names += [f"grpo-{arm}", *([f"validate-{arm}"] if is_best(method) else [])]
    stages = one.run.manifest()["stages"]
    seconds: float = sum(stages.get(stage, {}).get("seconds", 0.0) for stage in names)
    return seconds / 3600


def skill(done: Sequence[Done]) -> dict[str, dict[str, dict[str, float | None]]]:
    """row -> exam -> means over seeds: length, attempts, reflections, truncation, and F1 of the verdicts on right and on wrong attempts."""
    found: dict[str, dict[str, list[dict[str, float | None]]]] = defaultdict(lambda: defaultdict(list))
    for one in done:
        for method, by_exam in summarise(one.run)["methods"].items():
            for exam, each in by_exam.items():
                verdicts = {f"f1_{kind}": each["verdicts"][kind]["f1"] for kind in ("right", "wrong")}
                found[row(one, method)][exam].append({**{name: each[name] for name in SKILL}, **verdicts})
    return {
        name: {exam: {key: macro(each[key] for each in seeds) for key in seeds[0]} for exam, seeds in by_exam.items()}
        for name, by_exam in found.items()
    }
