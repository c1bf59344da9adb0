"""The last resort: a process beside ours that ends us when a plugin's code neither comes back nor can be interrupted.

It is run as a file, by itself: it starts fast and takes little memory, for it imports nothing of ours. On a board, memory that both
processes see, each thread of ours notes at which record it is. A note that stands too long gets us a signal. If that does not help, or
it is no note of the thread that signals reach, this process says what ours cannot say any more, and kills it.
"""

import json
import os
import re
import signal
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from mmap import mmap
from pathlib import Path

HEAD = struct.Struct("dQQ200s")
"seconds that a note may stand; the thread that can be interrupted, or 0; number and key of the note that stood too long"
NOTE = struct.Struct("QQ200s")
"the thread; the number of the note, or 0 where the thread is at no record; the record's key"
NOTES = 64
SIZE = HEAD.size + NOTES * NOTE.size
SIGNAL = signal.SIGURG
"one that does nothing to a process that does not expect it"
LOOK_EVERY = 0.25
GRACE = 3.0
"seconds in which an interrupted call has to be over"
Place = tuple[str, str, str]
"(file or folder of a plugin, how a line begins that is about it, how to go on without it)"
UNKNOWN = ("", "", "look at that record, and tell its author")


def said(place: Place, where: str, seconds: float, key: str) -> str:
    """The line about a call that did not come back."""
    _, who, way_out = place
    longer = "SKILLFACTORY_SECONDS=600 waits longer, SKILLFACTORY_SECONDS=0 for ever"
    return f"{who}no answer in {seconds:g} s at {key} ({where}); what is done is kept: {way_out}; {longer}"


def find(places: Sequence[Place], stack: Sequence[tuple[str, str]]) -> tuple[Place, str]:
    """Whose code a stack of (file, line) is in, innermost first, and where it is."""
    for file, line in stack:
        for place in places:
            if file == place[0] or file.startswith(place[0] + os.sep):
                return place, f"{Path(file).name}:{line}"
    where = f"{Path(stack[0][0]).name}:{stack[0][1]}" if stack else "nowhere that can be told"
    return UNKNOWN, where


def stack_of(text: str, thread: int) -> list[tuple[str, str]]:
    """The (file, line) of one thread, innermost first, in what faulthandler wrote about all of them."""
    for block in text.split("\n\n"):
        head, _, calls = block.partition("\n")
        found = re.match(r"(?:Current thread|Thread) 0x([0-9a-f]+)", head)
        if found and int(found[1], 16) == thread:
            return re.findall(r'^  File "(.*)", line (\d+|\?\?\?) in ', calls, re.MULTILINE)
    return []


def notes(memory: mmap) -> Iterator[tuple[int, int, bytes]]:
    """The notes that stand."""
    for offset in range(HEAD.size, SIZE, NOTE.size):
        thread, number, key = NOTE.unpack_from(memory, offset)
        if number:
            yield thread, number, key


def text(key: bytes) -> str:
    return key.rstrip(b"\0").decode("utf-8", "replace")


def stopped(owner: int) -> bool:
    """Whether a process is held by a debugger or by Ctrl-Z, in which no time passes for it. Only Linux tells."""
    try:
        return Path(f"/proc/{owner}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def watch(memory: mmap, stacks: int, owner: int, places: Sequence[Place]) -> None:
    """Look at the board until the process that owns it is gone."""
    stood: dict[tuple[int, int, bytes], float] = {}
    before = time.monotonic()
    while os.getppid() == owner:
        time.sleep(LOOK_EVERY)
        now = time.monotonic()
        # Where we were held up, so was our owner.
        step, before = 0.0 if stopped(owner) else min(now - before, 2 * LOOK_EVERY), now
        seconds, main, *told = HEAD.unpack_from(memory)
        stood = {note: stood.get(note, 0.0) + step for note in notes(memory)}
        for (thread, number, key), waited in stood.items():
            if waited > seconds and thread == main and told != [number, key]:
                HEAD.pack_into(memory, 0, seconds, main, number, key)
                os.kill(owner, SIGNAL)
            elif waited > seconds + (GRACE if thread == main else 0):
                end(owner, said(*find(places, stack_of(ask(stacks, owner), thread)), seconds, text(key)))
                return


def ask(stacks: int, owner: int) -> str:
    """What all threads of a process are at; faulthandler tells it even while C code holds the interpreter."""
    os.ftruncate(stacks, 0)
    os.lseek(stacks, 0, os.SEEK_SET)
    os.kill(owner, SIGNAL)
    time.sleep(2 * LOOK_EVERY)
    return os.pread(stacks, 1 << 20, 0).decode("utf-8", "replace")


def end(owner: int, line: str) -> None:
    """Say it, and end the process: nothing less ends one that holds on to its interpreter."""
    # A bar of progress hides the cursor and stands in the line.
    clear = "\x1b[?25h\n" if sys.stderr.isatty() else ""
    print(f"{clear}sf: {line}", file=sys.stderr, flush=True)
    os.kill(owner, signal.SIGKILL)


if __name__ == "__main__":
    board, stacks, owner = map(int, sys.argv[1:4])
    # It may be gone at any moment.
    with suppress(ProcessLookupError):
        watch(mmap(board, SIZE), stacks, owner, json.loads(sys.argv[4]))
