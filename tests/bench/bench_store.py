"""What the record store costs: `python tests/bench/bench_store.py [--most 1000000] [--out docs/measured/store.md]`.

The command `sf sample` with an engine that answers at once, so that all of the time is ours: problems read, prompts written,
seeds drawn, every generation a line on disk before the next is asked for, parts written. Then the same command on a finished
run, and on one whose last part is gone: how long until it asks for the first thing that is missing. Every command is
a process of its own; the memory is the most that it ever held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from random import Random

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.run import open_run

SF = Path(sys.executable).with_name("sf")
PER_PROBLEM = 64
SIZES = (10_000, 100_000, 1_000_000)
ASKED = "BENCH_STORE_ASKED"
"names the file that gets the moment of the first request"
WORDS = "".join(Random(0).choices("etaoinshrdlu     ", k=100_000))
PAGE = """\
# What the record store costs

`python tests/bench/bench_store.py` on {cores} cores, {day}; the load of the machine was {load:.1f}. `sf sample` with an engine that
answers at once, with texts of 600 characters: every generation is a line on disk before the next is asked for.

| generations | seconds | generations a second | most memory, MB | finished run: whole command, s | last part gone: first request after, s |
| --- | --- | --- | --- | --- | --- |
{rows}

Seconds are those of the whole command; the rate is that of the stage, without the start of Python ({start:.2f} s).
Asked for are 20,000 generations a second, flat memory, and a start in under 5 s where 1,000,000 are done.
"""


class Instant(Engine):
    """Answers at once."""

    name = "instant"
    summary = "answers at once"

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        asked = Path(os.environ[ASKED])
        if not asked.exists():
            asked.write_text(str(time.time()), encoding="ascii")
        for request in requests:
            at = request.seed % (len(WORDS) - 600)
            yield Generation(request.key, WORDS[at : at + 600], 150, "stop")


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [Instant]


@attrs.frozen
class Took:
    """What one command took."""

    seconds: float
    memory: float
    "MB"
    asked: float | None
    "seconds until it asked for something"


def command(*args: str | Path) -> Took:
    """`sf` with the engine, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked"
        begin = time.time()
        process = subprocess.Popen(
            [SF, "-p", __file__, *args],
            env={**os.environ, ASKED: str(asked)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        took = time.time() - begin
        if status:
            raise SystemExit(said)
        return Took(took, usage.ru_maxrss / 1000, float(asked.read_text()) - begin if asked.exists() else None)


def measure(runs: Path, size: int) -> dict[str, float]:
    name = str(size)
    problems = max(1, round(size / PER_PROBLEM))
    sizes = ("-s", f"sample.problems={problems}", "-s", "sample.attempts=16")
    numbers = ("-s", "task_options.largest=99", "-s", "task_options.largest_target=999")
    start = ("run", "--task", "countdown", "--engine", "instant", "--name", name, "--runs", runs, *numbers)
    command(*start, *sizes, "--until", "problems")
    run = open_run(runs / name)
    first = command("sample", runs / name)
    assert run.attempts.count() == problems * PER_PROBLEM and first.asked is not None
    again = command("sample", runs / name)
    assert again.asked is None
    run.attempts.part(run.attempts.parts()[-1]).unlink()
    rest = command("sample", runs / name)
    assert run.attempts.count() == problems * PER_PROBLEM and rest.asked is not None
    return {
        "generations": problems * PER_PROBLEM,
        "seconds": first.seconds,
        "rate": problems * PER_PROBLEM / (first.seconds - first.asked),
        "memory": first.memory,
        "finished": again.seconds,
        "rest": rest.asked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the largest size")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    start = min(command("--help").seconds for _ in range(3))
    rows = []
    for size in (size for size in SIZES if size <= arguments.most):
        with tempfile.TemporaryDirectory() as runs:
            found = measure(Path(runs), size)
        print(json.dumps(found), flush=True)
        rows.append(
            f"| {found['generations']:,} | {found['seconds']:.2f} | {found['rate']:,.0f} | {found['memory']:.0f} "
            f"| {found['finished']:.2f} | {found['rest']:.2f} |"
        )
    day = date.today().isoformat()
    text = PAGE.format(cores=os.cpu_count(), day=day, load=load, rows="\n".join(rows), start=start)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
