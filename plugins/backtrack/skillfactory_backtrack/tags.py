"""The tags: those of the paper, and <back> between two attempts, which names the step that the next one goes on from."""

from collections.abc import Sequence

import attrs

from skillfactory_backtrack.strategy import Returned
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Segment


class Backtrack(TagFormat):
    @property
    def back(self) -> str:
        return self.marks[0]

    def write(
        self,
        pairs: Sequence[Pair],
        glue: Sequence[Phrase],
        closing: Phrase,
        answer: str,
        final: int = -1,
        ending: Phrase | None = None,
    ) -> tuple[Segment, ...]:
        """As without returns; but an attempt that takes up a step shows what comes after it, behind a phrase and a tag that name it."""
        shown = [pairs[0], *(rest(pair) if isinstance(pair, Returned) else pair for pair in pairs[1:])]
        said = [
            attrs.evolve(phrase, text=phrase.text.replace("{step}", str(getattr(pair, "step", 0))))
            for phrase, pair in zip(glue, pairs[1:], strict=False)
        ]
        segments: list[Segment] = []
        between = iter(pairs[1:])
        pair: Pair | None = None
        for segment in super().write(shown, said, closing, answer, final, ending):
            segments.append(segment)
            if segment.kind == "glue":
                pair = next(between)
            elif isinstance(pair, Returned):
                # After the phrase and the line's end, before the attempt is opened.
                segments += self.named(pair)
                pair = None
        return tuple(segments)

    def named(self, pair: Returned) -> tuple[Segment, ...]:
        """The tag that names a step, which is one of the attempt before."""
        return (
            Segment("tag", f"<{self.back}>", self.name),
            Segment("glue", f"step {pair.step}", pair.left),
            Segment("tag", f"</{self.back}>\n", self.name),
        )


def rest(pair: Returned) -> Pair:
    """What an attempt says after the step that is kept."""
    return attrs.evolve(pair, attempt=attrs.evolve(pair.attempt, text=pair.attempt.text[pair.at :]))


BACKTRACK = Backtrack(
    name="backtrack",
    summary="the paper's tags, and one that names the step to go back to: back",
    think="think",
    attempt="sample",
    reflection="reflect",
    verdict="verdict",
    answer="answer",
    correct="Correct",
    incorrect="Incorrect",
    again="From the last step that holds, once more, and then the answer again.",
    marks=("back",),
)
