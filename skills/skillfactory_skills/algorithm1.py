"""The paper's Algorithm 1: mostly right attempts, a few wrong ones before them, a right one last."""

from collections.abc import Iterator, Sequence
from random import Random

import attrs
from attrs.validators import ge, instance_of, optional

from skillfactory_core import hookimpl
from skillfactory_core.strategy import Pair, Strategy


@attrs.frozen
class Algorithm1(Strategy):
    """n+ = min(U[1, most_right], |Y+|) and n- = min(U[0, most_wrong or n+ - 1], |Y-|), until no right pair is left.

    Source: arXiv 2512.04072, Algorithm 1; the paper's Lmax is `most_right` = 5, with `most_wrong` unset.
    """

    name = "algorithm1"
    summary = "the paper's Algorithm 1: right and wrong pairs shuffled, a right one last"

    most_right: int = attrs.field(default=5, validator=[instance_of(int), ge(1)])
    "the paper's Lmax"
    most_wrong: int | None = attrs.field(default=None, validator=optional([instance_of(int), ge(0)]))
    "most wrong pairs in a trace; unset: one fewer than the right ones, as in the paper"

    def arrange(self, right: Sequence[Pair], wrong: Sequence[Pair], random: Random) -> Iterator[tuple[Pair, ...]]:
        right_left = random.sample(right, len(right))
        wrong_left = random.sample(wrong, len(wrong))
        while right_left:
            n_right = min(random.randint(1, self.most_right), len(right_left))
            most_wrong = n_right - 1 if self.most_wrong is None else self.most_wrong
            n_wrong = min(random.randint(0, most_wrong), len(wrong_left))
            # The pools are shuffled, so their ends are draws without replacement.
            drawn = [right_left.pop() for _ in range(n_right)]
            before = drawn[1:] + [wrong_left.pop() for _ in range(n_wrong)]
            random.shuffle(before)
            yield (*before, drawn[0])


@hookimpl
def register_strategies() -> list[type[Strategy]]:
    return [Algorithm1]
