"""Count: how many attempts of a run could be taken apart, and why the others were left out."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.strategy import Pair
from skillfactory_decompose.align import REASONS, Decomposition, align
from skillfactory_decompose.split import WAYS
from skillfactory_decompose.strategy import Decompose


def counts(run: Run) -> dict[str, int]:
    """The attempts that no stage had dropped, by what became of them. One that only some of its reflections fit is taken apart."""
    strategy = Decompose(**run.config.strategy_options)
    fates: Counter[str] = Counter()
    for pairs in by_attempt(run):
        found = [align(pair, WAYS[strategy.split], strategy.subgoals) for pair in pairs]
        apart = [each for each in found if isinstance(each, Decomposition)]
        if apart:
            fates["taken_apart"] += 1
            fates["with_a_failed_subgoal"] += any(each.failed for each in apart)
        else:
            fates[max((str(reason) for reason in found), key=REASONS.index)] += 1
    return {"attempts": fates.total() - fates["with_a_failed_subgoal"], **fates}


def by_attempt(run: Run) -> Iterator[list[Pair]]:
    """The pairs of each attempt; one pair without a reflection where none of its reflections was kept."""
    for number in run.attempts.parts():
        grades = {grade.attempt: grade for grade in run.grades.read(number) if not grade.dropped}
        reflections: dict[str, list[Reflection]] = defaultdict(list)
        for reflection in run.reflections.read(number) if number in run.reflections.parts() else ():
            if not reflection.dropped:
                reflections[reflection.attempt].append(reflection)
        for attempt in run.attempts.read(number):
            grade = grades.get(attempt.key)
            if grade is not None and grade.answer is not None:
                critiques: Sequence[Reflection | None] = reflections.get(attempt.key) or [None]
                yield [Pair(attempt, grade.answer, grade.correct, critique) for critique in critiques]


def told(found: dict[str, int]) -> str:
    """The counts in one line."""
    left = ", ".join(f"{name} {found[name]:,}" for name in REASONS if found.get(name)) or "none"
    return (
        f"decompose: {found.get('taken_apart', 0):,} of {found['attempts']:,} attempts taken apart, "
        f"{found.get('with_a_failed_subgoal', 0):,} of them with a subgoal that failed its check; left out: {left}"
    )
