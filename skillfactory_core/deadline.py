"""Deadline: a plugin's code that does not come back ends the work with one line, in place of holding it for ever.

Whoever hands a record to plugins does so `with on(key)`, which notes the key where a process beside ours sees it (last_resort.py).
When a note has stood too long, that process sends a signal, and what runs is interrupted: Python code, and C code that asks for
signals, such as `re` and `9**9**9`. Other C code, other threads than the main one and whoever catches everything cannot be
interrupted: then the process is ended. Either way one line says whose code it was and at which record, and the run can go on later.
"""

import atexit
import faulthandler
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import count
from mmap import mmap
from tempfile import TemporaryFile
from threading import get_ident
from traceback import walk_stack
from types import FrameType, TracebackType
from typing import IO

import attrs

from skillfactory_core import last_resort
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.last_resort import HEAD, NOTE, NOTES, SIGNAL, SIZE

SECONDS = 60.0
"that plugins may take over one record, if nothing else is said"
VARIABLE = "SKILLFACTORY_SECONDS"
"in the environment: says otherwise, whatever a run says"
THREAD, NUMBER = struct.calcsize("Q"), struct.calcsize("Q")
PUT, AT = struct.Struct(NOTE.format[1:]), struct.Struct(NOTE.format[2:])
"what changes of a note with each record, and what with each of many that are done as one"
_numbers = count(1)


class Overdue(KeyboardInterrupt):
    """Interrupts a plugin's code. Whoever catches errors and lets Ctrl-C through lets this through."""


class Late(SkillFactoryError):
    """The line about a plugin's code that was interrupted."""


class Note:
    """At which record a thread is. No attrs class: this is done for every record, and has to cost next to nothing."""

    __slots__ = ("at", "key", "keys", "late", "put")

    def __init__(self, memory: mmap | bytearray, offset: int, thread: int) -> None:
        NOTE.pack_into(memory, offset, thread, 0, b"")
        self.put = partial(PUT.pack_into, memory, offset + THREAD)
        self.at = partial(AT.pack_into, memory, offset + THREAD + NUMBER)
        self.key = self.late = ""
        self.keys: list[str] = []

    def __enter__(self) -> "Note":
        self.keys.append(self.key)
        self.put(next(_numbers), self.key.encode("utf-8", "replace"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keys = self.keys
        keys.pop()
        if keys:
            self.put(next(_numbers), keys[-1].encode("utf-8", "replace"))
        else:
            self.put(0, b"")
        if self.late:
            line, self.late = self.late, ""
            raise Late(line) from None


NOBODY: AbstractContextManager[Note] = nullcontext(Note(bytearray(NOTE.size), 0, 0))
"looks at what is noted here"


@attrs.define(eq=False)
class Watch:
    """The board of this process, and the process that looks at it."""

    seconds: float
    main: int = 0
    "the thread that the signal interrupts; 0 where it is not ours to handle"
    notes: dict[int, Note] = attrs.field(factory=dict)
    memory: mmap | None = None
    stacks: IO[bytes] | None = None
    "where faulthandler writes"
    other: "subprocess.Popen[bytes] | None" = None
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def handle(self) -> None:
        """Take the signal, where this is the thread that may and nobody else has it."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(SIGNAL) == signal.SIG_DFL:
            signal.signal(SIGNAL, self.interrupt)
            self.main = get_ident()

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """The main thread stood too long at its record, if it still is there."""
        if self.main not in self.notes or self.memory is None:
            return
        told = HEAD.unpack_from(self.memory)[2:]
        if told in [(number, key) for thread, number, key in last_resort.notes(self.memory) if thread == self.main]:
            stack = [(each.f_code.co_filename, str(line)) for each, line in walk_stack(frame)]
            found = last_resort.find(places(), stack)
            note = self.notes[self.main]
            note.late = note.late or last_resort.said(*found, self.seconds, last_resort.text(told[1]))
            raise Overdue

    def note(self) -> Note:
        """The note of a thread that has none yet; with the first, the watching begins."""
        with self.lock:
            if self.memory is None:
                self.begin()
            assert self.memory is not None
            used, thread = len(self.notes), get_ident()
            # Beyond so many threads nobody looks.
            there = used < NOTES
            note = (
                Note(self.memory, HEAD.size + used * NOTE.size, thread) if there else Note(bytearray(SIZE), 0, thread)
            )
            self.notes[thread] = note
            return note

    def begin(self) -> None:
        with TemporaryFile() as board:
            board.truncate(SIZE)
            self.memory = mmap(board.fileno(), SIZE)
            self.stacks = TemporaryFile()  # noqa: SIM115 - open for as long as faulthandler may write
            self.allow(self.seconds)
            faulthandler.register(SIGNAL, self.stacks, all_threads=True, chain=self.main != 0)
            files = (board.fileno(), self.stacks.fileno())
            told = [str(each) for each in (*files, os.getpid())]
            command = [sys.executable, "-I", "-S", last_resort.__file__, *told, json.dumps(places())]
            # Ctrl-C is for us alone; a process keeps the signals blocked that were when it began.
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.other = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=files
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def allow(self, seconds: float) -> None:
        self.seconds = seconds
        if self.memory is not None:
            HEAD.pack_into(self.memory, 0, seconds, self.main, 0, b"")

    def stop(self) -> None:
        if self.other is not None:
            self.other.kill()
            self.other.wait()
            faulthandler.unregister(SIGNAL)
        if self.stacks is not None:
            self.stacks.close()
        if self.main:
            signal.signal(SIGNAL, signal.SIG_DFL)


_watch: Watch | None = None
_scopes = 0
"how many deadlines we are inside of, those without an end among them"


def on(key: str) -> AbstractContextManager[Note]:
    """Inside, plugins are at work on the record of this key. Inside another one, the time begins anew.

    Where a record takes microseconds, many are done inside one: `at` is called with each one's key, in UTF-8, and when the note is
    `late` nothing more is done, for a plugin may have caught the interruption.
    """
    watch = _watch
    if watch is None:
        return NOBODY
    note = watch.notes.get(get_ident()) or watch.note()
    note.key = key
    return note


@contextmanager
def deadline(seconds: float = SECONDS) -> Iterator[None]:
    """Inside, plugins may take so many seconds over each record; 0: as long as they like."""
    global _watch, _scopes
    outer, seconds = _watch, asked(seconds)
    if outer is not None and seconds:
        before = outer.seconds
        outer.allow(seconds)
        try:
            yield
        finally:
            outer.allow(before)
        return
    own = _watch = Watch(seconds) if seconds else None
    _scopes += 1
    if own is not None:
        own.handle()
    try:
        yield
    finally:
        _watch = outer
        _scopes -= 1
        if own is not None:
            own.stop()


def from_now_on() -> None:
    """The same for as long as this process lives, where nobody has asked for it: for code that others call."""
    global _watch
    seconds = asked(SECONDS) if _watch is None and not _scopes else 0
    if seconds:
        _watch = Watch(seconds)
        _watch.handle()
        atexit.register(_watch.stop)


def asked(seconds: float) -> float:
    """What the environment says, or else this."""
    text = os.environ.get(VARIABLE, "")
    try:
        found = float(text or seconds)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise SkillFactoryError(
            f"{VARIABLE}={text}: give the seconds that plugins may take over one record; 0: for ever"
        )
    return found


def places() -> list[last_resort.Place]:
    """Where the code of other people's plugins is."""
    from skillfactory_core.blame import place_of
    from skillfactory_core.plugins import plugins

    others = [plugin for plugin in plugins().found if not plugin.ours and not plugin.error]
    return [(place_of(plugin), plugin.told(""), plugin.way_out) for plugin in others if place_of(plugin)]


def _forget() -> None:
    """A process that is forked off this one is nobody's to watch: what it notes would stand on our board."""
    global _watch
    _watch = None


os.register_at_fork(after_in_child=_forget)
