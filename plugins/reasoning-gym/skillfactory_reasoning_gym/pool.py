"""Processes in which reasoning-gym works, and which can be killed.

Some of its scorers evaluate an answer as code, and none of them has a limit. So nothing of it runs in this process: workers
with limits of time and memory make problems and score answers. Their hash seed is fixed, for some datasets depend on it. The
form is that of skillfactory_tasks.symbolic: a parent that has imported reasoning-gym once forks them, which takes milliseconds.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError

WORKERS = max(1, min(4, os.cpu_count() or 1))
"processes that work at the same time; more callers wait"
REQUESTS = 5_000
"after which a worker is replaced, so that what it remembers stays small"
START_SECONDS = 300
MODULE = "skillfactory_reasoning_gym.worker"


class Lost(Exception):
    """The worker did not come back: 'timeout' or 'crash'."""


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

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The reply; Lost where there is none. The worker ends itself after `seconds` of computing time; what is waited
        for here is more than that, since a worker may first have to open a dataset, and the machine may be busy."""
        with self.places:
            try:
                worker = self.take()
            except (OSError, ValueError) as error:
                raise SkillFactoryError(
                    f"reasoning-gym does not start ({error}); what is wrong: python -m {MODULE} 0"
                ) from error
            start = time.monotonic()
            try:
                worker.line.send_bytes(json.dumps({**request, "seconds": seconds}).encode())
                if not worker.line.poll(START_SECONDS):
                    raise Lost("timeout")
                reply: dict[str, Any] = json.loads(worker.line.recv_bytes())
            except (OSError, EOFError) as error:
                worker.kill()
                raise Lost("timeout" if time.monotonic() - start >= seconds else "crash") from error
            except BaseException:  # an interrupt: the reply to this request must not meet the next one
                worker.kill()
                raise
            worker.requests += 1
            if worker.requests < REQUESTS and not reply.get("last"):
                with self.lock:
                    self.idle.append(worker)
            else:
                worker.kill()
            return reply

    def take(self) -> Worker:
        """A worker that is alive: the one that worked last, which has its dataset open, or a new one."""
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
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self.parent = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, str(theirs.fileno())],
                env={**os.environ, **threads, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
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


def ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a worker replies; Lost, with 'timeout' or 'crash', where it does not come back."""
    return _pool.ask(request, seconds)
