"""Write MEASURED.md, and what README.md shows of it, from a study of this method and the paper's: nobody types a figure.

    sf study plugins/backtrack/study.toml --to FOLDER
    python plugins/backtrack/measure.py FOLDER

What the tables of `sf results` cannot know, because a skill's measures see no grades, is counted here: how often the attempt after
a wrong one is truly right, for returns and for whole new attempts.
"""

import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import attrs

from skillfactory_backtrack.response import read, returns
from skillfactory_core import interval, registry
from skillfactory_core.evaluation import Response
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.problems import variants_of
from skillfactory_core.trace import Trace

HERE = Path(__file__).parent
ARMS = ("backtrack", "backtrack-whole", "skillfactory")
"of study.toml"


@attrs.frozen
class Step:
    """Two attempts of a response, one after the other: what the task says of them, and whether the second is a return."""

    problem: str
    returned: bool
    before: bool
    after: bool


def steps_of(run: Run, method: str, variant: str) -> Iterator[Step]:
    """Every attempt that follows another, in the responses of a method at a difficulty."""
    task = variants_of(run.config)[variant]
    params = {problem.key: problem.params for problem in run.problems("evaluation", variant)}
    tags = registry.find_tags(run.config.tags)

    def right(problem: str, answer: str | None) -> bool:
        return answer is not None and task.grade(params[problem], answer).correct

    for response in run.responses(method, variant):
        tried = read(response.text, tags)
        graded = [right(response.problem, one.answer) for one in tried]
        for number in range(1, len(tried)):
            yield Step(response.problem, tried[number].back is not None, graded[number - 1], graded[number])


def share(steps: list[Step]) -> str:
    """Of the attempts after a wrong one, how many are right, with the 95 % interval over problems."""
    counts: dict[str, list[int]] = {}
    for step in steps:
        count = counts.setdefault(step.problem, [0, 0])
        count[0] += step.after
        count[1] += 1
    if not counts:
        return "–"
    found = interval.share([(right, total) for right, total in counts.values()])
    return f"{percent(found.mean)} ({percent(found.low)}-{percent(found.high)}) of {len(steps)}"


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def accuracies(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[list[str]] = []
    for name, summary in summaries.items():
        for method, by_variant in summary["methods"].items():
            if rows and method == "base":
                continue
            label = method if method in ("base", name) else f"{method}, of {name}"
            rows.append([label, *map(accuracy, by_variant.values()), *map(length, by_variant.values())])
    variants = next(iter(summaries.values()))["variants"]
    return table(["method", *variants, *(f"attempts, tokens, % cut off at {variant}" for variant in variants)], rows)


def accuracy(figures: Mapping[str, Any]) -> str:
    return f"{percent(figures['accuracy'])} ({percent(figures['low'])}-{percent(figures['high'])})"


def length(figures: Mapping[str, Any]) -> str:
    return f"{figures['answers']:.2f}, {figures['tokens']:.0f}, {percent(figures['truncated'])}"


def measures(summary: Mapping[str, Any]) -> str:
    rows = []
    for name, meaning in summary["measures"].items():
        cells = [name.replace("_", " "), meaning]
        for method in ("sft", "backtrack"):
            for figures in summary["methods"][method].values():
                one = figures["measures"][name]
                cells.append("–" if one["mean"] is None else f"{one['mean']:.2f} of {one['of']}")
        rows.append(cells)
    places = [f"{method}, {variant}" for method in ("sft", "backtrack") for variant in summary["variants"]]
    return table(["measure", "what it is", *places], rows)


def after_wrong(runs: Mapping[str, Run]) -> str:
    rows = []
    for name, run in runs.items():
        for method in run.config.arms[1:]:
            for variant in variants_of(run.config):
                wrong = [step for step in steps_of(run, method, variant) if not step.before]
                again = [step for step in wrong if not step.returned]
                label = method if method == name else f"{method}, of {name}"
                rows.append([label, variant, share([step for step in wrong if step.returned]), share(again)])
    return table(["method", "at", "after a return", "after a new attempt"], rows)


def differences(runs: Mapping[str, Run]) -> str:
    """Of what each run comes to in the end, from the base and from one another, by the problems that they share."""
    from skillfactory_core.compare import compare

    found = compare(list(runs.values()))["differences"]
    first = next(iter(runs.values())).folder.name
    rows = []
    for exam, gaps in found.items():
        for gap in gaps:
            span = f"{percent(gap['difference'])} ({percent(gap['low'])} to {percent(gap['high'])})"
            named = (gap["method"], gap["against"])
            # The base is the same in all.
            again = any(name.endswith("/base") and name != f"{first}/base" for name in named)
            if exam != "mean" and not again and not any(name.endswith("sft") for name in named):
                rows.append([exam, gap["method"], gap["against"], span])
    return table(["at", "method", "against", "percentage points"], rows)


def told(text: str) -> str:
    return f"```text\n{text}\n```\n"


def shown(trace: Trace) -> str:
    return f"{told(trace.completion)}\nTo the problem: {trace.prompt}\n"


def first_trace(run: Run) -> Trace:
    """The first trace with two returns, or with one."""
    best = max(run.traces, key=lambda trace: min(len(trace.shape), 3))
    return next(trace for trace in run.traces if len(trace.shape) == len(best.shape))


def first_fixed(run: Run, variant: str) -> Response | None:
    """The first right response of the method that returns."""
    tags = registry.find_tags(run.config.tags)
    every = run.responses("backtrack", variant)
    return next((one for one in every if one.correct and returns(one.text, tags)), None)


def traces(run: Run) -> str:
    """What the traces hold, and what became of the problems."""
    tags = registry.find_tags(run.config.tags)
    shapes = Counter(trace.shape for trace in run.traces)
    steps = Counter(one.step for trace in run.traces for one in returns(trace.completion, tags))
    counts = run.manifest()["stages"]["rearrange"]
    said = ", ".join(f"{count} {shape}" for shape, count in shapes.most_common())
    back = ", ".join(f"{count} to step {step}" for step, count in sorted(steps.items(), key=str))
    left = ", ".join(
        f"{value} {name.replace('_', ' ')}" for name, value in counts.items() if name.startswith("problems")
    )
    return f"{sum(shapes.values())} traces ({said}; C right, I wrong), with {steps.total()} returns: {back}. {left.capitalize()}.\n"


def runs_of(folder: Path) -> dict[str, Run]:
    """The runs that are done: this method's, and the paper's where there was time for it."""
    done = [name for name in ARMS if (folder / f"{name}-0" / "report.html").is_file()]
    return {name: open_run(folder / f"{name}-0") for name in done}


def page(runs: Mapping[str, Run]) -> str:
    summaries = {name: summarise(run) for name, run in runs.items()}
    ours = runs["backtrack"]
    trace, variant = first_trace(ours), summaries["backtrack"]["variants"][0]
    response = first_fixed(ours, variant)
    problems = {problem.key: problem.question for problem in ours.problems("evaluation", variant)}
    by = (
        "`sf study plugins/backtrack/study.toml --to FOLDER`, then `python plugins/backtrack/measure.py FOLDER`; "
        f"{platform.machine()}, {date.today()}. One seed, pocket, small sizes: the intervals (95 %, by problem) tell about these models.\n"
    )
    absent = [name for name in ARMS if name not in runs]
    parts = [
        "# Measured\n",
        by,
        *([f"Not done when this was written: {', '.join(absent)}.\n"] if absent else []),
        told((HERE / "study.toml").read_text(encoding="utf-8").strip()),
        "## The traces\n",
        *(f"{name}: {traces(run)}" for name, run in runs.items() if run.config.strategy == "backtrack"),
        "The first one of backtrack with as many returns as there are in any:\n",
        shown(trace),
        "## How often each method is right\n",
        "In %, by how many numbers are given.\n",
        accuracies(summaries),
        "Differences, paired by problem:\n",
        differences(runs),
        "## What the skill measures\n",
        "Means per response, and over how many responses.\n",
        *(f"In the run {name}:\n\n{measures(one)}" for name, one in summaries.items() if "measures" in one),
        "## Is the attempt after a wrong one right?\n",
        "By the grades of the task, in %, and of how many: a return goes on from a step that is kept, a new attempt starts over.\n",
        after_wrong(runs),
    ]
    if response is not None:
        parts += [f"A right response with a return, to: {problems[response.problem]}\n", told(response.text)]
    return "\n".join(parts)


def put(text: str, name: str, block: str) -> str:
    """A page with what stands between <!-- name --> and <!-- /name --> replaced."""
    before, _, rest = text.partition(f"<!-- {name} -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->")
    if not closed:
        sys.exit(f"README.md has no <!-- {name} --> … <!-- /{name} -->")
    return f"{before}<!-- {name} -->\n\n{block}\n<!-- /{name} -->{after}"


def main(folder: Path) -> None:
    found = runs_of(folder)
    (HERE / "MEASURED.md").write_text(page(found), encoding="utf-8")
    readme = HERE / "README.md"
    text = put(readme.read_text(encoding="utf-8"), "trace", shown(first_trace(found["backtrack"])))
    summaries = {name: summarise(run) for name, run in found.items()}
    readme.write_text(put(text, "accuracy", accuracies(summaries)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
