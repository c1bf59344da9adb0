"""Pieces: a trace or a response as blocks to read, each with what it is, whether it is right and where it is from."""

import re
from collections.abc import Callable, Iterator

import attrs

from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Trace

LONGEST = 2400
"characters of a block that are shown; the middle of a longer one is left out and counted"
MOST = 24
"blocks of a text that are shown"
NAMES = {
    "attempt": "Attempt",
    "reflection": "Reflection",
    "glue": "Between",
    "ending": "Ending",
    "closing": "Closing",
    "answer": "Answer",
    "plain": "Text",
}


@attrs.frozen
class Part:
    """A stretch of a block: text, an answer or a verdict in it, or a tag."""

    kind: str
    text: str


@attrs.frozen
class Block:
    """One attempt, reflection, phrase or answer, with the tags that stand around it."""

    kind: str
    parts: tuple[Part, ...]
    opening: str = ""
    closing: str = ""
    source: str = ""
    truth: bool | None = None
    "of an attempt or answer: whether it is right"
    claim: bool | None = None
    "of a reflection: what its verdict says"
    number: int = 0
    "of an attempt"

    @property
    def name(self) -> str:
        return f"{NAMES[self.kind]} {self.number}" if self.number else NAMES[self.kind]

    @property
    def note(self) -> str:
        if self.kind == "reflection":
            return "" if self.claim is None else f"says {'right' if self.claim else 'wrong'}"
        return "" if self.truth is None else "right" if self.truth else "wrong"

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@attrs.frozen
class Reader:
    """Cuts texts at the tags of one format."""

    tags: TagFormat
    most: int = MOST
    "blocks of a text that are shown; 0: all"
    longest: int = LONGEST
    "characters of a block that are shown; 0: all"

    @property
    def _tag(self) -> re.Pattern[str]:
        return re.compile(f"(</?(?:{'|'.join(map(re.escape, self.tags.names))})>)")

    def whole(self, kind: str, text: str, truth: bool | None = None) -> Block:
        """A generation as one block, as the model wrote it."""
        claim = self.tags.read_verdict(text) if kind == "reflection" else None
        return Block(kind, tuple(self._parts(clip(text.strip(), self.longest))), truth=truth, claim=claim)

    def of_trace(self, trace: Trace) -> list[Block]:
        """The segments as they were assembled, with their sources."""
        found = ((s.kind, s.text, s.source, s.correct) for s in trace.segments)
        return self._blocks(found)

    def of_response(self, text: str, right: Callable[[str], bool | None]) -> list[Block]:
        """What a method wrote, cut at its tags; `right` grades an attempt's answer."""
        return self._blocks(self._stretches(text, right))

    def _stretches(self, text: str, right: Callable[[str], bool | None]) -> Iterator[tuple[str, str, str, bool | None]]:
        """(kind, text, source, truth) by the outermost tags; anything else in a think block is glue."""
        tags = self.tags
        outer = {tags.attempt: "attempt", tags.reflection: "reflection", tags.answer: "answer"}
        where, place, held = "plain", "", ""
        for token in self._tag.split(text):
            name = token.strip("</>") if self._tag.fullmatch(token) else ""
            closes = token.startswith("</")
            if place and (name in (tags.think, tags.attempt, tags.reflection) or (name and outer.get(name) == place)):
                yield place, held, "", self._truth(place, held, right)
                place = held = ""
            if place:
                held += token
            elif name == tags.think:
                where = "closing" if closes else "glue"
                yield "tag", token, "", None
            elif name in tags.marks:
                yield "tag", token, "", None
            elif name in outer:
                place = "" if closes else outer[name]
                yield "tag", token, "", None
            elif token.strip():
                yield where, token, "", None
        if place:
            yield place, held, "", self._truth(place, held, right)

    def _truth(self, place: str, text: str, right: Callable[[str], bool | None]) -> bool | None:
        if place == "answer":
            return right(text.strip())
        answer = self.tags.extract(text, final=False) if place == "attempt" else None
        return right(answer) if answer is not None else None

    def _blocks(self, found: Iterator[tuple[str, str, str, bool | None]]) -> list[Block]:
        """Join tags to the text that they stand around, number the attempts, read the verdicts."""
        blocks: list[Block] = []
        opening, attempts = "", 0
        for kind, text, source, truth in found:
            if kind == "tag":
                for token in self._tag.findall(text):
                    if token.startswith("</") and blocks:
                        blocks[-1] = attrs.evolve(blocks[-1], closing=blocks[-1].closing + token)
                    else:
                        opening += token
                continue
            attempts += kind == "attempt"
            reflects = kind == "reflection"
            blocks.append(
                Block(
                    kind=kind if kind in NAMES else "plain",
                    parts=tuple(self._parts(clip(text.strip(), self.longest))),
                    opening=opening,
                    source=source,
                    truth=None if reflects else truth,
                    claim=self.tags.read_verdict(text) if reflects else None,
                    number=attempts if kind == "attempt" else 0,
                )
            )
            opening = ""
        if 0 < self.most < len(blocks):
            left_out = Part("cut", f"{len(blocks) - self.most + 1:,} blocks left out here")
            blocks[self.most - 3 : -2] = [Block("plain", (left_out,))]
        return blocks

    def _parts(self, text: str) -> Iterator[Part]:
        """The text of a block with the answers and verdicts in it marked."""
        inner = {f"<{self.tags.answer}>": "answer", f"<{self.tags.verdict}>": "verdict"}
        kind = ""
        for token in filter(None, self._tag.split(text)):
            if self._tag.fullmatch(token):
                kind = inner.get(token, "")
                yield Part("tag", token)
            else:
                yield Part(kind, token)


def clip(text: str, longest: int = LONGEST) -> str:
    """A text whose middle is left out where it is too long to read; 0: never."""
    if not longest or len(text) <= longest:
        return text
    head, tail = longest * 3 // 4, longest // 4
    return f"{text[:head]}\n[… {len(text) - head - tail:,} characters left out …]\n{text[-tail:]}"
