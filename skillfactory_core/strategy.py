"""Strategy: which attempts a trace holds, and in which order."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import ClassVar

import attrs

from skillfactory_core.attempt import Attempt
from skillfactory_core.reflection import Reflection


@attrs.frozen
class Pair:
    """An attempt, its true grade, and one true reflection on it (None where the skills do not reflect)."""

    attempt: Attempt
    answer: str
    correct: bool
    reflection: Reflection | None


@attrs.frozen
class Strategy:
    """What a strategy plugin subclasses; options are fields, set by `[strategy_options]`."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def arrange(self, right: Sequence[Pair], wrong: Sequence[Pair], random: Random) -> Iterator[tuple[Pair, ...]]:
        """The traces of one problem, each as its pairs in order. `right` and `wrong` are in key order."""
        raise TypeError(f"strategy '{self.name}' does not define arrange")
