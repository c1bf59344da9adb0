"""The graders of others, run by bench_graders.py in their own environment: rows as JSON come in, times and verdicts go out.

Imports and a first grade of each are not timed.
"""

import contextlib
import io
import json
import logging
import re
import sys
import time


def countdown(rows: list[list]) -> tuple[float, list[bool]]:
    """reasoning-gym's scorer; 1.0 means right."""
    from reasoning_gym.games.countdown import CountdownConfig, CountdownDataset

    score = CountdownDataset(CountdownConfig()).score_answer
    entries = [(answer, {"metadata": {"numbers": numbers, "target": target}}) for numbers, target, answer in rows]
    score(*entries[0])
    start = time.perf_counter()
    verdicts = [score(*entry) == 1.0 for entry in entries]
    return time.perf_counter() - start, verdicts


def math(rows: list[list]) -> tuple[float, list[bool]]:
    """math-verify as its page shows it: parse both, verify, timeouts on. Both are given as formulas, as it asks."""
    from math_verify import parse, verify

    verify(parse("$\\sin x$"), parse("$\\cos x$"))
    wrapped = [
        [f"${gold}$", answer if re.search(r"[$*]|\\\(|\\boxed", answer) else f"${answer}$"] for gold, answer in rows
    ]
    start = time.perf_counter()
    verdicts = [bool(verify(parse(gold), parse(answer))) for gold, answer in wrapped]
    return time.perf_counter() - start, verdicts


if __name__ == "__main__":
    logging.disable()
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        seconds, verdicts = {"countdown": countdown, "math": math}[request["what"]](request["rows"])
    json.dump({"seconds": seconds, "verdicts": verdicts}, sys.stdout)
