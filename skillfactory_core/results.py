"""Results: the evaluation of a run in figures. Reads the response tables as streams and keeps only sums.

A response that the engine failed to produce is left out and counted under `errors`: there is nothing to grade. One that
the grader could not check counts as not right, and under `unchecked`: leaving it out would reward unreadable answers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import attrs

from skillfactory_core import interval, registry
from skillfactory_core.attempt import UNCHECKED, Grade
from skillfactory_core.branch import Branch
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.interval import Interval
from skillfactory_core.lengths import Lengths, bin_of, histogram
from skillfactory_core.measure import Measured, Totals, measure, measures_in
from skillfactory_core.measure import pooled as pooled_measures
from skillfactory_core.pass_at_k import pass_at_k
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run
from skillfactory_core.skill_use import Tally, macro, pooled, ratio, skill_use
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.stages.validate import found_in
from skillfactory_core.table import Table
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

AVERAGED = ("tokens", "answers", "reflections", "well_formed", "truncated")
POOLED = ("retry_after_incorrect", "stop_after_correct", "fixed", "broken", "looping", "malformed")
COLUMNS = ("problem", "text", "tokens", "finish", "correct", "reason")
"of the responses, all that the figures need"


@attrs.define
class Score:
    """The responses of one method to one difficulty, added up one at a time."""

    counts: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(lambda: [0, 0]))
    "problem -> [right, responses]"
    tokens: int = 0
    truncated: int = 0
    errors: int = 0
    unchecked: int = 0
    lengths: Lengths = attrs.field(factory=Counter)
    use: Tally = attrs.field(factory=Tally)
    measures: tuple[Measured, ...] = ()
    "of the run's skills"
    measured: Totals = attrs.field(default=attrs.Factory(lambda self: Totals.of(self.measures), takes_self=True))

    def add(
        self,
        grade: Callable[[str], Grade],
        tags: TagFormat,
        problem: str,
        text: str,
        tokens: int,
        finish: str,
        correct: bool,
        reason: str,
    ) -> None:
        """Add a response, from the COLUMNS of its table. `grade` takes an answer to its problem."""
        if finish == "error":
            self.errors += 1
            return
        count = self.counts[problem]
        count[0] += correct
        count[1] += 1
        cut, unchecked = finish == "length", reason in UNCHECKED
        self.tokens += tokens
        self.truncated += cut
        self.unchecked += unchecked
        self.lengths[correct, bin_of(tokens)] += 1
        self.use.add(skill_use(text, tags, grade, cut), None if unchecked else correct)
        self.measured.add(problem, measure(self.measures, text, tags))

    def per_problem(self) -> list[tuple[int, int]]:
        """(right, responses) of each."""
        return [(right, total) for right, total in self.counts.values()]

    def accuracy(self) -> Interval:
        return interval.share(self.per_problem())

    def figures(self) -> dict[str, Any]:
        """The entry of one method and difficulty."""
        return {
            **self.accuracy().named("accuracy"),
            "n": self.use.responses,
            "problems": len(self.counts),
            "tokens": ratio(self.tokens, self.use.responses),
            "truncated": ratio(self.truncated, self.use.responses),
            "errors": self.errors,
            "unchecked": self.unchecked,
            "pass": pass_at_k(self.per_problem()),
            "lengths": histogram(self.lengths),
            **self.use.figures(),
            **({"measures": self.measured.figures()} if self.measures else {}),
        }


Scores = dict[str, dict[str, Score]]
"method -> variant -> score"


def summarise(run: Run) -> dict[str, Any]:
    """Every figure of the evaluation, as far as it got: run, task, trained_on (empty where nothing is trained) and variants (names), and

    validation: arm -> `validate.found_in`, of the arms whose checkpoints were compared; there only where any were;
    measures: name -> what it means, of the measures that the run's skills have; there only where they have any;
    methods: method -> variant -> the entry of `Score.figures`;
    means: method -> the entry of `mean`, for methods that have every variant but the one trained on;
    differences: variant or "mean" -> entries of `difference`, paired by problem.
    """
    trained_on = task_of(run.config).variant if run.config.trains else ""
    scores = read_scores(run)
    methods = {
        method: {variant: score.figures() for variant, score in by_variant.items()}
        for method, by_variant in scores.items()
    }
    for method, by_variant in scores.items():
        if not any(score.use.thinking for score in by_variant.values()):
            for figures in methods[method].values():
                figures["well_formed"] = None
    variants = [name for name in variants_of(run.config) if any(name in by_variant for by_variant in scores.values())]
    others = [name for name in variants if name != trained_on]
    complete = {method: by for method, by in scores.items() if others and all(name in by for name in others)}
    measures = {one.name: one.meaning for one in measures_in(run.config)}
    validation = {arm: found for arm in run.config.reinforced if (found := found_in(run, arm))}
    return {
        "run": run.folder.name,
        "task": run.config.task,
        **({"validation": validation} if validation else {}),
        **({"measures": measures} if measures else {}),
        "trained_on": trained_on,
        "variants": variants,
        "methods": methods,
        "means": {method: mean(others, methods[method]) for method in complete},
        "differences": {
            **{name: differences(name, scores) for name in variants},
            "mean": mean_differences(others, complete),
        },
    }


def read_scores(run: Run) -> Scores:
    """Score every response table that has rows, in the order of the run's arms and of the task's difficulties."""
    tags: TagFormat = registry.find_tags(run.config.tags)
    measures = measures_in(run.config)
    scores: Scores = {}
    for method in run.config.arms:
        for variant, task in variants_of(run.config).items():
            score = Score(measures=measures)
            score_table(score, run.responses(method, variant), run.problems("evaluation", variant), task, tags)
            if score.counts:
                scores.setdefault(method, {})[variant] = score
    return scores


def score_table(
    score: Score, responses: Table[Response], problems: Table[Problem], task: Task, tags: TagFormat
) -> None:
    """Add the responses of a table."""
    for _, grade, row in with_graders(responses, problems, task, COLUMNS):
        score.add(grade, tags, *row)


def with_graders(
    responses: Table[Response] | Table[Branch], problems: Table[Problem], task: Task, columns: Sequence[str]
) -> Iterator[tuple[Problem, Callable[[str], Grade], tuple[Any, ...]]]:
    """The rows of a table, whose first column is the problem's key, each with its problem and what grades any answer to it."""
    known: dict[str, Problem] = {}

    # Responses to a problem stand together, and many of their attempts have the same answer.
    @lru_cache(4096)
    def grade(key: str, answer: str) -> Grade:
        return task.grade(known[key].params, answer)

    for row in responses.every(*columns):
        known = known or {problem.key: problem for problem in problems}
        if row[0] not in known:
            raise lost(problems, row[0])
        with on(row[0]):
            yield known[row[0]], partial(grade, row[0]), row


def lost(problems: Table[Problem], key: str) -> SkillFactoryError:
    return SkillFactoryError(
        f"{problems.folder} has no problem '{key}', which was answered: put back the file that held it"
    )


def mean(variants: list[str], figures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The plain mean over difficulties that the model was not trained on: each counts the same. What is a share of some
    cases alone is that of the cases of all."""
    accuracy = interval.average(
        [Interval(figures[v]["accuracy"], figures[v]["low"], figures[v]["high"]) for v in variants]
    )
    measures = [figures[variant]["measures"] for variant in variants if "measures" in figures[variant]]
    return {
        "variants": variants,
        **accuracy.named("accuracy"),
        **{name: macro(figures[variant][name] for variant in variants) for name in AVERAGED},
        **{name: pooled(figures[variant][name] for variant in variants) for name in POOLED},
        "pass": mean_pass([figures[variant]["pass"] for variant in variants]),
        **({"measures": pooled_measures(measures)} if measures else {}),
    }


def mean_pass(every: list[dict[int, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """The same of pass@k, for each k that all difficulties have."""
    found = {}
    for k in sorted(set(every[0]).intersection(*every[1:])):
        one = interval.average([Interval(each[k]["mean"], each[k]["low"], each[k]["high"]) for each in every])
        problems = sum(each[k]["problems"] for each in every)
        found[k] = {**one.named("mean"), "problems": problems}
    return found


def gap(variant: str, first: dict[str, Score], second: dict[str, Score]) -> Interval | None:
    """How far the first method is ahead on the problems that both answered."""
    ours, theirs = first[variant].counts, second[variant].counts
    shared = [key for key in ours if key in theirs]
    pairs = [(ours[key][0] / ours[key][1], theirs[key][0] / theirs[key][1]) for key in shared]
    return interval.difference(pairs) if pairs else None


def differences(variant: str, scores: Scores) -> list[dict[str, Any]]:
    """Each method against each that the run names before it."""
    there = {method: by for method, by in scores.items() if variant in by}
    found = [(one, other, gap(variant, there[one], there[other])) for one, other in later_first(list(there))]
    return [difference(one, other, distance) for one, other, distance in found if distance]


def mean_differences(variants: list[str], scores: Scores) -> list[dict[str, Any]]:
    """The same for the mean over difficulties."""
    found = []
    for one, other in later_first(list(scores)):
        gaps = [gap(variant, scores[one], scores[other]) for variant in variants]
        known = [distance for distance in gaps if distance]
        if len(known) == len(gaps):
            found.append(difference(one, other, interval.average(known)))
    return found


def later_first(methods: list[str]) -> list[tuple[str, str]]:
    return [(one, other) for number, one in enumerate(methods) for other in methods[:number]]


def difference(method: str, against: str, distance: Interval) -> dict[str, Any]:
    return {"method": method, "against": against, **distance.named("difference")}
