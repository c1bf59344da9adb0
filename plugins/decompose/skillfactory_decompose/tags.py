"""The tag format: inside an attempt a plan of subgoals, one a line, then a step and a check for each, then the answer."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import Parsed, TagFormat
from skillfactory_core.trace import Segment
from skillfactory_decompose.align import Decomposition


@attrs.frozen
class Body:
    """An attempt in a response, taken apart."""

    goals: tuple[str, ...]
    works: tuple[tuple[str, str | None], ...]
    "each step with the check that follows it; None where none does"
    sound: bool
    "it has none of these tags, or one plan and then steps with a check each"
    tags: int = attrs.field(eq=False)
    "how many of these tags there are in it"


@attrs.frozen(slots=False)
class Subgoals(TagFormat):
    """The tags of a trace with those of subgoals in its attempts; `marks` are their names: of plan, step and check."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if len(self.marks) != 3:
            raise SkillFactoryError(f"tag format '{self.name}': marks has to name three tags, for plan, step and check")

    @property
    def plan(self) -> str:
        return self.marks[0]

    @property
    def step(self) -> str:
        return self.marks[1]

    @property
    def check(self) -> str:
        return self.marks[2]

    @cached_property
    def _own(self) -> re.Pattern[str]:
        return re.compile(f"<(/?)({'|'.join(map(re.escape, self.marks))})>")

    def write(
        self,
        pairs: Sequence[Pair],
        glue: Sequence[Phrase],
        closing: Phrase,
        answer: str,
        final: int = -1,
        ending: Phrase | None = None,
    ) -> tuple[Segment, ...]:
        """The segments of a trace. Pairs that are taken apart come in their parts, others whole."""
        segments: list[Segment] = []
        left = iter(pairs)
        for segment in super().write(pairs, glue, closing, answer, final, ending):
            if segment.kind == "attempt":
                pair = next(left)
            if segment.kind not in ("attempt", "reflection") or not isinstance(pair, Decomposition):
                segments.append(segment)
            elif segment.kind == "attempt":
                segments += self.parts(pair)
            else:
                segments.append(attrs.evolve(segment, text=pair.conclusion))
        return tuple(segments)

    def parts(self, pair: Decomposition) -> Iterator[Segment]:
        """An attempt's subgoals, its steps with their checks, and its answer."""

        def tag(text: str) -> Segment:
            return Segment("tag", text, self.name)

        yield tag(f"<{self.plan}>\n")
        for goal in pair.goals:
            yield Segment("plan", goal, pair.attempt.key, pair.correct)
            yield tag("\n")
        yield tag(f"</{self.plan}>\n")
        for work in pair.works:
            yield tag(f"<{self.step}>")
            yield Segment("step", work.step, work.attempt, work.correct)
            yield tag(f"</{self.step}>\n<{self.check}>")
            yield Segment("check", work.check, work.reflection, work.correct)
            yield tag(f"</{self.check}>\n")
        yield Segment("attempt", pair.rest, pair.attempt.key, pair.correct)

    def parse(self, text: str) -> Parsed:
        """As any format, blind to these tags; well formed where they are in attempts alone, and rightly so."""
        parsed, count = super().parse(self._own.sub(" ", text)), 0
        sound = True
        for body in self.bodies(text):
            sound &= body.sound
            count += body.tags
        sound &= count == len(self._own.findall(text))
        return attrs.evolve(parsed, well_formed=parsed.well_formed and sound, answer=self.extract(text, final=True))

    def bodies(self, text: str) -> Iterator[Body]:
        """The attempts of a response that were closed, in turn."""
        opening, closing = f"<{self.attempt}>", f"</{self.attempt}>"
        at = text.find(opening)
        while at >= 0:
            end = text.find(closing, at)
            if end < 0:
                return
            yield self.read(text[at + len(opening) : end])
            at = text.find(opening, end)

    def read(self, attempt: str) -> Body:
        """One attempt; tolerant of missing and misplaced tags, linear, never raising."""
        goals: tuple[str, ...] = ()
        works: list[tuple[str, str | None]] = []
        opened, start, plans, count, sound = "", 0, 0, 0, True
        for match in self._own.finditer(attempt):
            closes, name = bool(match[1]), match[2]
            count += 1
            if not closes:
                sound &= not opened and (name == self.plan) == (not plans)
                opened, start = name, match.end()
                continue
            if name != opened:
                sound = False
                continue
            inner, opened = attempt[start : match.start()], ""
            if name == self.plan:
                plans += 1
                goals = goals or tuple(line.strip() for line in inner.splitlines() if line.strip())
            elif name == self.step:
                sound &= not works or works[-1][1] is not None
                works.append((inner.strip(), None))
            elif works and works[-1][1] is None:
                works[-1] = (works[-1][0], inner.strip())
            else:
                sound = False
        whole = bool(goals and works) and works[-1][1] is not None
        return Body(goals, tuple(works), sound and not opened and (whole or not plans), count)


SUBGOALS = Subgoals(
    name="subgoals",
    summary="the paper's tags, and in an attempt: plan, then step and check for each subgoal",
    think="think",
    attempt="sample",
    reflection="reflect",
    verdict="verdict",
    answer="answer",
    correct="Correct",
    incorrect="Incorrect",
    marks=("plan", "step", "check"),
    again="That is not settled yet. Other subgoals, each checked, and then the answer again.",
)
SHORT = attrs.evolve(
    SUBGOALS,
    name="subgoals-short",
    summary="the same, called list, step and note: whole words to pocket, so that traces are shorter",
    marks=("list", "step", "note"),
)
