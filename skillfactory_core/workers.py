"""Workers: processes for work that may take for ever, take all memory or crash, and that can be killed.

    workers = Workers("my_package.my_worker", Path(__file__).parents[1])
    reply = workers.ask(b"...", seconds=5)

`python -m my_package.my_worker FD` is a module of yours that imports once what the work needs and ends in
`fork_for_each(int(sys.argv[1]), serve)`; each worker is forked from that process, which takes milliseconds, and `serve(line)`
answers requests until the line closes. (Python's own forkserver would import the user's main script again in every worker.)
Works from any thread, from asyncio (`asyncio.to_thread`) and in a trainer's reward.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import attrs

from skillfactory_core.errors import SkillFactoryError

AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"processes that work at the same time; more callers wait, and waiting does not count towards the seconds"
START_SECONDS = 300


class Lost(Exception):
    """A worker did not reply: 'timeout' or 'crash'. It is killed; the next request gets another one."""


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


class Workers:
    """The workers of this process for one module, and the process that they are forked from."""

    def __init__(self, module: str, root: Path, requests: int = 2_000, environment: Mapping[str, str] | None = None):
        """`root`: the folder that the module's package is in. After so many `requests` a worker is replaced, so that what
        it remembers stays small. Its hash seed is fixed; `environment` is put on top of ours."""
        self.module, self.root, self.requests = module, root, requests
        self.environment = {**(environment or {}), "PYTHONHASHSEED": "0"}
        self._forget()
        _everyone.add(self)

    def _forget(self) -> None:
        """As at the start: in a forked child, the lines belong to the process that opened them."""
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self.lock = threading.Lock()
        self.idle: list[Worker] = []
        self.parent: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The reply to a request, within so many seconds from when a worker takes it; or Lost."""
        with self.places:
            try:
                worker = self._take()
            except (OSError, ValueError) as error:
                raise SkillFactoryError(
                    f"{self.module} does not start ({error}); what is wrong: python -m {self.module} 0"
                ) from error
            try:
                worker.line.send_bytes(request)
                if not worker.line.poll(seconds):
                    raise Lost("timeout")
                reply = worker.line.recv_bytes()
            except (OSError, EOFError) as error:
                worker.kill()
                raise Lost("crash") from error
            except BaseException:  # an interrupt, too: the reply to this request must not meet the next one
                worker.kill()
                raise
            worker.requests += 1
            if worker.requests < self.requests:
                with self.lock:
                    self.idle.append(worker)
            else:
                worker.kill()
            return reply

    def _take(self) -> Worker:
        """A worker that is alive: the one that worked last, or a new one."""
        with self.lock:
            while self.idle:
                worker = self.idle.pop()
                if not worker.line.poll(0):  # there is nothing to read from an idle worker, unless it is gone
                    return worker
                worker.kill()
            try:
                return self._fork()
            except (OSError, ValueError):  # the parent is gone: start another
                self.stop()
                return self._fork()

    def _fork(self) -> Worker:
        if self.control is None:
            self._start()
        assert self.control is not None
        ours, theirs = socket.socketpair()
        line = Connection(ours.detach())  # closed with the last reference to it
        with theirs:
            socket.send_fds(self.control, [b"w"], [theirs.fileno()])
        return Worker(int(self.control.recv(16)), line)

    def _start(self) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(START_SECONDS)
        roots = (str(self.root), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
        with theirs:
            self.parent = subprocess.Popen(
                [sys.executable, "-P", "-m", self.module, str(theirs.fileno())],
                env={**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
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


_everyone: "weakref.WeakSet[Workers]" = weakref.WeakSet()


def _forget() -> None:
    for workers in _everyone:
        workers._forget()


@atexit.register
def _stop() -> None:
    for workers in _everyone:
        workers.stop()


os.register_at_fork(after_in_child=_forget)


def fork_for_each(descriptor: int, serve: Callable[[Connection], object]) -> None:
    """In the process that workers are forked from: fork one for each line that comes, until the socket closes."""
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            serve(Connection(descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])
        control.sendall(str(pid).encode())
