"""Ask sympy, through math-verify, whether expressions are equal: in processes that can be killed.

Simplifying what a model wrote may take for ever or all memory, within one call of C code; printing it may, too. So it
happens in a worker with a memory limit (symbolic_worker.py). One that does not answer in time is killed and replaced, and
only yes or no comes back.
"""

import json
import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.workers import Lost, Workers

log = logging.getLogger(__name__)
DECIMAL = re.compile(r"(?<![0-9.])([0-9]*)\.([0-9]+)(?![0-9.])")
EXPONENT = re.compile(r"([\^_])([0-9]{2,})")
_workers = Workers("skillfactory_tasks.symbolic_worker", Path(__file__).parents[1])


@lru_cache(maxsize=8192)
def compare(golds: Sequence[str], answers: Sequence[str], deadline: float, any_order: bool = False) -> str:
    """Whether each answer equals its gold, or some gold each: ok, wrong, timeout or crash; seconds from dispatch.

    What could not be decided once is not tried again in this process.
    """
    request = {"golds": list(map(exact, golds)), "answers": list(map(exact, answers)), "any_order": any_order}
    try:
        reply = _workers.ask(json.dumps({**request, "deadline": deadline}).encode(), deadline)
    except Lost as lost:
        return str(lost)
    except SkillFactoryError as error:
        log.error("nothing can be checked by sympy: %s", error)
        return "crash"
    return "ok" if reply == b"1" else "wrong"


def exact(text: str) -> str:
    """Cleaned text as LaTeX in which decimals are fractions, so that nothing is rounded."""
    text = EXPONENT.sub(r"\1{\2}", text)
    return DECIMAL.sub(lambda found: rf"\frac{{{int(found[1] + found[2])}}}{{{10 ** len(found[2])}}}", text)
