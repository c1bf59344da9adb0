"""What belongs to the whole process, and what a plugin has to leave as it is: a change is noticed, put back and named."""

import locale
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD, signal.SIGPIPE)
"those that somebody handles, here or in the libraries of engines and trainers"


def working_directory() -> str:
    """Where the process is; empty where that folder is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def enter(folder: str) -> None:
    with suppress(OSError):
        os.chdir(folder)


def handle(handlers: Mapping[signal.Signals, Any]) -> None:
    """Set handlers; those that Python did not set it cannot set again, and only the main thread may set any."""
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


def search(folders: list[str]) -> None:
    """Look in these first; what was added comes last, where it stands in for nobody's modules."""
    sys.path[:] = [*folders, *(folder for folder in sys.path if folder not in folders)]


PARTS: Mapping[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "the working directory": (working_directory, enter),
    "sys.path": (lambda: list(sys.path), search),
    "signal handlers": (lambda: {number: signal.getsignal(number) for number in SIGNALS}, handle),
    "the locale": (lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    "the random seed": (random.getstate, random.setstate),
}
"what -> how it is read and how it is set"


@contextmanager
def left_alone() -> Iterator[list[str]]:
    """Whatever changes inside is put back; the list says afterwards what that was."""
    before = {part: read() for part, (read, _) in PARTS.items()}
    changed: list[str] = []
    try:
        yield changed
    finally:
        for part, (read, write) in PARTS.items():
            if read() != before[part]:
                write(before[part])
                changed.append(part)
