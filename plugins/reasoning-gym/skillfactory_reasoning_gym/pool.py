"""Processes in which reasoning-gym works, and which can be killed.

Some of its scorers evaluate an answer as code, and none of them has a limit. So nothing of it runs in this process: workers
with limits of time and memory (worker.py) make problems and score answers. Their hash seed is fixed, for some datasets depend on it.
"""

import json
import time
from pathlib import Path
from typing import Any

from skillfactory_core.workers import START_SECONDS, Lost, Workers

_workers = Workers(
    "skillfactory_reasoning_gym.worker",
    Path(__file__).parents[1],
    requests=5_000,
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)


def ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a worker replies; Lost, with 'timeout' or 'crash', where it does not come back.

    The worker ends itself after `seconds` of computing. What is waited for here is more than that, since a worker may
    first have to open a dataset, and the machine may be busy.
    """
    start = time.monotonic()
    try:
        reply: dict[str, Any] = json.loads(
            _workers.ask(json.dumps({**request, "seconds": seconds}).encode(), START_SECONDS)
        )
    except Lost as lost:
        raise Lost("timeout" if time.monotonic() - start >= seconds else str(lost)) from lost
    return reply
