"""What the figures of an evaluation cost: `python tests/bench/bench_analysis.py [--responses 100000] [--out docs/measured/analysis.md]`.

A run of Countdown with made-up responses, as the tag format writes them: some attempts with their reflections, in about 2,000
characters. Then commands that read all of them, each in a process of its own; the memory is the most that it ever held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config, EvaluateSettings
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.run import Run, start_run
from skillfactory_core.stages.grade import grade_text
from skillfactory_core.stages.problems import make_problems, variants_of
from skillfactory_core.tags import TagFormat

SF = Path(sys.executable).with_name("sf")
WORDS = ["".join(Random(n).choices("etaoinshrdlu", k=n % 7 + 2)) for n in range(400)]
PER_PROBLEM = 4
PAGE = """\
# What the figures of an evaluation cost

`python tests/bench/bench_analysis.py` on {cores} cores, {day}; the load of the machine was {load:.1f}. A run of Countdown with
{responses:,} made-up responses of {characters:,.0f} characters on average, {methods} methods at {exams} difficulties: each
response shows {answers:.1f} attempts with their reflections, and every attempt is parsed, graded and searched for loops.

| command | seconds | of which on a processor | most memory, MB |
| --- | --- | --- | --- |
{rows}

Asked for are 60 s and 1,000 MB for `sf results` at 100,000 responses.
"""


@attrs.frozen
class Took:
    """What one command took."""

    seconds: float
    busy: float
    "seconds on a processor: what it would take on a machine that does nothing else"
    memory: float
    "MB"
    out: str


def command(*args: str | Path) -> Took:
    """`sf` in a process of its own."""
    begin = time.time()
    process = subprocess.Popen([SF, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, said = process.stdout, process.stderr
    assert out is not None and said is not None
    written = out.read()
    errors = said.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(errors)
    return Took(time.time() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, written)


def prose(random: Random, length: int) -> str:
    """Words with sums among them, about so many characters."""
    said = []
    while length > 0:
        said.append(
            random.choice(WORDS) if random.random() < 0.7 else f"{random.randint(1, 99)} + {random.randint(1, 99)}"
        )
        length -= len(said[-1]) + 1
    return " ".join(said)


def text_of(random: Random, problem: Problem, reference: str, tags: TagFormat) -> str:
    """A response with one to seven attempts; three of ten attempts are right."""
    tries = random.randint(1, 7)
    blocks = []
    answer = ""
    for _ in range(tries):
        right = random.random() < 0.3
        numbers = problem.params["numbers"]
        answer = reference if right else f"{random.choice(numbers)} + {random.choice(numbers)}"
        claim = tags.correct if right == (random.random() < 0.9) else tags.incorrect
        blocks.append(
            f"<{tags.attempt}>{prose(random, 1100 // tries)}. <{tags.answer}>{answer}</{tags.answer}></{tags.attempt}>\n"
            f"<{tags.reflection}>{prose(random, 700 // tries)}. <{tags.verdict}>{claim}</{tags.verdict}></{tags.reflection}>\n"
        )
    inside = "Once more.\n".join(blocks)
    return f"<{tags.think}>\n{inside}</{tags.think}>\nSo this is it.\n<{tags.answer}>{answer}</{tags.answer}>"


def responses_to(problems: list[Problem], method: str, exam: str, task: Any, tags: TagFormat) -> Iterator[Response]:
    for problem in problems:
        reference = task.reference(problem.params)
        for k in range(PER_PROBLEM):
            key = f"{method}/{problem.key}/{k}"
            text = text_of(Random(key), problem, reference, tags)
            grade = grade_text(task, problem, text, tags, final=True)
            yield Response(
                key,
                method,
                exam,
                problem.key,
                k,
                text,
                len(text) // 4,
                "stop",
                grade.correct,
                grade.answer,
                grade.reason,
            )


def fill(folder: Path, responses: int) -> Run:
    """A run with that many responses, and nothing but its evaluation."""
    config = Config(task="countdown")
    tables = len(config.arms) * len(variants_of(config))
    each = max(1, round(responses / tables / PER_PROBLEM))
    run = start_run(folder, attrs.evolve(config, evaluate=EvaluateSettings(problems=each)))
    make_problems(run, ("evaluation",))
    tags: TagFormat = registry.find_tags(config.tags)
    for method in config.arms:
        for exam, task in variants_of(run.config).items():
            for number in run.problems("evaluation", exam).parts():
                problems = run.problems("evaluation", exam).read(number)
                run.responses(method, exam).finish(number, list(responses_to(problems, method, exam, task, tags)))
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = fill(Path(place) / "it", arguments.responses)
        load = os.getloadavg()[0]
        took = {name: command(name, run.folder, "--json") for name in ("results", "compare")}
        figures = figures_of(run, json.loads(took["results"].out))
    rows = []
    for name, each in took.items():
        rows.append(f"| `sf {name}` | {each.seconds:.1f} | {each.busy:.1f} | {each.memory:.0f} |")
    day = date.today().isoformat()
    text = PAGE.format(cores=os.cpu_count(), day=day, load=load, rows="\n".join(rows), **figures)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def figures_of(run: Run, summary: Mapping[str, Any]) -> dict[str, float]:
    """What was read, to check that it was, and to say how much it is."""
    entries = [figures for by_variant in summary["methods"].values() for figures in by_variant.values()]
    tables = [run.responses(method, exam) for method in summary["methods"] for exam in summary["variants"]]
    count = sum(figures["n"] for figures in entries)
    assert count == sum(table.count() for table in tables)
    sizes = [len(text) for table in tables for (text,) in table.columns(0, "text")]
    return {
        "responses": count,
        "characters": sum(sizes) / len(sizes),
        "methods": len(summary["methods"]),
        "exams": len(summary["variants"]),
        "answers": sum(figures["answers"] * figures["n"] for figures in entries) / count,
    }


if __name__ == "__main__":
    main()
