"""Threads: how those of torch wait for one another on a CPU."""

import os


def sleep_while_waiting() -> None:
    """Threads that wait for others sleep. To be called before torch is imported, for OpenMP reads this once.

    By default they spin, at the end of every operation: where other programs want the cores too, a thread that waits
    keeps away the one it waits for. What is computed does not depend on it (docs/measured/threads.md). What the user has
    set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
