"""Page: everything that the report shows, of one run or of several side by side; each part from the file that knows it."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import flatten, unstructure
from skillfactory_core.contest import names_of
from skillfactory_core.method import Method
from skillfactory_core.report import (
    budgets,
    charts,
    curves,
    embedded,
    funnel,
    lengths,
    matrix,
    selection,
    several,
    story,
    words,
)
from skillfactory_core.report.texts import Text, exam
from skillfactory_core.results import summarise
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.tags import TagFormat

FIGURES = (
    ("reward", "Reward", "share of right final answers", True),
    ("tokens", "Length", "tokens per response", False),
    ("answers", "Attempts", "per response", False),
    ("reflections", "Reflections", "per response", False),
    ("retry_after_incorrect", "Tries again", "share, after calling itself wrong", True),
    ("stop_after_correct", "Stops", "share, after calling itself right", True),
    ("verdict_agreement", "Verdicts that are true", "share", True),
    ("well_formed", "Well formed", "share of responses", True),
    ("clipped", "Cut off", "share at the length limit", True),
)
"what the log of a reinforcement run shows: name, title, unit, whether it is a share"
HABITS = (
    ("fixed", "fixed", "the first attempt is wrong, the final answer right"),
    ("broken", "broken", "an attempt is right, the final answer wrong"),
    ("looping", "loops", "says one thing over and over"),
    ("malformed", "malformed", "has tags, but not as the tag format has them"),
)
"what trying again leads to: name among the figures, heading, meaning"


@attrs.frozen(slots=False)
class Part:
    """What the page tells of one run."""

    label: str
    "its name among several; empty where it is alone"
    run: Run
    summary: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.label or self.run.folder.resolve().name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return self.run.manifest()

    @cached_property
    def stages(self) -> dict[str, dict[str, Any]]:
        """What the stages counted, without their files."""
        return {
            stage: {name: value for name, value in counts.items() if name != "files"}
            for stage, counts in self.manifest["stages"].items()
        }

    @property
    def seconds(self) -> float:
        return sum(counts.get("seconds") or 0 for counts in self.stages.values())

    @property
    def opening(self) -> str:
        method: Method = registry.find(registry.METHOD, self.run.config.method)
        return story.opening(self.stages, self.run.config, method)

    @property
    def steps(self) -> list[story.Step]:
        return story.steps(self.stages, self.run.config)

    @cached_property
    def funnel(self) -> Any:
        return funnel.funnel(self.run)

    @property
    def unfinished(self) -> list[str]:
        """The methods that are still to be evaluated."""
        return [several.arm(self.label, m) for m in self.run.config.arms if f"evaluate-{m}" not in self.stages]

    @property
    def settings(self) -> dict[str, Any]:
        return flatten(unstructure(self.run.config))

    @cached_property
    def traces(self) -> list[Text]:
        return selection.traces(self.run, self.tags)

    @cached_property
    def responses(self) -> list[Text]:
        return selection.responses(self.run, self.tags, self.summary)

    @property
    def compared(self) -> str:
        return words.listing([words.title(method) for method in selection.compared(self.summary)])

    @property
    def tags(self) -> TagFormat:
        return registry.find_tags(self.run.config.tags)

    def logs(self) -> dict[str, list[dict[str, float]]]:
        """The logs of reinforcement, by method."""
        found = {m: curves.read_log(self.run.grpo(m) / "log.jsonl") for m in self.run.config.arms}
        return {several.arm(self.label, method): log for method, log in found.items() if log}


def contents(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything the template shows, by name."""
    labels = names_of(runs)
    parts = [Part(label, run, summarise(run)) for label, run in zip(labels, runs, strict=True)]
    summaries = {part.label: part.summary for part in parts}
    summary = several.merged(summaries, several.compared(runs, summaries))
    arms = [several.arm(part.label, method) for part in parts for method in part.run.config.arms]
    marks = several.marks(arms, len(runs) == 1, words.mark)
    tasks = {name: task.name for run in runs for name, task in variants_of(run.config).items()}
    exams = "difficulties" if len(set(tasks.values())) < 2 else "exams"
    trains = any(run.config.trains for run in runs)
    over_budgets = {m: by for part in parts for m, by in budgets.over_budgets(part.run, part.label).items()}
    return {
        "title": words.listing([part.name for part in parts]),
        "parts": parts,
        "first": parts[0],
        "alone": len(parts) == 1,
        "task": task_of(runs[0].config),
        "summary": summary,
        "mark": marks.__getitem__,
        "headline": (words.headline if len(parts) == 1 else words.best)(summary, exams),
        "flaws": words.flaws(summary),
        "trains": trains,
        "places": places(tasks, summary, marks.__getitem__, trains),
        "passes": passes(tasks, summary, marks.__getitem__),
        "habits": [
            habit for habit in HABITS if any(habit[0] in f for by in summary["methods"].values() for f in by.values())
        ],
        "measures": summary.get("measures", {}),
        "matrices": matrix.matrices(summary),
        "lengths": lengths.drawn(tasks, summary, marks.__getitem__),
        "forced": [entry for part in parts for entry in budgets.forced(part.run, part.label)],
        "budgets": budgets.drawn(tasks, over_budgets, marks.__getitem__),
        "sft": sft_charts(parts, marks),
        "rl": rl_charts(parts, marks),
        "reinforced": [method for part in parts for method in part.logs()],
        "judging": judging(summary),
        "records": embedded.records(dict(zip(labels, runs, strict=True))),
        "script": embedded.script,
        "looked_at": embedded.LOOKED_AT,
        "alike": embedded.ALIKE,
        "few": embedded.PROBLEMS,
        "each": embedded.EACH,
        "widths": funnel.widths,
    }


def places(
    tasks: Mapping[str, str], summary: Mapping[str, Any], mark: Callable[[str], str], trains: bool
) -> list[dict[str, Any]]:
    """Each exam, and the mean over those not trained on: its name, chart and sentence."""
    columns = {variant: words.at(summary, variant) for variant in summary["variants"]}
    if len(columns) > 2 and summary["means"]:
        columns = {"mean": summary["means"], **columns}
    highest = max((f["high"] for figures in columns.values() for f in figures.values()), default=1.0)
    top = charts.axis_top(highest)
    new = "new difficulties" if len(set(tasks.values())) < 2 else "exams not trained on"
    if not trains:
        new = f"exams but {summary['trained_on']}"
    found = []
    for variant, figures in columns.items():
        mean = variant == "mean"
        name = f"{new.capitalize()}, mean" if mean else exam(tasks[variant], variant)
        where = f"over the {new} taken together" if mean else f"at {name}"
        note = "trained on" if variant == summary["trained_on"] else "new"
        bars = [charts.Bar(words.title(m), mark(m), f["accuracy"], f["low"], f["high"]) for m, f in figures.items()]
        chart = charts.bar_chart(f"accuracy-{slug(variant)}", name, note if trains and not mean else "", bars, top)
        found.append({"chart": chart, "says": words.standing(summary, variant, where)})
    return found


def passes(tasks: Mapping[str, str], summary: Mapping[str, Any], mark: Callable[[str], str]) -> list[Any]:
    """Of k responses to a problem at least one is right: a chart per exam, where there is more than one response."""
    found = []
    for variant in summary["variants"]:
        lines = []
        for method, figures in words.at(summary, variant).items():
            points = sorted((float(k), share["mean"]) for k, share in figures.get("pass", {}).items())
            if len(points) > 1:
                lines.append(charts.Line(words.title(method), mark(method), points))
        if lines:
            name = exam(tasks[variant], variant)
            found.append(charts.log_chart(f"pass-{slug(variant)}", name, "one of k is right", lines, "k"))
    return found


def judging(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The methods that give verdicts."""
    return {
        method: by_variant
        for method, by_variant in summary["methods"].items()
        if any(figures["verdicts"][kind]["support"] for figures in by_variant.values() for kind in ("right", "wrong"))
    }


def sft_charts(parts: Sequence[Part], marks: Mapping[str, str]) -> list[Any]:
    """The loss of fine-tuning."""
    lines = []
    for part in parts:
        points = curves.curve(curves.read_log(part.run.sft / "log.jsonl"), "loss")
        name = several.arm(part.label, "sft")
        lines += [charts.Line(words.title(name), marks[name], points)] if points else []
    return [charts.line_chart("sft-loss", "Loss", "per token, on the traces", lines)] if lines else []


def rl_charts(parts: Sequence[Part], marks: Mapping[str, str]) -> list[Any]:
    """What reinforcement learning did to reward, length and skill, one chart per figure."""
    logs = {method: log for part in parts for method, log in part.logs().items()}
    measures = dict.fromkeys(name for part in parts for name in part.summary.get("measures", {}))
    own = [(name, words.plainly(name), "mean over the responses that are a case", False) for name in measures]
    drawn = []
    for figure, title, unit, share in (*FIGURES, *own):
        found = {method: curves.curve(log, figure) for method, log in logs.items()}
        lines = [charts.Line(words.title(method), marks[method], points) for method, points in found.items() if points]
        if lines:
            drawn.append(charts.line_chart(f"rl-{figure.replace('_', '-')}", title, unit, lines, share))
    lines = []
    for part in parts:
        for arm, found in part.summary.get("validation", {}).items():
            points = [(float(step), each["accuracy"]) for step, each in found["steps"].items()]
            name = several.arm(part.label, arm)
            lines.append(charts.Line(words.title(name), marks[name], points))
    if lines:
        drawn.append(charts.line_chart("rl-validation", "Checkpoints", "share right, validation split", lines, True))
    return drawn


def slug(name: str) -> str:
    """A name as part of an id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name)
