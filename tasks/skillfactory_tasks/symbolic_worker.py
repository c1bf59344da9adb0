"""The process in which sympy works: `python -m skillfactory_tasks.symbolic_worker FD`, started by symbolic.py.

It imports math-verify once and forks a worker for each socket that it is sent. It ends when its own socket closes.
"""

import contextlib
import json
import logging
import os
import re
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from skillfactory_core.workers import fork_for_each

MEMORY = 1 << 30
"bytes of address space a worker may have"
LONG = re.compile(r"[0-9]{50}")
WARM_UP = (
    r"\frac{\sqrt{2}}{2}",
    r"x^{2}+2x+1=0",
    r"(1,2] \cup \{3,4\}",
    r"\sin x+\log_{2} 8",
    r"1 \le x<5",
    r"e^{i \pi}+5!",
)
"parsed before the first fork: what that fills, every worker has"


def parsed(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    return list(
        parse(
            f"${text}$",
            [LatexExtractionConfig()],
            "no_fallback",
            "first_match",
            parsing_timeout=None,
            raise_on_error=True,
        )
    )


def equal(gold: str, answer: str) -> bool:
    from math_verify import verify

    right, given = parsed(gold), parsed(answer)
    if not right or not given:
        return False
    # More digits than a rounded number in the answer can have, so there is no tolerance; sums take long with 600.
    digits = 600 if LONG.search(gold + answer) else 100
    options = {"strict": True, "allow_set_relation_comp": True, "timeout_seconds": None, "raise_on_error": True}
    return bool(verify(right, given, digits, digits, **options))


def decide(request: dict[str, Any]) -> bool:
    """All golds have their answer: the one at the same place, or any that is left."""
    golds, left = request["golds"], request["answers"]
    if not request["any_order"]:
        return all(map(equal, golds, left))
    for gold in golds:
        twin = next((answer for answer in left if equal(gold, answer)), None)
        if twin is None:
            return False
        left.remove(twin)
    return not left


def serve(line: Connection) -> None:
    """Answer requests until the line closes."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limit on this system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        try:
            request = json.loads(line.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
        # The caller kills; the alarm is for the case that the caller itself was killed.
        signal.setitimer(signal.ITIMER_REAL, 2 * request["deadline"] + 1)
        try:
            right = decide(request)
        except MemoryError:
            os._exit(1)
        except Exception:  # noqa: BLE001 - what sympy cannot compare is not shown to be equal
            right = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        line.send_bytes(b"1" if right else b"0")


def main() -> None:
    logging.disable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for text in WARM_UP:
        equal(text, text)
    fork_for_each(int(sys.argv[1]), serve)


if __name__ == "__main__":
    main()
