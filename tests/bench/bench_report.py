"""What looking at a large run costs: `python tests/bench/bench_report.py [--responses 100000] [--out docs/measured/report.md]`.

A made-up run of Countdown: responses of about 2,000 characters to four difficulties by four methods, and as many attempts, with
two reflections each. Then `sf report`, in a process of its own, the page in headless Chromium, and `sf view`: the first
list, a filter that fits few records, and the last record of the last table. The memory is the most that a process ever held.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1]))
from chromium import PROGRAM, opened

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt, GradedAttempt
from skillfactory_core.config import Config
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run, start_run
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Trace

SF = Path(sys.executable).with_name("sf")
WORDS = "".join(Random(0).choices("etaoinshrdlu     ", k=100_000))
PER_PROBLEM = 4
PAGE = """\
# What looking at a large run costs

`python tests/bench/bench_report.py --responses {wanted}` on {cores} cores, {day}; the load of the machine was {load:.1f}. A made-up
run of Countdown: {responses:,} responses of {characters:,} characters on average, {attempts:,} attempts, {reflections:,} reflections,
{traces:,} traces.

| what | seconds | most memory, MB | megabytes of the page |
| --- | --- | --- | --- |
| `sf results`, whose figures the report has | {results:.1f} | {results_memory:.0f} | |
| `sf report` | {report:.1f} | {report_memory:.0f} | {size:.1f} |
| the page opens in Chromium | {opens} | | |
| `sf view`: start | {start:.2f} | {start_memory:.0f} | |
| `sf view`: first list of responses | {first:.2f} | | |
| `sf view`: right responses of one method that hold a word of theirs | {filtered:.2f} | | |
| `sf view`: the last response of the last table | {last:.2f} | | |
| `sf view`: an attempt that a trace was cut from | {cut:.2f} | {view_memory:.0f} | |
| `sf view`: a search through every response, to the end | {search:.1f} | {search_memory:.0f} | |

Asked for are, at 100,000 responses, a page made in under 20 s that opens in under 2 s and has under 15 MB, and a viewer whose
memory stays flat.
"""


def words(random: Random, count: int) -> str:
    at = random.randrange(len(WORDS) - count)
    return WORDS[at : at + count].strip()


def wrote(random: Random, problem: Problem, tags: TagFormat, right: float) -> tuple[str, bool]:
    """A response of one to five attempts with their reflections, and whether it is right."""
    tries = random.randint(1, 5)
    each = 1900 // (2 * tries) - 60
    said = [f"<{tags.think}>\n"]
    good = False
    for _ in range(tries):
        good = random.random() < right
        numbers = problem.params["numbers"]
        answer = problem.params["solution"] if good else f"{numbers[0]} + {numbers[1]}"
        claim = tags.correct if good == (random.random() < 0.8) else tags.incorrect
        said.append(
            f"<{tags.attempt}>{words(random, each)} <{tags.answer}>{answer}</{tags.answer}></{tags.attempt}>\n"
            f"<{tags.reflection}>{words(random, each)} <{tags.verdict}>{claim}</{tags.verdict}></{tags.reflection}>\n"
        )
    said.append(f"</{tags.think}>\n<{tags.answer}>{answer}</{tags.answer}>")
    return "".join(said), good


def make_run(folder: Path, responses: int) -> Run:
    """The run, as if every stage had been done."""
    run = start_run(folder, Config(task="countdown", prompts="pocket", model="pocket"))
    tags: TagFormat = registry.find_tags(run.config.tags)
    size = run.config.part
    per_table = responses // (len(run.config.arms) * len(variants_of(run.config))) // PER_PROBLEM
    for exam, task in variants_of(run.config).items():
        problems = list(islice(task.problems(0, "evaluation"), per_table))
        for number, start in enumerate(range(0, len(problems), size)):
            some = problems[start : start + size]
            run.problems("evaluation", exam).finish(number, some)
            for skill, method in enumerate(run.config.arms):
                made = [respond(method, exam, p, k, tags, 0.1 + 0.1 * skill) for p in some for k in range(PER_PROBLEM)]
                run.responses(method, exam).finish(number, made)
    attempts = make_attempts(run, responses // 64, tags)
    for stage in ("problems", "sample", "grade", "reflect", "rearrange", "sft"):
        run.record(stage, {"seconds": 1.0, "attempts": attempts} if stage == "sample" else {"seconds": 1.0})
    for method in run.config.arms:
        run.record(f"evaluate-{method}", {"seconds": 1.0})
    return run


def respond(method: str, exam: str, problem: Problem, k: int, tags: TagFormat, right: float) -> Response:
    key = f"{method}/{problem.key}/{k}"
    text, good = wrote(Random(key), problem, tags, right)
    answer = tags.extract(text, final=True)
    reason = "ok" if good else "wrong"
    return Response(key, method, exam, problem.key, k, text, len(text) // 3, "stop", good, answer, reason)


def make_attempts(run: Run, count: int, tags: TagFormat) -> int:
    """Problems with 64 attempts each, two reflections on each of these, and a trace for each problem."""
    task, size = task_of(run.config), run.config.part
    problems = list(islice(task.problems(0, "train"), count))
    for number, start in enumerate(range(0, count, size)):
        attempts, grades, reflections, traces = [], [], [], []
        for problem in problems[start : start + size]:
            random = Random(problem.key)
            pairs = []
            for k in range(64):
                good = k % 3 == 0
                answer = problem.params["solution"] if good else "1 + 1"
                key = f"{problem.key}/p{k % 4}/{k // 4}"
                text = f"{words(random, 500)} <{tags.answer}>{answer}</{tags.answer}>"
                attempt = Attempt(key, problem.key, f"p{k % 4}", k // 4, text, 170, "stop")
                attempts.append(attempt)
                grades.append(GradedAttempt(key, problem.key, good, answer, "ok" if good else "wrong"))
                for at in range(2):
                    claim = good if at else not good
                    word = tags.correct if claim else tags.incorrect
                    critique = f"{words(random, 300)} <{tags.verdict}>{word}</{tags.verdict}>"
                    dropped = "" if at else "untrue"
                    name = f"{key}/check/{at}"
                    made = Reflection(name, key, problem.key, "check", at, critique, 100, "stop", claim, dropped)
                    reflections.append(made)
                    pairs += [Pair(attempt, answer, good, made)] if at else []
            traces.append(trace_of(problem, pairs[1:4], tags))
        for table, made_records in (
            (run.problems("train", task.variant), problems[start : start + size]),
            (run.attempts, attempts),
            (run.grades, grades),
            (run.reflections, reflections),
            (run.traces, traces),
        ):
            table.finish(number, made_records)  # type: ignore[arg-type]
    return count * 64


def trace_of(problem: Problem, pairs: list[Pair], tags: TagFormat) -> Trace:
    from skillfactory_core.skill import Phrase

    phrase = Phrase("Once more.", "generic:1")
    segments = tags.write(pairs, [phrase] * (len(pairs) - 1), phrase, pairs[-1].answer)
    shape = "".join("C" if pair.correct else "I" for pair in pairs)
    return Trace(f"{problem.key}/bench/0", problem.key, "bench", None, problem.question, shape, segments)


def command(*args: str | Path) -> tuple[float, float]:
    """(seconds, MB at most) of `sf` in a process of its own."""
    start = time.monotonic()
    process = subprocess.Popen([SF, *args], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"sf {' '.join(map(str, args))} ended with {status}")
    return time.monotonic() - start, used.ru_maxrss / 1024


@contextmanager
def viewing(run: Run) -> Iterator[tuple[str, int, float]]:
    """(address, process, seconds until it answered) of `sf view`."""
    start = time.monotonic()
    process = subprocess.Popen([SF, "view", run.folder, "--no-open", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://[\d.]+:\d+/", process.stdout.readline())
    assert found is not None
    try:
        yield found[0], process.pid, time.monotonic() - start
    finally:
        process.terminate()
        process.wait()


def memory(process: int) -> float:
    """The most that a process held so far, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def asked(address: str) -> tuple[float, dict]:
    start = time.monotonic()
    with urllib.request.urlopen(address) as reply:
        found = json.load(reply)
    return time.monotonic() - start, found


def measure(folder: Path, responses: int) -> str:
    run = make_run(folder / "large", responses)
    texts = [len(text) for (text,) in run.responses("base", "4").every("text")]
    results, results_memory = command("results", run.folder)
    report, report_memory = command("report", run.folder)
    opens = "no Chromium here"
    if PROGRAM:
        with opened() as page:
            opens = f"{page.open(run.report.as_uri()):.2f}"
    with viewing(run) as (address, process, start):
        start_memory = memory(process)
        first, _ = asked(f"{address}api/list?kind=responses")
        filtered, _ = asked(f"{address}api/list?kind=responses&method=rl-only&grade=right&contains={quote('shrdlu')}")
        table = run.responses(run.config.arms[-1], list(variants_of(run.config))[-1])
        *_, (key,) = table.columns(table.parts()[-1], "key")
        last, found = asked(f"{address}api/record?kind=responses&key={quote(key)}")
        assert found["key"] == key
        source = next(s.source for s in next(iter(run.traces)).segments if s.kind == "attempt")
        cut, found = asked(f"{address}api/record?kind=attempts&key={quote(source)}")
        assert found["key"] == source
        view_memory = memory(process)
        search, query = 0.0, f"{address}api/list?kind=responses&contains=no-such-word"
        page = {"next": ""}
        while page["next"] is not None:
            took, page = asked(f"{query}&from={page['next']}" if page["next"] else query)
            search += took
        search_memory = memory(process)
    return PAGE.format(
        wanted=responses,
        responses=sum(run.responses(m, exam).count() for m in run.config.arms for exam in variants_of(run.config)),
        attempts=run.attempts.count(),
        reflections=run.reflections.count(),
        traces=run.traces.count(),
        characters=sum(texts) // len(texts),
        cores=len(os.sched_getaffinity(0)),
        day=date.today(),
        load=os.getloadavg()[0],
        size=run.report.stat().st_size / 1e6,
        results=results,
        results_memory=results_memory,
        report=report,
        report_memory=report_memory,
        opens=opens,
        start=start,
        start_memory=start_memory,
        first=first,
        filtered=filtered,
        last=last,
        cut=cut,
        view_memory=view_memory,
        search=search,
        search_memory=search_memory,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        written = measure(Path(folder), arguments.responses)
    print(written)
    if arguments.out:
        arguments.out.write_text(written, encoding="utf-8")
