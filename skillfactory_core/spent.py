"""Spent: the time that a stage took, over all the processes that had a part in it."""

import resource
import time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from skillfactory_core.run import Run

TIMES = ("seconds", "cpu_seconds")


@attrs.frozen
class Clock:
    """Runs from when it is made."""

    start: float = attrs.field(factory=time.monotonic)
    cpu: float = attrs.field(factory=lambda: cpu_seconds())

    def spent(self) -> dict[str, float]:
        """seconds, and cpu_seconds of all cores: of this process and of its children that ended, not of servers and clusters."""
        return {
            "seconds": round(time.monotonic() - self.start, 2),
            "cpu_seconds": round(cpu_seconds() - self.cpu, 2),
        }


def cpu_seconds() -> float:
    every = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in every)


def with_stops(run: "Run", stage: str, spent: dict[str, float]) -> dict[str, float]:
    """With what was spent on the stage before it stopped and was begun again. A kill leaves no note of its time."""
    total = dict(spent)
    for event in run.events():
        if event.get("stage") != stage:
            continue
        if event["event"] == "finished":
            total = dict(spent)
        elif event["event"] == "stopped":
            total = {name: round(total[name] + event.get(name, 0.0), 2) for name in TIMES}
    return total
