"""Threads: how those of torch wait for one another on a CPU."""

import os

SPINS = "10000"
"turns of a loop, a few microseconds: longer than most waits of a machine that has nothing else to do"


def spin_briefly() -> None:
    """Threads that wait for others spin for a moment and then sleep. To be called before torch is imported, for OpenMP reads this once.

    By default they spin for milliseconds at the end of every operation: where other programs want the cores too, a thread that waits
    keeps away the one it waits for; and to sleep at once costs nearly half the speed of a quiet machine. What is computed does not
    depend on it (docs/measured/threads.md). What the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
