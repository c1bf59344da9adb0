"""Do work in a child process, and end it when a step hangs or kills the process.

A plugin's code cannot be stopped from within: `9**9**9` holds the interpreter for hours, and a recursion in C ends it.
The child notes each step before it takes it, so the parent can say at which one it was.
"""

import math
import os
import resource
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from mmap import mmap
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from skillfactory_core.errors import SkillFactoryError

T = TypeVar("T")
SIZE = 4096
HEAD = struct.Struct("ddI")
"when the step has to be over, its seconds, and the length of its name"


class Stuck(Exception):
    """The child hung or died; the message says at which step."""


class Board:
    """Where the child notes what it does: memory that both processes see."""

    def __init__(self) -> None:
        self.memory = mmap(-1, SIZE)
        self.note("starting")

    def note(self, step: str, seconds: float = math.inf, start: float | None = None) -> None:
        """The next step, and how long it may take: from now on, or from a start that was."""
        end = (time.monotonic() if start is None else start) + seconds
        text = step.encode("utf-8", "backslashreplace")[: SIZE - HEAD.size]
        self.memory[: HEAD.size + len(text)] = HEAD.pack(end, seconds, len(text)) + text

    def read(self) -> tuple[float, float, str]:
        end, seconds, length = HEAD.unpack(self.memory[: HEAD.size])
        return end, seconds, self.memory[HEAD.size : HEAD.size + length].decode("utf-8", "replace")


def watched(work: Callable[[Board], Iterator[T]]) -> Iterator[T]:
    """What `work` yields in a child process; Stuck when a step takes too long or ends the process."""
    board = Board()
    ours, theirs = Pipe(duplex=False)
    child = get_context("fork").Process(target=do, args=(work, board, theirs))
    child.start()
    theirs.close()
    try:
        while True:
            ready = wait([ours, child.sentinel], timeout=0.1)
            if ours in ready:
                with suppress(EOFError):
                    kind, what = ours.recv()
                    if kind == "over":
                        return
                    if kind == "raised":
                        raise what
                    yield what
                    continue
            end, seconds, step = board.read()
            if ready:
                raise Stuck(f"{step} ended the process ({ending(child)})")
            if time.monotonic() > end:
                raise Stuck(f"{step} did not come back in {seconds:g} s")
    finally:
        ending(child)
        ours.close()


def ending(child: BaseProcess) -> str:
    """How a child ended; one that did not, and whatever it started, is killed."""
    assert child.pid is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.join()
    code = child.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def do(work: Callable[[Board], Iterator[T]], board: Board, line: Connection) -> None:
    """The child: a group of its own, so that its own children end with it; what it prints goes to standard error."""
    os.setsid()
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for piece in work(board):
            line.send(("gave", piece))
    except SkillFactoryError as error:
        line.send(("raised", error))
    else:
        line.send(("over", None))
