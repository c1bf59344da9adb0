"""Orphan: processes of vLLM end when the one that they work for is gone, and only then.

By themselves they do neither. After a `kill -9` of their parent they keep their memory, and the GPU's, for good. A Ctrl-C reaches
them too, and each falls over the end of the other. And when they are told to end, they take seconds. So we are named in two
entry-point groups of vLLM, whose functions it calls in each of its processes.
"""

import atexit
import gc
import os
import signal
import time
from threading import Thread, current_thread, enumerate, main_thread

OWNER = "SKILLFACTORY_VLLM_OWNER"
"names, in the environment, the process that they work for; where it is unset, vLLM is not ours and left alone"
LOOK_EVERY = 0.5
WATCH = "watch for the parent"


def forbid() -> None:
    """From now on, processes of vLLM that this process starts do not outlive it."""
    os.environ[OWNER] = str(os.getpid())
    leave_fast()


def leave_fast() -> None:
    """Python looks through all that torch and vLLM have made for garbage when it ends: for seconds, and for nothing."""
    atexit.register(gc.freeze)


def ours() -> bool:
    """Whether this is a process of vLLM that works for one of ours."""
    return os.environ.get(OWNER, str(os.getpid())) != str(os.getpid())


def watch() -> None:
    """In `vllm.platform_plugins`, which is asked first, before anything waits for the parent. It has no platform to offer."""
    if ours() and not any(thread.name == WATCH for thread in enumerate()):
        leave_fast()
        Thread(target=end_after, args=(int(os.environ[OWNER]), os.getppid()), daemon=True, name=WATCH).start()


def settle() -> None:
    """In `vllm.general_plugins`, which is asked when vLLM has its signal handlers: Ctrl-C is for the parent to act on."""
    watch()
    if ours() and current_thread() is main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_after(owner: int, parent: int) -> None:
    """Whoever loses its parent is given another: then it is time. The owner may be gone before we look for the first time."""
    while os.getppid() == parent and lives(owner):
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGKILL)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
