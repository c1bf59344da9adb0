"""Ask sympy, through math-verify, whether expressions are equal: in processes that can be killed.

Simplifying what a model wrote may take for ever or all memory, within one call of C code; printing it may, too. So it
happens in a worker process with a memory limit. A worker that does not answer in time is killed and replaced, and
only yes or no comes back. Works from any thread, from asyncio (`asyncio.to_thread`) and in a trainer's reward.

The workers are forked from a process of our own that has imported sympy once (symbolic_worker.py), which takes
milliseconds. Python's own forkserver would import the user's main script again in every worker.
"""

import atexit
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path

import attrs

WORKERS = max(1, min(4, os.cpu_count() or 1))
"processes that work at the same time; more callers wait, and waiting does not count towards the deadline"
REQUESTS = 2_000
"after which a worker is replaced, so that what sympy remembers stays small"
START_SECONDS = 300
WORKER = "skillfactory_tasks.symbolic_worker"
log = logging.getLogger(__name__)
DECIMAL = re.compile(r"(?<![0-9.])([0-9]*)\.([0-9]+)(?![0-9.])")
EXPONENT = re.compile(r"([\^_])([0-9]{2,})")


@attrs.define
class Worker:
    """One process and the line to it."""

    pid: int
    line: Connection
    requests: int = 0

    def kill(self) -> None:
        self.line.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Pool:
    """The workers of this process, and the process that they are forked from."""

    def __init__(self) -> None:
        self.places = threading.BoundedSemaphore(WORKERS)
        self.lock = threading.Lock()
        self.idle: list[Worker] = []
        self.parent: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def ask(self, request: bytes, deadline: float) -> str:
        """ok, wrong, timeout or crash."""
        with self.places:
            try:
                worker = self.take()
            except (OSError, ValueError) as error:
                log.error(
                    "nothing can be checked by sympy: %s does not start (%s); try python -m %s 0", WORKER, error, WORKER
                )
                return "crash"
            try:
                worker.line.send_bytes(request)
                if not worker.line.poll(deadline):
                    worker.kill()
                    return "timeout"
                right = worker.line.recv_bytes(1) == b"1"
            except (OSError, EOFError):
                worker.kill()
                return "crash"
            except BaseException:  # an interrupt: the answer to this request must not meet the next one
                worker.kill()
                raise
            worker.requests += 1
            if worker.requests < REQUESTS:
                with self.lock:
                    self.idle.append(worker)
            else:
                worker.kill()
            return "ok" if right else "wrong"

    def take(self) -> Worker:
        """A worker that is alive: one without work, or a new one."""
        with self.lock:
            while self.idle:
                worker = self.idle.pop()
                if not worker.line.poll(0):  # there is nothing to read from an idle worker, unless it is gone
                    return worker
                worker.kill()
            try:
                return self.fork()
            except (OSError, ValueError):  # the parent is gone: start another
                self.stop()
                return self.fork()

    def fork(self) -> Worker:
        if self.control is None:
            self.start()
        assert self.control is not None
        ours, theirs = socket.socketpair()
        line = Connection(ours.detach())  # closed with the last reference to it
        with theirs:
            socket.send_fds(self.control, [b"w"], [theirs.fileno()])
        return Worker(int(self.control.recv(16)), line)

    def start(self) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(START_SECONDS)
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        with theirs:
            self.parent = subprocess.Popen(
                [sys.executable, "-P", "-m", WORKER, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the keyboard is for us alone
            )

    def stop(self) -> None:
        """End everything; the next request starts anew."""
        for worker in self.idle:
            worker.kill()
        self.idle = []
        if self.control is not None:
            self.control.close()
        if self.parent is not None:
            self.parent.kill()
            self.parent.wait()
        self.parent = self.control = None


_pool = Pool()


def _forget() -> None:
    """In a forked child: the lines belong to the process that opened them."""
    global _pool
    _pool = Pool()


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _pool.stop())


@lru_cache(maxsize=8192)
def compare(golds: Sequence[str], answers: Sequence[str], deadline: float, any_order: bool = False) -> str:
    """Whether each answer equals its gold, or some gold each: ok, wrong, timeout or crash; seconds from dispatch.

    What could not be decided once is not tried again in this process.
    """
    request = {"golds": list(map(exact, golds)), "answers": list(map(exact, answers)), "any_order": any_order}
    return _pool.ask(json.dumps({**request, "deadline": deadline}).encode(), deadline)


def exact(text: str) -> str:
    """Cleaned text as LaTeX in which decimals are fractions, so that nothing is rounded."""
    text = EXPONENT.sub(r"\1{\2}", text)
    return DECIMAL.sub(lambda found: rf"\frac{{{int(found[1] + found[2])}}}{{{10 ** len(found[2])}}}", text)
