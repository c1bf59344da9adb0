"""The process in which reasoning-gym works: `python -m skillfactory_reasoning_gym.worker FD`, started by pool.py.

It imports reasoning-gym once and forks a worker for each socket that it is sent. It ends when its own socket closes.
"""

import json
import logging
import os
import resource
import signal
import sys
import warnings
from multiprocessing.connection import Connection
from typing import Any

from skillfactory_core.workers import fork_for_each
from skillfactory_reasoning_gym import dataset, wire

MEMORY = 2 << 30
"bytes of address space that a worker may have"
PATIENCE = 10
"how many times its computing time a worker may take by the clock"
FORBIDDEN = (
    *(
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "subprocess.Popen",
        "pty.spawn",
    ),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "ctypes.dlopen"),
)
"what no dataset and no scorer has to do"


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """End the process before it does what is forbidden. Nothing that evaluates an answer gets here: see audit.py."""
    writes = event == "open" and (
        set(str(arguments[1] or "")) & set("wax+") or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
    )
    if event in FORBIDDEN or writes:
        os._exit(3)


def done(request: dict[str, Any]) -> dict[str, Any]:
    """What a request asks for."""
    name, options = request["dataset"], request["options"]
    if request["do"] == "make":
        return dataset.make(name, options, request["seed"])
    if request["do"] == "score":
        entry = wire.read(request["entry"])
        scored = dataset.opened(name, options)
        limit(request["seconds"])
        return {"score": float(scored.score_answer(request["answer"], entry))}
    dataset.config_of(name, json.loads(options))
    return {}


def limit(seconds: float) -> None:
    """The process ends after so much computing, also in the middle of a call of C code; 0: no more limit."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)


def serve(line: Connection) -> None:
    """Answer requests until the line closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(watch)
    while True:
        try:
            request = json.loads(line.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
        if request["do"] != "score":
            limit(request["seconds"])
        try:
            reply = done(request)
        except (MemoryError, RecursionError) as error:
            # What is left of its memory may be little: it does no more after this.
            line.send_bytes(json.dumps({"limit": type(error).__name__}).encode())
            os._exit(1)
        except Exception as error:  # noqa: BLE001 - of third-party code, on any text
            reply = {"raised": type(error).__name__, "why": " ".join(str(error).split())[:200]}
        limit(0)
        line.send_bytes(json.dumps(reply).encode())


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    dataset.warm_up()
    fork_for_each(int(sys.argv[1]), serve)


if __name__ == "__main__":
    main()
