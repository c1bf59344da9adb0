"""The strategy: some wrong decompositions, each other than those before, then a right one."""

from collections.abc import Iterator, Sequence
from random import Random

import attrs
from attrs.validators import ge, in_, instance_of

from skillfactory_core.strategy import Arrangement, Pair, Strategy
from skillfactory_decompose.align import Decomposition, align
from skillfactory_decompose.claim import by_word
from skillfactory_decompose.split import WAYS, bare


@attrs.frozen
class Decompose(Strategy):
    name = "decompose"
    summary = "wrong decompositions into subgoals, then a right one; a subgoal that fails its check is done again"

    split: str = attrs.field(default="auto", validator=in_(tuple(WAYS)))
    "how steps are told apart: numbered, equations, lines; auto: numbered, or else equations"
    subgoals: str = attrs.field(default="either", validator=in_(("plan", "steps", "either")))
    "where the subgoals come from: the attempt's plan, its steps; either: the plan where it was carried out, else the steps"
    most_wrong: int = attrs.field(default=4, validator=[instance_of(int), ge(0)])
    "wrong decompositions before the right one, at most"
    redo: bool = attrs.field(default=True, validator=instance_of(bool))
    "show failed subgoals, of attempts that began in the same way"

    def arrange(self, right: Sequence[Pair], wrong: Sequence[Pair], random: Random) -> Iterator[Arrangement]:
        """A trace for each right attempt. Wrong ones may be in several, those first that a failed subgoal leads to; that is shown once."""
        apart = self.apart([*right, *wrong])
        stumbles = list({each.attempt.key: each for each in apart if each.failed}.values()) if self.redo else []
        wrong_ones = [each for each in apart if not each.failed and not each.correct]
        ended: set[str] = set()
        for last in random.sample(apart, len(apart)):
            if last.failed or not last.correct or last.attempt.key in ended:
                continue
            ended.add(last.attempt.key)
            pool = random.sample(wrong_ones, len(wrong_ones))
            pool.sort(key=lambda each: not any(leads_to(stumble, each) for stumble in stumbles))
            before = others(last, pool, random.randint(0, self.most_wrong))
            random.shuffle(before)
            yield Arrangement(tuple(with_stumbles([*before, last], stumbles)))

    def apart(self, pairs: Sequence[Pair]) -> list[Decomposition]:
        """The pairs that can be taken apart."""
        aligned = (align(pair, WAYS[self.split], self.subgoals) for pair in pairs)
        return [each for each in aligned if isinstance(each, Decomposition)]


def others(last: Decomposition, pool: Sequence[Decomposition], count: int) -> list[Decomposition]:
    """So many of the pool, from its beginning, no two of them with the same steps; fewer where there are no more."""
    chosen: list[Decomposition] = []
    seen = {last.steps}
    for each in pool:
        if len(chosen) == count:
            break
        if each.steps not in seen:
            seen.add(each.steps)
            chosen.append(each)
    return chosen


def with_stumbles(pairs: Sequence[Decomposition], stumbles: list[Decomposition]) -> Iterator[Decomposition]:
    """Decompositions with a failed work before the one that did the same subgoal better; a stumble is used up, and no
    attempt is in a trace twice."""
    shown = {pair.attempt.key for pair in pairs}
    for pair in pairs:
        stumble = next((each for each in stumbles if each.attempt.key not in shown and leads_to(each, pair)), None)
        if stumble is None:
            yield pair
            continue
        stumbles.remove(stumble)
        shown.add(stumble.attempt.key)
        at = len(stumble.works) - 1
        yield attrs.evolve(pair, works=(*pair.works[:at], stumble.works[at], *pair.works[at:]))


def leads_to(stumble: Decomposition, whole: Decomposition) -> bool:
    """Whether a decomposition has the same subgoals and steps up to the failed one, and there the step that its check came to."""
    *before, failed = stumble.works
    at = len(before)
    if at >= len(whole.works) or stumble.goals[: at + 1] != whole.goals[: at + 1]:
        return False
    again = whole.works[at].step
    better = bare(again) != bare(failed.step) and (by_word(failed.check) is False or bare(again) == bare(failed.check))
    return better and stumble.steps[:at] == whole.steps[:at]
