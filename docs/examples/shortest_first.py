"""Shortest first: a strategy, and a method that uses it. Try it: sf -p docs/examples/shortest_first.py methods"""

from collections.abc import Iterator, Sequence
from random import Random

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.method import Method
from skillfactory_core.strategy import Arrangement, Pair, Strategy


@attrs.frozen
class ShortestFirst(Strategy):
    name = "shortest-first"
    summary = "one trace of a problem: its shortest wrong attempts, then its shortest right one"

    most_wrong: int = 2
    "wrong attempts in a trace at most"

    def arrange(self, right: Sequence[Pair], wrong: Sequence[Pair], random: Random) -> Iterator[Arrangement]:
        def length(pair: Pair) -> tuple[int, str]:
            return pair.attempt.tokens, pair.attempt.key

        if right:
            yield Arrangement((*sorted(wrong, key=length)[: self.most_wrong], min(right, key=length)))


@hookimpl
def register_strategies() -> list[type[Strategy]]:
    return [ShortestFirst]


@hookimpl
def register_methods() -> list[Method]:
    settings = {"strategy": "shortest-first", "strategy_options": {"most_wrong": 1}}
    return [Method("shortest", "the shortest attempts alone", "Shortest first", settings=settings)]
