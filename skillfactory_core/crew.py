"""Crew: the processes of one command under `accelerate launch`. All of them train; the first alone holds the run and writes."""

import os


def size() -> int:
    """How many processes share this command; what a launcher put into the environment."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def follows() -> bool:
    """Whether this process is one of the others."""
    return int(os.environ.get("RANK") or 0) > 0
