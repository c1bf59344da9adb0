"""Outcome: what came of a study, over problems and seeds. The rows are those of the paper's first table."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Any

from skillfactory_core import interval
from skillfactory_core.branch import CHANGES
from skillfactory_core.interval import Interval
from skillfactory_core.skill_use import macro, ratio
from skillfactory_core.study.cell import branched
from skillfactory_core.study.claims import judged
from skillfactory_core.study.figure import contrast, level, named, shares
from skillfactory_core.study.store import Store, Sums

SKILL = ("tokens", "answers", "reflections", "truncated")


def outcome(store: Store) -> dict[str, Any]:
    """Plain values:

    title, seeds, first (arm); exams: name -> task, problems, trained_on; mean_of: the names of those in the means;
    rows: name -> title, seeds, exams (name -> accuracy, low, high), mean, tokens, hours, cpu_hours;
    of an arm's best checkpoint also steps (seed -> the step that it is, and the last);
    skill: row -> exam -> figures, means over seeds;
    differences: "a - b" for every later row against every earlier -> exam or "mean" -> difference, low, high;
    claims: name -> title, verdict, parts; forced: row -> exam -> standard and forced accuracy and their difference;
    limits: row -> exam -> limit of tokens ("": the evaluation's) -> figures of skill, those of accuracy and reflections with low and high;
    verdicts: row -> exam -> right or wrong (attempts) -> what came of the verdict kept, swapped, dropped; versions.
    """
    about = store.about
    names = list(about["rows"])
    has = {name: [exam for exam in about["exams"] if store.has(name, exam)] for name in names}
    everywhere = [exam for exam in about["exams"] if all(exam in has[name] for name in names)]
    mean_of = [exam for exam in everywhere if not about["exams"][exam]["trained_on"]] or everywhere
    return {
        **{key: about[key] for key in ("title", "seeds", "first", "versions")},
        "exams": {name: {**exam, "problems": len(store.problems[name])} for name, exam in about["exams"].items()},
        "mean_of": mean_of,
        "rows": {
            name: {
                **{key: value for key, value in row.items() if key != "costs"},
                **cost(row["costs"].values()),
                "seeds": store.seeds(name),
                "exams": {exam: named(level(store, "accuracy", name, [exam]), "accuracy") for exam in has[name]},
                "mean": named(level(store, "accuracy", name, mean_of), "accuracy") if mean_of else None,
            }
            for name, row in about["rows"].items()
        },
        "skill": {name: {exam: skill(store.sums(name, exam)) for exam in has[name]} for name in names},
        "differences": {
            f"{one} - {other}": gaps(store, one, other, has, mean_of)
            for at, one in enumerate(names)
            for other in names[:at]
        },
        "claims": judged(about["claims"], store),
        "forced": {name: each for name in names if (each := forced(store, name, has[name]))},
        "limits": {name: each for name in names if (each := limits(store, name, has[name]))},
        "verdicts": {name: each for name in names if (each := verdicts(store, name, has[name]))},
    }


def cost(seeds: Collection[Mapping[str, float | None]]) -> dict[str, Any]:
    """Tokens and hours, the mean over seeds; None where a seed does not know."""

    def over(part: str) -> float | None:
        known = [each[part] for each in seeds]
        return None if None in known else sum(filter(None, known)) / len(known)

    return {
        "tokens": {part: over(part) for part in ("generated", "trained")},
        **{part: over(part) for part in ("hours", "cpu_hours")},
    }


def gaps(
    store: Store, one: str, other: str, has: dict[str, list[str]], mean_of: Sequence[str]
) -> dict[str, dict[str, float] | None]:
    """How far one row is ahead of another."""
    both = [exam for exam in has[one] if exam in has[other]]
    found = {exam: named(contrast(store, "accuracy", (one, [exam]), (other, [exam])), "difference") for exam in both}
    if mean_of and all(exam in both for exam in mean_of):
        found["mean"] = named(contrast(store, "accuracy", (one, mean_of), (other, mean_of)), "difference")
    return found


def skill(sums: Sums) -> dict[str, float | None]:
    """Means over seeds: length, attempts, reflections, truncation, and F1 of the verdicts on right and on wrong attempts."""
    import numpy

    seeds = [{name: float(numpy.nansum(values)) for name, values in by_name.items()} for by_name in sums.values()]
    means = {name: macro(ratio(seed[name], seed["responses"]) for seed in seeds) for name in SKILL}
    for kind, other in (("right", "wrong"), ("wrong", "right")):
        hits = [2 * seed[f"{kind}_as_{kind}"] for seed in seeds]
        rest = [seed[f"{kind}_as_{other}"] + seed[f"{other}_as_{kind}"] for seed in seeds]
        means[f"f1_{kind}"] = macro(ratio(hit, hit + left) for hit, left in zip(hits, rest, strict=True))
    return means


def forced(store: Store, row: str, exams: Sequence[str]) -> dict[str, Any]:
    """exam -> the budget's tokens, then accuracy within it, after going on, and the difference; of the first budget with both."""
    standard, budget = store.forcing
    return {
        exam: {
            "budget": budget,
            "standard": mean(store.sums(row, exam, standard)),
            "forced": mean(store.sums(row, exam, budget)),
            **(named(level(store, "forced", row, [exam]), "difference") or {}),
        }
        for exam in exams
        if budget and store.has(row, exam, standard) and store.has(row, exam, budget)
    }


def limits(store: Store, row: str, exams: Sequence[str]) -> dict[str, Any]:
    """exam -> the evaluation's limit ("") and each other -> figures of skill, and accuracy and reflections with their intervals."""
    asked = [extra for extra in store.about["plan"].get("extras", ()) if row in extra["rows"]]
    others = [str(extra["tokens"]) for extra in asked if "tokens" in extra]
    return {
        exam: {
            way: {
                **skill(store.sums(row, exam, way)),
                **{name: named(level(store, name, row, [exam], way), name) for name in ("accuracy", "reflections")},
            }
            for way in ("", *others)
            if store.has(row, exam, way)
        }
        for exam in exams
        if any(store.has(row, exam, way) for way in others)
    }


def verdicts(store: Store, row: str, exams: Sequence[str]) -> dict[str, Any]:
    """exam -> right or wrong attempts -> responses that were cut after one; kept, swapped, dropped: the share right in the end and
    the attempts in all; and kept less swapped of the share right."""
    found: dict[str, Any] = {}
    for exam, truth in product(exams, (True, False)):
        ways = {change: branched(truth, change) for change in CHANGES}
        if all(store.has(row, exam, way) for way in ways.values()):
            found.setdefault(exam, {})["right" if truth else "wrong"] = {
                **{change: came_of(store.sums(row, exam, way)) for change, way in ways.items()},
                **(
                    named(apart(*(store.sums(row, exam, ways[change]) for change in ("kept", "swapped"))), "difference")
                    or {}
                ),
            }
    return found


def apart(kept: Sums, swapped: Sums) -> Interval | None:
    """How many more branches are right where a verdict was kept. Which attempt of a response is cut, and whether it is right, differs
    from seed to seed: seeds have few problems in common. So it is of all branches, and the interval over problems alone."""
    import numpy

    both = [(kept[seed], swapped[seed]) for seed in kept if seed in swapped]
    if not both:
        return None
    gains = numpy.nansum([one["right"] - other["right"] for one, other in both], axis=0)
    counts = numpy.nansum([(one["responses"] + other["responses"]) / 2 for one, other in both], axis=0)
    if not counts.sum():
        return None
    # As in `interval.difference`, branches that never differ still get an interval with a width.
    added = [(0.5**0.5, 1), (-(0.5**0.5), 1)]
    found = interval.mean([*zip(gains.tolist(), counts.tolist(), strict=True), *added])
    mean = gains.sum() / counts.sum()
    return found and Interval(float(mean), max(-1.0, min(mean, found.low)), min(1.0, max(mean, found.high)))


def came_of(sums: Sums) -> dict[str, float]:
    """Branches, the share of them that is right in the end, and the attempts in each, over all seeds."""
    import numpy

    total = {
        name: sum(float(numpy.nansum(each[name])) for each in sums.values())
        for name in ("responses", "right", "answers")
    }
    return {
        "responses": total["responses"],
        **{name: total[name] / total["responses"] for name in ("right", "answers")},
    }


def mean(sums: Sums) -> float:
    """The share of right responses, the mean over seeds."""
    import numpy

    return float(numpy.mean([numpy.nanmean(values) for values in shares(sums, "right").values()]))
