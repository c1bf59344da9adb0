"""The strategy: wrong attempts and right ones of a problem that begin with the same steps, made into returns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random

import attrs
from attrs.validators import ge, in_, instance_of

from skillfactory_backtrack.steps import SPLITS, Step, shared, split
from skillfactory_core.strategy import Arrangement, Pair, Strategy

Steps = Mapping[str, tuple[Step, ...]]
"key of an attempt -> its steps"


@attrs.frozen
class Returned(Pair):
    """An attempt that takes up an earlier step of the one before: its own text is shown from there on."""

    step: int = 0
    "the last step that is kept; 0: none"
    at: int = 0
    "where in the attempt's text the step after that begins"
    left: str = ""
    "key of the attempt whose step it is"


def pattern(_: object, field: "attrs.Attribute[str]", value: object) -> None:
    """A validator: a regular expression that finds one thing."""
    try:
        groups = re.compile(str(value)).groups
    except re.error as error:
        raise ValueError(f"{field.name} = {value!r} is no regular expression ({error})") from error
    if groups != 1:
        raise ValueError(f"{field.name} = {value!r} needs one group, for the number of the step")


@attrs.frozen(kw_only=True)
class Backtracking(Strategy):
    name = "backtrack"
    summary = "wrong attempts, each left at the last step that the next one shares with it, then a right one"

    steps: str = attrs.field(default="auto", validator=in_(SPLITS))
    "how attempts are split: auto, numbered, equations, sentences or lines"
    most_returns: int = attrs.field(default=2, validator=[instance_of(int), ge(1)])
    "returns in one trace at most"
    alone: int = attrs.field(default=1, validator=[instance_of(int), ge(0)])
    "right attempts of a problem that stand alone, so that not every first attempt is wrong"
    whole: bool = attrs.field(default=False, validator=instance_of(bool))
    "where no wrong attempt is left that shares a step, take one all the same and return to step 0: start over"
    named: str = attrs.field(default=r"(?i)return to step (\d+)", validator=pattern)
    "how a reflection names the step to return to; one that names another than the trace returns to is not used"

    def arrange(self, right: Sequence[Pair], wrong: Sequence[Pair], random: Random) -> Iterator[Arrangement]:
        steps = {p.attempt.key: split(p.attempt.text, self.steps, p.answer) for p in (*right, *wrong)}
        pool = random.sample(wrong, len(wrong))
        taken: set[int] = set()
        seen: set[tuple[str, ...]] = set()
        alone = self.alone
        for last in random.sample(right, len(right)):
            chain = self.chain(last, pool, steps, taken, random.randint(1, self.most_returns))
            texts = tuple(pair.attempt.text for pair in chain)
            if texts in seen or (len(chain) == 1 and not alone):
                continue
            alone -= len(chain) == 1
            seen.add(texts)
            taken |= {id(pair) for pair in chain}
            yield Arrangement(tuple(self.returns(chain, steps)))

    def chain(self, last: Pair, pool: Sequence[Pair], steps: Steps, taken: set[int], most: int) -> list[Pair]:
        """A right pair, and before it up to so many wrong ones, each of which can be left for the one after it."""
        chain = [last]
        while len(chain) <= most:
            texts = {pair.attempt.text for pair in chain}
            free = [pair for pair in pool if id(pair) not in taken and pair.attempt.text not in texts]
            fit = (pair for pair in free if self.leads(pair, chain[0], steps))
            anew = (pair for pair in free if self.whole and self.starts_over(pair, chain[0], steps))
            before = next(fit, None) or next(anew, None)
            if before is None:
                break
            chain.insert(0, before)
        return chain

    def leads(self, before: Pair, after: Pair, steps: Steps) -> bool:
        """Whether an attempt can be left for another: some first steps are the same, the next differ, and the reflection agrees."""
        one, other = steps[before.attempt.key], steps[after.attempt.key]
        count = shared(one, other)
        return 1 <= count < min(len(one), len(other)) and self.names(before) in (None, count)

    def starts_over(self, before: Pair, after: Pair, steps: Steps) -> bool:
        """Whether two attempts share no step at all, and the reflection agrees."""
        return not shared(steps[before.attempt.key], steps[after.attempt.key]) and self.names(before) in (None, 0)

    def names(self, pair: Pair) -> int | None:
        """The step that a pair's reflection says to return to."""
        found = re.findall(self.named, pair.reflection.text) if pair.reflection else []
        return int(found[-1]) if found and found[-1].isdecimal() else None

    def returns(self, chain: Sequence[Pair], steps: Steps) -> Iterator[Pair]:
        """The pairs of a trace: the first as it is, the others from the step on at which the one before is left."""
        yield chain[0]
        for before, after in pairwise(chain):
            own = steps[after.attempt.key]
            count = shared(steps[before.attempt.key], own)
            at = own[count].start if count else 0
            yield Returned(after.attempt, after.answer, after.correct, after.reflection, count, at, before.attempt.key)
