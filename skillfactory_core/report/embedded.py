"""Embedded: the records that the page's browser holds. A selection by rule, bounded in bytes; `sf view` has all of them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
from markupsafe import Markup

from skillfactory_core import registry
from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.evaluation import Response
from skillfactory_core.report import texts, words
from skillfactory_core.report.look_up import by_key, stream
from skillfactory_core.report.pieces import Reader
from skillfactory_core.report.texts import Text
from skillfactory_core.run import Run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Trace

Row = dict[str, Any]
TRACES = 3_000_000
"bytes of the page for traces and the generations that they were cut from, over all runs"
RESPONSES = 6_000_000
"bytes of the page for responses"
LOOKED_AT = 1000
"records of a table that are looked at, from its beginning"
ALIKE = 6
"traces of the same order of right and wrong attempts"
PROBLEMS = 4
"problems of each exam whose responses are all there"
EACH = 3
"responses of each grade and verdict beside these"


def records(runs: Mapping[str, Run]) -> dict[str, Any]:
    """What the browser shows of runs by name: its lists with their filters, and the generations by run and key."""
    generations: dict[str, Row] = {}
    traces: list[Row] = []
    responses: list[Row] = []
    for name, run in runs.items():
        tags: TagFormat = registry.find_tags(run.config.tags)
        traces += traces_of(run, name, Reader(tags), generations, TRACES // len(runs))
        responses += responses_of(run, name, Reader(tags), RESPONSES // len(runs))
    every = [
        listing("traces", "Traces", traces, sum(run.traces.count() for run in runs.values())),
        listing("responses", "Responses", responses, sum(count for run in runs.values() for count in totals(run))),
    ]
    return {"kinds": [kind for kind in every if kind["rows"]], "generations": generations}


def totals(run: Run) -> Iterator[int]:
    for method in run.config.arms:
        for exam in variants_of(run.config):
            yield run.responses(method, exam).count()


def listing(name: str, title: str, rows: Sequence[Row], total: int) -> dict[str, Any]:
    """A list of the browser. Each of its filters offers what occurs, where it is more than one thing."""
    facets: dict[str, dict[str, None]] = {}
    for row in rows:
        for facet, value in row["facets"].items():
            facets.setdefault(facet, {})[value] = None
    offered = [{"name": f, "options": list(values)} for f, values in facets.items() if len(values) > 1]
    return {"name": name, "title": title, "total": total, "facets": offered, "rows": list(rows)}


def traces_of(run: Run, name: str, reader: Reader, generations: dict[str, Row], most: int) -> list[Row]:
    """The first traces of each order of right and wrong attempts; fills in the generations that they were cut from."""
    alike: Counter[str] = Counter()
    chosen: dict[int, list[Trace]] = {}
    for part, trace in islice(stream(run.traces), LOOKED_AT):
        alike[trace.shape] += 1
        if alike[trace.shape] <= ALIKE:
            chosen.setdefault(part, []).append(trace)
    rows: list[Row] = []
    size = 0
    for part, some in chosen.items():
        problems = by_key(run.problems("train", task_of(run.config).variant), part, {t.problem for t in some})
        sources = generations_of(run, part, some, reader)
        for trace in some:
            question = problems[trace.problem].question if trace.problem in problems else trace.prompt
            mixed = "I" in trace.shape
            facets = {
                "run": name,
                "grade": "right attempts alone" if not mixed else "with wrong attempts",
                "attempts": str(len(trace.shape)),
                "strategy": trace.strategy,
            }
            made = {**named(texts.of_trace(trace, question, reader), name), "facets": facets}
            mine = {f"{name} {s.source}": sources[s.source] for s in trace.segments if s.source in sources}
            for block in made["blocks"]:
                # Two runs may have generations of the same key.
                block["from"] = f"{name} {block['source']}"
            size += len(json.dumps([made, mine]))
            if size > most:
                return rows
            rows.append(made)
            generations |= mine
    return rows


def generations_of(run: Run, part: int, traces: Iterable[Trace], reader: Reader) -> dict[str, Row]:
    """The attempts and reflections that some traces of a part were cut from, by key."""
    keys = {s.source for trace in traces for s in trace.segments if s.kind in ("attempt", "reflection")}
    attempts = by_key(run.attempts, part, keys)
    grades = by_key(run.grades, part, attempts, "attempt")
    reflections = by_key(run.reflections, part, keys)
    made = [texts.of_attempt(one, grades.get(key), "", reader) for key, one in attempts.items()]
    made += [texts.of_reflection(one, "", reader) for one in reflections.values()]
    return {text.key: texts.as_json(text) for text in made}


def responses_of(run: Run, name: str, reader: Reader, most: int) -> list[Row]:
    """Every method's responses to the first problems of each exam, and some of each grade and verdict beside them."""
    tables = [(method, exam) for exam in variants_of(run.config) for method in run.config.arms]
    there = [(method, exam) for method, exam in tables if run.responses(method, exam).parts()]
    return [row for method, exam in there for row in some_of(run, name, method, exam, reader, most // len(there))]


def some_of(run: Run, name: str, method: str, exam: str, reader: Reader, most: int) -> Iterator[Row]:
    table, task = run.responses(method, exam), variants_of(run.config)[exam]
    chosen: dict[int, list[tuple[str, Response]]] = {}
    first: set[str] = set()
    alike: Counter[tuple[str, str]] = Counter()
    for part, response in islice(stream(table), LOOKED_AT):
        kind = truth_of(response), claim_of(response, reader.tags)
        if len(first) < PROBLEMS or response.problem in first:
            first.add(response.problem)
        else:
            alike[kind] += 1
            if alike[kind] > EACH:
                continue
        chosen.setdefault(part, []).append((kind[1], response))
    size = 0
    for part, some in chosen.items():
        problems = by_key(run.problems("evaluation", exam), part, {response.problem for _, response in some})
        for claim, response in some:
            text = texts.of_response(response, problems.get(response.problem), task, reader)
            facets = {
                "run": name,
                "task": task.name,
                "difficulty": exam,
                "method": words.title(method),
                "grade": truth_of(response),
                "last verdict": claim,
            }
            made = {**named(text, name), "facets": facets}
            size += len(json.dumps(made))
            if size > most:
                return
            yield made


def named(text: Text, name: str) -> Row:
    """A text as the browser takes it, under the name of its run where there are several."""
    return texts.as_json(attrs.evolve(text, heading=f"{name}: {text.heading}") if name else text)


def truth_of(response: Response) -> str:
    """The grade of a response in a word."""
    if response.finish == "error":
        return "failed"
    return "not checked" if response.reason in UNCHECKED else "right" if response.correct else "wrong"


def claim_of(response: Response, tags: TagFormat) -> str:
    """What a response says last about its own answer."""
    claims = [one.verdict for one in tags.parse(response.text).tries if one.verdict is not None]
    return "none" if not claims else "says right" if claims[-1] else "says wrong"


def script(found: dict[str, Any]) -> Markup:
    """The records as the content of a script element: JSON in which no '<' is left."""
    return Markup(json.dumps(found, ensure_ascii=True).replace("<", "\\u003c"))
