"""Check a strategy: its traces are made of the pairs that it was given, the same ones each time."""

import random as shared
from itertools import islice
from random import Random

import attrs

from skillfactory_core.attempt import Attempt
from skillfactory_core.reflection import Reflection
from skillfactory_core.strategy import Arrangement, Pair, Strategy
from skillfactory_core.testing.demand import demand

MOST = 10_000
"traces of one problem beyond which a strategy counts as endless"


def check_strategy(strategy: Strategy, most: int = 12, rounds: int = 100, ends_right: bool = True) -> None:
    """Arrange problems with up to `most` right and wrong pairs; also those with none.

    `ends_right`: the answer of every trace is right. Say no for an ablation that does without.
    """
    random = Random(f"check-{strategy.name}")
    for number in range(rounds):
        counts = (0, 0) if number == 0 else (random.randint(0, most), random.randint(0, most))
        right, wrong = (pairs(count, correct) for count, correct in zip(counts, (True, False), strict=True))
        found = arranged(strategy, right, wrong, number)
        where = f"strategy '{strategy.name}', {len(right)} right and {len(wrong)} wrong pairs"
        demand(len(found) < MOST, f"{where}: it gave {MOST:,} traces and went on")
        state = shared.getstate()
        again = arranged(strategy, right, wrong, number)
        demand(again == found, f"{where}: the same Random gave other traces: every draw has to come from `random`")
        demand(shared.getstate() == state, f"{where}: it draws from Python's shared random: draw from `random`")
        demand(right == pairs(counts[0], True) and wrong == pairs(counts[1], False), f"{where}: it changed its lists")
        for arrangement in found:
            check_arrangement(where, strategy, arrangement, [*right, *wrong], ends_right)


def arranged(strategy: Strategy, right: list[Pair], wrong: list[Pair], seed: int) -> list[Arrangement]:
    return list(islice(strategy.arrange(right, wrong, Random(seed)), MOST))


def check_arrangement(
    where: str, strategy: Strategy, arrangement: Arrangement, given: list[Pair], ends_right: bool
) -> None:
    """One trace to be."""
    keys = [pair.attempt.key for pair in arrangement.pairs]
    demand(keys, f"{where}: a trace holds no pair")
    demand(len(set(keys)) == len(keys), f"{where}: a trace holds an attempt twice: {', '.join(keys)}")
    # A strategy may leave out reflections, and add what its own tag format has to know in a subclass, and no more.
    known_pairs = [*map(content, given), *(content(attrs.evolve(pair, reflection=None)) for pair in given)]
    known = all(content(pair) in known_pairs for pair in arrangement.pairs)
    demand(known, f"{where}: a trace holds a pair that was not given")
    there = -len(keys) <= arrangement.final < len(keys)
    demand(there, f"{where}: final is {arrangement.final}, and the trace has {len(keys)} pairs")
    right = arrangement.pairs[arrangement.final].correct
    demand(right or not ends_right, f"{where}: the answer of a trace is wrong ({' '.join(keys)})")
    demand(
        arrangement.ending in ("", *strategy.endings),
        f"{where}: its endings do not name the bank '{arrangement.ending}'",
    )


def content(pair: Pair) -> tuple[object, ...]:
    return pair.attempt, pair.answer, pair.correct, pair.reflection


def pairs(count: int, correct: bool) -> list[Pair]:
    """Attempts at four prompts in turn, each with a reflection."""
    return [pair(number, correct) for number in range(count)]


def pair(number: int, correct: bool) -> Pair:
    kind = "right" if correct else "wrong"
    key = f"kit/default/train/0/prompt-{number % 4}/{kind}-{number}"
    attempt = Attempt(key, "kit/default/train/0", f"prompt-{number % 4}", number, f"{kind} {number}", 1, "stop")
    reflection = Reflection(f"{key}/kit/0", key, attempt.problem, "kit", 0, "", 1, "stop", correct, "")
    return Pair(attempt, kind, correct, reflection)
