"""How fast the graders are, against those of others: `python tests/bench/bench_graders.py [--json] [--docs]`.

Countdown is measured against the grader that everybody writes (a regular expression for the numbers, a set of allowed
characters, then `eval`) and against reasoning-gym's scorer; mathematics against math-verify. The peers are installed
from PyPI into an environment of their own (.venv-peers, from peers.txt). All give a verdict on the same answers, in turn,
in one run, and the best of several rounds counts, so that the ratios mean something on a busy machine. `--docs` writes
docs/measured/graders.md and, with every pair on which math-verify and we differ, docs/measured/math-disagreements.md.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt, Grade
from skillfactory_core.deadline import SECONDS, deadline
from skillfactory_core.problem import Problem
from skillfactory_core.stages.grade import grade_attempts
from skillfactory_tasks import equivalence, symbolic
from skillfactory_tasks.acronym import Acronym
from skillfactory_tasks.countdown import Countdown
from skillfactory_tasks.csqa import Csqa
from skillfactory_tasks.gsm8k import Gsm8k
from skillfactory_tasks.letter_countdown import LetterCountdown
from skillfactory_tasks.math import Math
from skillfactory_tasks.multiplication import Multiplication

Graded = tuple[dict[str, Any], str]
Grader = Callable[[dict[str, Any], str], Grade]
ROUNDS = 60
PROBLEMS = 256
GRPO_ANSWERS = 256 * 16
MATH_ROUNDS = 3
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ROOT / ".venv-peers"
TABLES = HERE.parent / "cases"
DOCS = ROOT / "docs/measured"
MEGABYTE_UNITS = ("(", "9", " ", "**", "<answer>", "\\text{", "the answer is ", "\u2028")


def peer(params: dict[str, Any], answer: str) -> Grade:
    try:
        used = [int(n) for n in re.findall(r"\d+", answer)]
        if sorted(used) != sorted(params["numbers"]):
            return Grade(False, answer, "wrong")
        if not re.match(r"^[\d+\-*/().\s]+$", answer):
            return Grade(False, answer, "unparsable")
        result = eval(answer, {"__builtins__": None}, {})  # noqa: S307 - the peer that we are measured against
        right = abs(result - params["target"]) < 1e-5
        return Grade(right, answer, "ok" if right else "wrong")
    except Exception:  # noqa: BLE001 - as the peer does
        return Grade(False, answer, "unparsable")


def answers(numbers: int, kind: str) -> list[Graded]:
    """Problems with an answer each: right ones, or as a model under training writes them, half of them wrong."""
    random, task = Random(0), Countdown(numbers=numbers)
    rows = []
    for index in range(PROBLEMS):
        params = task.make(random)
        answer = params["solution"]
        if kind == "mixed" and index % 4 == 0:
            answer = re.sub(r"[-+*/]", lambda _: random.choice("+-*"), answer)
        if kind == "mixed" and index % 4 == 2:
            answer = re.sub(r"\d+", str(random.randint(1, 99)), answer, count=random.randint(1, numbers))
        rows.append((params, answer))
    return rows


def seconds(grade: Grader, rows: list[Graded]) -> float:
    start = time.perf_counter()
    for params, answer in rows:
        grade(params, answer)
    return time.perf_counter() - start


def compare(numbers: int, kind: str) -> dict[str, Any]:
    """Grades per second of ours and of the peer, measured in turn."""
    rows, ours = answers(numbers, kind), Countdown(numbers=numbers).grade
    disagreements = [row for row in rows if ours(*row).correct != peer(*row).correct]
    assert not disagreements, disagreements[:3]
    turns = [(seconds(ours, rows), seconds(peer, rows)) for _ in range(ROUNDS)]
    fast, slow = (PROBLEMS / min(column) for column in zip(*turns, strict=True))
    return {
        "numbers": numbers,
        "answers": kind,
        "ours_per_second": round(fast),
        "peer_per_second": round(slow),
        "ratio": round(fast / slow, 2),
    }


def peer_python() -> Path:
    """The interpreter of the peers' environment, which is made where it is missing."""
    python = PEERS / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "peers.txt")], check=True)
    return python


def peer_verdicts(what: str, rows: list[list[Any]]) -> tuple[float, list[bool]]:
    """Seconds and verdicts of a peer, in a process of its own."""
    request = json.dumps({"what": what, "rows": rows})
    run = subprocess.run(
        [str(peer_python()), str(HERE / "peers.py")], input=request, capture_output=True, text=True, check=True
    )
    reply = json.loads(run.stdout)
    return reply["seconds"], reply["verdicts"]


def compare_reasoning_gym(numbers: int) -> dict[str, Any]:
    """Right answers only: on others its rules differ (all numbers have to be used)."""
    rows = answers(numbers, "right")
    asked = [[params["numbers"], params["target"], answer] for params, answer in rows]
    grade = Countdown(numbers=numbers).grade
    turns = [(seconds(grade, rows), *peer_verdicts("countdown", asked)) for _ in range(3)]
    fast, slow = (PROBLEMS / min(turn[column] for turn in turns) for column in (0, 1))
    return {
        "numbers": numbers,
        "ours_per_second": round(fast),
        "peer_per_second": round(slow),
        "ratio": round(fast / slow, 1),
        "right_answers_that_the_peer_refuses": turns[0][2].count(False),
    }


def our_math(pairs: list[dict[str, Any]]) -> tuple[float, list[str], int]:
    """Seconds, reasons, and how many pairs went to sympy; with nothing remembered and one fresh worker."""
    symbolic._pool.stop()
    symbolic.compare.cache_clear()
    equivalence.read.cache_clear()
    symbolic.compare((r"\sin x",), (r"\cos x",), 60)  # starts the worker, as the peer's import is not timed either
    grade = Math().grade
    start = time.perf_counter()
    reasons = [grade({"answer": pair["gold"]}, pair["answer"]).reason for pair in pairs]
    return time.perf_counter() - start, reasons, symbolic.compare.cache_info().misses - 1


def compare_math() -> dict[str, Any]:
    pairs = [json.loads(line) for line in (TABLES / "math_pairs.jsonl").open(encoding="utf-8")]
    asked = [[pair["gold"], pair["answer"]] for pair in pairs]
    turns = [(our_math(pairs), peer_verdicts("math", asked)) for _ in range(MATH_ROUNDS)]
    ours, theirs = min(turn[0][0] for turn in turns), min(turn[1][0] for turn in turns)
    (_, reasons, asked_sympy), (_, verdicts) = turns[0]
    exact = [pair for pair in pairs if pair["kind"] != "function"]
    rows = [
        {**pair, "ours": reason, "theirs": verdict}
        for pair, reason, verdict in zip(pairs, reasons, verdicts, strict=True)
        if (reason == "ok") != verdict or (reason == "ok") != pair["equal"]
    ]
    return {
        "pairs": len(pairs),
        "kinds": dict(Counter(pair["kind"] for pair in pairs)),
        "ours_per_second": round(len(pairs) / ours),
        "peer_per_second": round(len(pairs) / theirs),
        "ratio": round(theirs / ours, 1),
        "asked_sympy": asked_sympy,
        "ours_without_functions_per_second": round(len(exact) / min(our_math(exact)[0] for _ in range(MATH_ROUNDS))),
        "ours_mistaken": sum((reason == "ok") != pair["equal"] for pair, reason in zip(pairs, reasons, strict=True)),
        "peer_mistaken": sum(verdict != pair["equal"] for pair, verdict in zip(pairs, verdicts, strict=True)),
        "disagreements": rows,
    }


def compare_watched() -> dict[str, Any]:
    """Attempts graded as the stage does it, with a deadline for each and without, in turn."""
    task, tags = Countdown(numbers=6), registry.find_tags("sample-reflect")
    rows = []
    for index, (params, answer) in enumerate(answers(6, "mixed")):
        key = f"countdown/6/train/{index}"
        problem = Problem(key, "countdown", "6", "train", index, params, "", "")
        text = f"Trying this. <answer>{answer}</answer>"
        rows.append((problem, Attempt(f"{key}/original/0", key, "original", 0, text, 0, "stop")))

    def took(limit: float) -> float:
        with deadline(limit):
            grade_attempts(task, rows[:1], tags)
            start = time.perf_counter()
            grade_attempts(task, rows, tags)
            return time.perf_counter() - start

    turns = [(took(SECONDS), took(0)) for _ in range(ROUNDS)]
    watched, alone = (PROBLEMS / min(column) for column in zip(*turns, strict=True))
    return {"per_second": round(watched), "alone_per_second": round(alone), "ratio": round(watched / alone, 3)}


def table_speed() -> dict[str, dict[str, float]]:
    """Grades per second on the tables of cases, and the slowest megabyte, for the other tasks."""
    speeds = {}
    for task in (Multiplication(), LetterCountdown(), Acronym(), Gsm8k(), Csqa(), Math()):
        rows = [json.loads(line) for line in (TABLES / f"{task.name}.jsonl").open(encoding="utf-8")]
        graded = [(row, row["submitted"]) for row in rows if len(row["submitted"]) < 100]
        seconds(task.grade, graded)
        large = [[(rows[0], (unit * 1_000_000)[:1_000_000])] for unit in MEGABYTE_UNITS]
        speeds[task.name] = {
            "per_second": round(len(graded) / min(seconds(task.grade, graded) for _ in range(5))),
            "one_megabyte_ms": round(1e3 * max(min(seconds(task.grade, row) for _ in range(3)) for row in large), 4),
        }
    return speeds


def measure() -> dict[str, Any]:
    step = (answers(3, "mixed") * (GRPO_ANSWERS // PROBLEMS))[:GRPO_ANSWERS]
    megabyte = [({"numbers": [3, 7, 25], "target": 46}, "(" * 1_000_000)]
    grade = Countdown().grade
    return {
        "countdown": [compare(numbers, kind) for numbers in (3, 6) for kind in ("right", "mixed")],
        "grpo_step_of_4096_ms": round(1e3 * min(seconds(grade, step) for _ in range(5)), 2),
        "one_megabyte_ms": round(1e3 * min(seconds(grade, megabyte) for _ in range(5)), 4),
        "reasoning_gym": [compare_reasoning_gym(numbers) for numbers in (3, 6)],
        "math": compare_math(),
        "watched": compare_watched(),
        "tasks": table_speed(),
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures in words."""
    said = [
        f"countdown, {row['numbers']} numbers, {row['answers']} answers: {row['ours_per_second']:,} grades a second, "
        f"{row['ratio']:.2f} x the {row['peer_per_second']:,} of regex + eval"
        for row in figures["countdown"]
    ]
    said += [
        f"countdown, {row['numbers']} numbers, right answers: {row['ours_per_second']:,} grades a second, {row['ratio']:,.0f} x the "
        f"{row['peer_per_second']:,} of reasoning-gym, which refuses {row['right_answers_that_the_peer_refuses']} of {PROBLEMS}"
        for row in figures["reasoning_gym"]
    ]
    said += [
        f"one GRPO step, {GRPO_ANSWERS:,} answers: {figures['grpo_step_of_4096_ms']} ms",
        f"countdown, one answer of a megabyte: {figures['one_megabyte_ms']} ms",
    ]
    math, watched = figures["math"], figures["watched"]
    said += [
        (
            f"countdown, 6 numbers, attempts graded with a deadline for each: {watched['per_second']:,} a second, "
            f"{watched['ratio']:.3f} x the {watched['alone_per_second']:,} without"
        ),
        (
            f"math, {math['pairs']} mixed pairs: {math['ours_per_second']:,} grades a second, {math['ratio']} x the "
            f"{math['peer_per_second']:,} of math-verify; {math['asked_sympy']} pairs went to sympy, and without the pairs of functions "
            f"it is {math['ours_without_functions_per_second']:,} a second"
        ),
        f"math, pairs on which the verdict is mistaken: {math['ours_mistaken']} of ours, {math['peer_mistaken']} of math-verify's",
    ]
    said += [
        f"{name}: {speed['per_second']:,} grades a second on its table of cases, all remembered by earlier rounds; the slowest "
        f"megabyte takes {speed['one_megabyte_ms']} ms"
        if name == "math"
        else f"{name}: {speed['per_second']:,} grades a second on its table of cases; the slowest megabyte takes "
        f"{speed['one_megabyte_ms']} ms"
        for name, speed in figures["tasks"].items()
    ]
    return said


def write_docs(figures: dict[str, Any]) -> None:
    command = "`python tests/bench/bench_graders.py --docs`"
    machine = f"{platform.machine()}, Python {platform.python_version()}, one run; trust the ratios, not the rates"
    listed = "".join(f"- {line}\n" for line in lines(figures))
    (DOCS / "graders.md").write_text(
        f"# Speed of the graders\n\nWritten by {command} ({machine}).\n\n{listed}", encoding="utf-8"
    )
    math = figures["math"]
    cell = lambda text: f"`{text}`".replace("|", "\\|")  # noqa: E731
    rows = "".join(
        f"| {row['kind']} | {cell(row['gold'])} | {cell(row['answer'])} | {'equal' if row['equal'] else 'different'} | {row['ours']} | "
        f"{'equal' if row['theirs'] else 'different'} |\n"
        for row in math["disagreements"]
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in math["kinds"].items())
    notes = (HERE / "math_disagreements_reviewed.md").read_text(encoding="utf-8")
    (DOCS / "math-disagreements.md").write_text(
        f"# Where math-verify and we differ\n\nWritten by {command}: {math['pairs']} pairs ({kinds}), of which each is equal or "
        f"different because it was made so (tests/bench/make_math_pairs.py). {len(math['disagreements'])} pairs have verdicts that "
        f"differ, or a verdict of ours that is mistaken ({math['ours_mistaken']}).\n\n{notes}\n"
        f"| kind | gold | answer | in truth | ours | math-verify |\n| --- | --- | --- | --- | --- | --- |\n{rows}",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--docs", action="store_true", help="write the pages in docs/measured")
    options = parser.parse_args()
    figures = measure()
    if options.docs:
        write_docs(figures)
    print(json.dumps(figures, indent=1) if options.json else "\n".join(lines(figures)))


if __name__ == "__main__":
    main()
