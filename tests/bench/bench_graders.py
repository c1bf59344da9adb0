"""How fast the graders are, against the usual way: `python tests/bench/bench_graders.py [--json]`.

The peer is the grader that everybody writes: a regular expression for the numbers, a set of allowed characters,
then `eval`. Both give a Grade of the same answers, in turn, and the best of many rounds counts, so that the ratio
means something on a busy machine.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from random import Random
from typing import Any

from skillfactory_tasks.countdown import Countdown

from skillfactory_core.attempt import Grade

Graded = tuple[dict[str, Any], str]
Grader = Callable[[dict[str, Any], str], Grade]
ROUNDS = 60
PROBLEMS = 256
GRPO_ANSWERS = 256 * 16


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


def measure() -> dict[str, Any]:
    step = (answers(3, "mixed") * (GRPO_ANSWERS // PROBLEMS))[:GRPO_ANSWERS]
    megabyte = [({"numbers": [3, 7, 25], "target": 46}, "(" * 1_000_000)]
    grade = Countdown().grade
    return {
        "countdown": [compare(numbers, kind) for numbers in (3, 6) for kind in ("right", "mixed")],
        "grpo_step_of_4096_ms": round(1e3 * min(seconds(grade, step) for _ in range(5)), 2),
        "one_megabyte_ms": round(1e3 * min(seconds(grade, megabyte) for _ in range(5)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    figures = measure()
    if parser.parse_args().json:
        print(json.dumps(figures, indent=1))
        return
    for row in figures["countdown"]:
        print(
            f"countdown, {row['numbers']} numbers, {row['answers']:5} answers: {row['ours_per_second']:8,} grades a "
            f"second, {row['ratio']:.2f} x the {row['peer_per_second']:,} of regex + eval"
        )
    print(f"one GRPO step, {GRPO_ANSWERS:,} answers: {figures['grpo_step_of_4096_ms']} ms")
    print(f"one answer of a megabyte: {figures['one_megabyte_ms']} ms")


if __name__ == "__main__":
    main()
