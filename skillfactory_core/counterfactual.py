"""Counterfactual: what a verdict does. Paired by problem: the same beginnings with the verdict kept, swapped and dropped."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from skillfactory_core import interval
from skillfactory_core.branch import CHANGES, Branch
from skillfactory_core.run import Run
from skillfactory_core.stages.branch import branches_of
from skillfactory_core.stages.problems import exams_of

GROUPS = {"all": (True, False), "right": (True,), "wrong": (False,)}
"attempts -> the truths of those that count"


def effects(run: Run) -> list[dict[str, Any]]:
    """An entry for each method, exam and kind of attempt (all, those that are right, those that are wrong) that has branches:

    method, variant, attempts (the kind), responses, problems; kept, swapped, dropped: each with success (share of branches that end
    right) and again (share in which another attempt followed); swapping and dropping: difference, low, high of success,
    kept minus changed, paired by problem.
    """
    found = []
    for method in run.config.arms:
        for exam in exams_of(run.config):
            branches = [one for one in branches_of(run, method, exam) if not one.error]
            for kind, truths in GROUPS.items():
                some = [one for one in branches if one.truth in truths]
                if some:
                    found.append({"method": method, "variant": exam, "attempts": kind, **entry(some)})
    return found


def entry(branches: Iterable[Branch]) -> dict[str, Any]:
    by_change: dict[str, list[Branch]] = {change: [] for change in CHANGES}
    for one in branches:
        by_change[one.change].append(one)
    shares = {change: by_problem(some) for change, some in by_change.items()}
    kept = shares["kept"]
    return {
        "responses": len({one.response for one in by_change["kept"]}),
        "problems": len(kept),
        **{
            change: {
                "success": sum(one.correct for one in some) / max(1, len(some)),
                "again": sum(one.again for one in some) / max(1, len(some)),
            }
            for change, some in by_change.items()
        },
        **{
            name: gap([(kept[key], shares[change][key]) for key in kept if key in shares[change]])
            for name, change in (("swapping", "swapped"), ("dropping", "dropped"))
        },
    }


def by_problem(branches: Iterable[Branch]) -> dict[str, float]:
    """The share of right endings per problem."""
    found: dict[str, list[bool]] = defaultdict(list)
    for one in branches:
        found[one.problem].append(one.correct)
    return {problem: sum(right) / len(right) for problem, right in found.items()}


def gap(pairs: list[tuple[float, float]]) -> dict[str, float] | None:
    if not pairs:
        return None
    return interval.difference(pairs).named("difference")
