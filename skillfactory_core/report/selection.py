"""Selection: which traces and responses the page shows. By rule and not by taste, and the page says which rule."""

from collections.abc import Iterable, Mapping
from itertools import islice
from math import ceil
from typing import Any

from skillfactory_core.arms import trained_as
from skillfactory_core.evaluation import Response
from skillfactory_core.report import texts
from skillfactory_core.report.pieces import Reader
from skillfactory_core.report.texts import Text
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Trace

LOOKED_AT = 400
"records of a table that are looked at, from its beginning"
SHOWN = 6


def traces(run: Run, tags: TagFormat) -> list[Text]:
    """The shortest trace of each shape (right and wrong attempts in order), the common shapes first."""
    shapes: dict[tuple[bool | None, ...], list[Trace]] = {}
    for trace in islice(run.traces, LOOKED_AT):
        shapes.setdefault(tuple(s.correct for s in trace.segments if s.kind == "attempt"), []).append(trace)
    common = sorted(shapes.values(), key=lambda alike: -len(alike))[:SHOWN]
    chosen = [min(alike, key=lambda trace: len(trace.completion)) for alike in common]
    chosen.sort(key=lambda trace: sum(s.kind == "attempt" for s in trace.segments))
    wanted = {trace.problem for trace in chosen}
    problems = run.problems("train", task_of(run.config).variant) if wanted else ()
    questions = {problem.key: problem.question for problem in problems if problem.key in wanted}
    return [texts.of_trace(trace, questions.get(trace.problem, trace.prompt), Reader(tags)) for trace in chosen]


def responses(run: Run, tags: TagFormat, summary: Mapping[str, Any]) -> list[Text]:
    """Two methods on the same problems: at each of up to four difficulties one, right and wrong in turn."""
    methods = compared(summary)
    variants = [name for name in summary["variants"] if all(name in summary["methods"][m] for m in methods)]
    found: list[Text] = []
    for place, variant in enumerate(variants[:: ceil(len(variants) / 4) or 1] if methods else ()):
        table, right = run.responses(methods[0], variant), place % 2 == 0
        first = telling(table, tags, right) or telling(table, tags, not right)
        if first is None:
            continue
        same = (one for m in methods[1:] for one in run.responses(m, variant) if one.problem == first.problem)
        pair = [first, *islice((one for one in same if one.text.strip()), 1)]
        problem = next((p for p in run.problems("evaluation", variant) if p.key == first.problem), None)
        task = variants_of(run.config)[variant]
        found += [texts.of_response(response, problem, task, Reader(tags)) for response in pair]
    return found


def compared(summary: Mapping[str, Any]) -> list[str]:
    """The two most accurate methods of different trainings, by mean or by what there is; the one that makes more attempts leads."""
    shared = [v for v in summary["variants"] if all(v in by_variant for by_variant in summary["methods"].values())]

    def average(method: str, figure: str) -> float:
        by_variant = summary["methods"][method]
        figures = summary["means"].get(method)
        known = [figures] if figures else [by_variant[v] for v in shared] or list(by_variant.values())
        return float(sum(one[figure] for one in known) / len(known))

    found: dict[str, str] = {}
    for method in sorted(summary["methods"], key=lambda method: -average(method, "accuracy")):
        found.setdefault(trained_as(method), method)
    return sorted(list(found.values())[:2], key=lambda method: -average(method, "answers"))


def telling(table: Iterable[Response], tags: TagFormat, correct: bool) -> Response | None:
    """The shortest response of that grade; before all others one that is complete and makes two or more attempts."""
    alike = [r for r in islice(table, LOOKED_AT) if r.correct == correct and r.text.strip()]

    def rank(response: Response) -> tuple[bool, bool, int, str]:
        tries = tags.parse(response.text).tries
        return response.finish == "length", len(tries) < 2, len(response.text), response.key

    return min(alike, key=rank, default=None)
