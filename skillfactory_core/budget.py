"""Budget: what comes of fewer tokens, and of being made to go on. From stored responses; `stages/force.py` makes those of budgets.

A response that is cut at fewer tokens is what the model would have written with fewer: each draws from its own random stream.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from skillfactory_core import interval, registry
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.interval import Interval
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run, write_text
from skillfactory_core.stages.grade import grade_text
from skillfactory_core.stages.problems import Exam, exams_of
from skillfactory_core.table import Table
from skillfactory_core.tags import TagFormat

FORCED = re.compile(r"budget-(\d+)-(\d+)")
"the folder of responses that had to go on: from so many tokens, to so many"
Counts = dict[str, list[int]]
"problem -> [right, responses]"
Ends = Callable[[str], Sequence[int]]
"where in a text each of its tokens ends"


def forcing(run: Run) -> list[dict[str, Any]]:
    """Standard against forced: an entry for each pair of budgets, method and exam that have both, then one for the mean over exams.

    budget, force (tokens), method, variant (the exam's name, or "mean"), problems, responses; standard and forced, each with accuracy,
    low, high and tokens; difference, low, high: forced minus standard, paired by problem; gained and lost: responses that
    became right, and wrong.
    """
    found = []
    for budget, force in budgets_of(run):
        for method in run.config.arms:
            pairs = [Pair(run, method, name, budget, force) for name in exams_of(run.config)]
            entries = [pair.entry() for pair in pairs if pair.there()]
            found += entries if len(entries) < 2 else [*entries, mean_of(entries)]
    return found


def budgets_of(run: Run) -> list[tuple[int, int]]:
    """Every (budget, force) that the run has responses of."""
    matches = (FORCED.fullmatch(path.name) for path in (run.folder / "8-evaluation").glob("budget-*"))
    return sorted((int(match[1]), int(match[2])) for match in matches if match)


def all_budgets(run: Run) -> list[str]:
    """Every budget that the run has responses of, as `Run.responses` takes it: '4096', '4096-8192'."""
    return sorted(path.name.removeprefix("budget-") for path in (run.folder / "8-evaluation").glob("budget-*"))


@attrs.frozen
class Pair:
    """The responses of a method to an exam within a budget, and the same made to go on."""

    run: Run
    method: str
    name: str
    budget: int
    force: int

    @property
    def standard(self) -> Table[Response]:
        return self.run.responses(self.method, self.name, f"{self.budget}")

    @property
    def forced(self) -> Table[Response]:
        return self.run.responses(self.method, self.name, f"{self.budget}-{self.force}")

    def there(self) -> bool:
        return bool({*self.standard.parts()} & {*self.forced.parts()}) and any(True for _ in self.both())

    def both(self) -> Iterator[tuple[str, tuple[bool, int], tuple[bool, int]]]:
        """(problem, (right, tokens) as it was, (right, tokens) as it went on) of each response that has both."""
        names = ("key", "problem", "correct", "tokens", "error")
        for number in sorted({*self.standard.parts()} & {*self.forced.parts()}):
            went_on = {row[0]: row[2:4] for row in self.forced.columns(number, *names) if not row[4]}
            for key, problem, correct, tokens, error in self.standard.columns(number, *names):
                if not error and key in went_on:
                    yield problem, (correct, tokens), went_on[key]

    def entry(self) -> dict[str, Any]:
        before: Counts = defaultdict(lambda: [0, 0])
        after: Counts = defaultdict(lambda: [0, 0])
        gained = lost = 0
        tokens = [0, 0]
        for problem, (was, short), (now, long) in self.both():
            for counts, right in ((before, was), (after, now)):
                counts[problem][0] += right
                counts[problem][1] += 1
            gained += now and not was
            lost += was and not now
            tokens[0] += short
            tokens[1] += long
        gap = interval.difference([(after[p][0] / after[p][1], before[p][0] / before[p][1]) for p in before])
        total = sum(count for _, count in before.values())
        return {
            "budget": self.budget,
            "force": self.force,
            "method": self.method,
            "variant": self.name,
            "problems": len(before),
            "responses": total,
            "standard": {**accuracy(before), "tokens": tokens[0] / total},
            "forced": {**accuracy(after), "tokens": tokens[1] / total},
            **gap.named("difference"),
            "gained": gained,
            "lost": lost,
        }


def accuracy(counts: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return interval.share([(right, total) for right, total in counts.values()]).named("accuracy")


def mean_of(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The plain mean over exams: each counts the same."""

    def average(figures: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
        return interval.average([Interval(one[name], one["low"], one["high"]) for one in figures]).named(name)

    def side(name: str) -> dict[str, float]:
        figures = [entry[name] for entry in entries]
        return {**average(figures, "accuracy"), "tokens": sum(one["tokens"] for one in figures) / len(figures)}

    summed = {name: sum(entry[name] for entry in entries) for name in ("problems", "responses", "gained", "lost")}
    sides = {"standard": side("standard"), "forced": side("forced")}
    return {**entries[0], "variant": "mean", **summed, **sides, **average(entries, "difference")}


def over_budgets(run: Run, budgets: Sequence[int], ends: Ends | None = None) -> dict[str, Any]:
    """What the stored responses are worth at fewer tokens, and store it as `8-evaluation/budgets.json`:

    budgets: the numbers of tokens; limit: what the responses were cut at;
    methods: method -> exam -> one entry for each budget: budget, accuracy, low, high, answers, reflections, truncated, tokens, n.

    `ends` cuts; without, it is the tokenizer of the run's model.
    """
    limit = run.config.evaluate_sampling.max_tokens
    for budget in budgets:
        if not 1 <= budget <= limit:
            raise SkillFactoryError(
                f"budget {budget}: the responses of {run.folder} have at most {limit} tokens, so give 1 to {limit}"
            )
    ends = ends or ends_of(run)
    tags: TagFormat = registry.find_tags(run.config.tags)
    ordered = sorted(set(budgets))
    methods: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for method in run.config.arms:
        for name, exam in exams_of(run.config).items():
            entries = exam_over_budgets(run, method, exam, tags, ordered, ends)
            if entries:
                methods.setdefault(method, {})[name] = entries
    if not methods:
        raise SkillFactoryError(f"{run.folder} has no responses yet: sf evaluate {run.folder}")
    figures = {"budgets": ordered, "limit": limit, "methods": methods}
    write_text(run.folder / "8-evaluation" / "budgets.json", json.dumps(figures, indent=2) + "\n")
    return figures


def ends_of(run: Run) -> Ends:
    """The tokenizer of the run's model, which those that were trained share."""
    from skillfactory_core.choices import find_model

    found: Ends = registry.find(registry.ENGINE, run.config.engine).token_ends(find_model(run.config.model).path)
    return found


@attrs.define
class Tally:
    """The responses of one method to one exam at one budget, added up one at a time."""

    budget: int
    counts: Counts = attrs.field(factory=lambda: defaultdict(lambda: [0, 0]))
    answers: int = 0
    reflections: int = 0
    truncated: int = 0
    tokens: int = 0

    def add(self, response: Response, tags: TagFormat) -> None:
        parsed = tags.parse(response.text)
        self.counts[response.problem][0] += response.correct
        self.counts[response.problem][1] += 1
        self.answers += len(parsed.tries) or int(parsed.answer is not None)
        self.reflections += sum(one.reflected for one in parsed.tries)
        self.truncated += response.finish == "length"
        self.tokens += response.tokens

    def entry(self) -> dict[str, Any]:
        total = sum(count for _, count in self.counts.values())
        summed = {name: getattr(self, name) / total for name in ("answers", "reflections", "truncated", "tokens")}
        return {"budget": self.budget, **accuracy(self.counts), **summed, "n": total}


def exam_over_budgets(
    run: Run, method: str, exam: Exam, tags: TagFormat, budgets: Sequence[int], ends: Ends
) -> list[dict[str, Any]]:
    """One entry for each budget; none where there are no responses."""
    tallies = [Tally(budget) for budget in budgets]
    table = run.responses(method, exam.name)
    problems: dict[str, Problem] = {}
    for response in table:
        problems = problems or {problem.key: problem for problem in run.problems("evaluation", exam.name)}
        if response.error:
            continue
        places = ends(response.text) if not 0 < response.tokens <= budgets[0] else ()
        for tally in tallies:
            shorter = cut(response, tally.budget, places)
            with on(response.key):
                if shorter is not response:
                    found = grade_text(exam.task, problems[response.problem], shorter.text, tags, final=True)
                    shorter = attrs.evolve(shorter, correct=found.correct, answer=found.answer, reason=found.reason)
                tally.add(shorter, tags)
    return [tally.entry() for tally in tallies] if tallies and tallies[0].counts else []


def cut(response: Response, budget: int, places: Sequence[int]) -> Response:
    """A response as it would have been with a budget of tokens; the same where it had no more, and not graded where it had.

    `places` are the ends of its tokens. Read again, a text may have a token more or less than the model wrote.
    """
    if (response.tokens or len(places)) <= budget:
        return response
    text = response.text[: places[budget - 1]] if len(places) > budget else response.text
    return attrs.evolve(response, text=text, tokens=budget, finish="length")
