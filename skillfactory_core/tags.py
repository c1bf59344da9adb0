"""TagFormat: how a trace is written and how a response is read. Plain text tags, never special tokens."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import deep_iterable

from skillfactory_core.attempt import Attempt
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.reflection import Reflection
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.trace import Segment

BLANK = "..."
"what stands for words where a form is shown"


@attrs.frozen
class Try:
    """One attempt found in a response, with the reflection that follows it."""

    answer: str | None
    "the content of the attempt's last answer tag"
    reflected: bool
    verdict: bool | None
    "what the reflection claims; None where there is none, or it claims nothing clear"


@attrs.frozen
class Parsed:
    """A response taken apart."""

    well_formed: bool
    "exactly a think block of closed attempts and reflections, then one final answer"
    tries: tuple[Try, ...]
    answer: str | None
    "the final answer, by the final-answer rule"


def named(_: Any, field: "attrs.Attribute[str]", value: Any) -> None:
    """A validator: a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{field.name} is {value!r}")


def listed(value: Any) -> Any:
    """A converter: lists of TOML become tuples."""
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(slots=False)
class TagFormat:
    """The names of the tags, and the one parser for them. A plugin fills in the names."""

    name: str = attrs.field(validator=named)
    summary: str = attrs.field(validator=attrs.validators.instance_of(str))
    think: str = attrs.field(validator=named)
    attempt: str = attrs.field(validator=named)
    reflection: str = attrs.field(validator=named)
    verdict: str = attrs.field(validator=named)
    answer: str = attrs.field(validator=named)
    correct: str = attrs.field(validator=named)
    "the verdict's word for right"
    incorrect: str = attrs.field(validator=named)
    "the verdict's word for wrong"
    again: str = attrs.field(default="", repr=False, validator=attrs.validators.instance_of(str))
    "words after which a response without these tags goes on (budget forcing)"
    marks: tuple[str, ...] = attrs.field(
        default=(), converter=listed, validator=deep_iterable(named, attrs.validators.instance_of(tuple))
    )
    "names of further tags, which may stand between the attempts: what a skill says with them is its own affair"

    def __attrs_post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise SkillFactoryError(f"tag format '{self.name}': two tags have one name: {', '.join(self.names)}")
        if self.correct.casefold() == self.incorrect.casefold():
            raise SkillFactoryError(f"tag format '{self.name}': both verdicts are '{self.correct}'")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all its tags."""
        return (self.think, self.attempt, self.reflection, self.verdict, self.answer, *self.marks)

    @property
    def form(self) -> str:
        """A trace with dots in the place of all words, for prompts that explain the tags: a wrong attempt, then a right one."""
        pairs, dots = [], Phrase(BLANK, "")
        for k, (correct, word) in enumerate(((False, self.incorrect), (True, self.correct))):
            attempt = Attempt("", "", "", k, f"{BLANK} <{self.answer}>{BLANK}</{self.answer}>", 0, "stop")
            said = f"{BLANK} <{self.verdict}>{word}</{self.verdict}>"
            pairs.append(Pair(attempt, BLANK, correct, Reflection("", "", "", "", k, said, 0, "stop", correct, "")))
        return "".join(segment.text for segment in self.write(pairs, [dots], dots, BLANK))

    @cached_property
    def _tag(self) -> re.Pattern[str]:
        return re.compile(f"<(/?)({'|'.join(map(re.escape, self.names))})>")

    def extract(self, text: str, final: bool) -> str | None:
        """The answer: the last opened answer tag that is closed, up to the first closing one after it.

        `final` is the rule for rewards and evaluation: only text after the last closing think tag counts,
        and a think block that is never closed holds no answer. Linear in the length of the text.
        """
        if final:
            opened, closed = text.rfind(f"<{self.think}>"), text.rfind(f"</{self.think}>")
            if opened > closed:
                return None
            text = text[closed + len(self.think) + 3 :] if closed >= 0 else text
        start, end = f"<{self.answer}>", f"</{self.answer}>"
        last_end = text.rfind(end)
        if last_end < 0:
            return None
        at = text.rfind(start, 0, last_end)
        if at < 0:
            return None
        at += len(start)
        return text[at : text.find(end, at)].strip()

    def read_verdict(self, text: str) -> bool | None:
        """The claim of a reflection; None without a verdict, with an unclear one, or with two that differ."""
        claims: set[bool | None] = set()
        start, end = f"<{self.verdict}>", f"</{self.verdict}>"
        at = text.find(start)
        while at >= 0:
            at += len(start)
            close = text.find(end, at)
            if close < 0:
                return None
            word = text[at:close].strip().casefold()
            claims.add({self.correct.casefold(): True, self.incorrect.casefold(): False}.get(word))
            at = text.find(start, close)
        return claims.pop() if len(claims) == 1 else None

    def breaks(self, text: str, inner: str) -> bool:
        """Whether a text holds tags that would break a trace it is put into; closed `inner` tags are its own."""
        depth = 0
        for match in self._tag.finditer(text):
            depth += -1 if match[1] else 1
            if match[2] != inner or depth not in (0, 1):
                return True
        return depth != 0

    def unended(self, text: str) -> str:
        """A response without the end of its thinking: the closing think tag and all after it; without one, the final answer."""
        closed = text.rfind(f"</{self.think}>")
        if text.rfind(f"<{self.think}>") > closed:
            return text
        if closed >= 0:
            return text[:closed]
        if self.extract(text, final=True) is None:
            return text
        return text[: text.rfind(f"<{self.answer}>", 0, text.rfind(f"</{self.answer}>"))]

    def trigger(self, text: str) -> str:
        """What makes a response go on: a new attempt, opened; words, where the response marks no attempts."""
        if f"<{self.attempt}>" not in text and not self.again:
            raise SkillFactoryError(
                f"tag format '{self.name}' has no words that make a response go on which marks no attempts: give it some (again = …)"
            )
        return f"<{self.attempt}>" if f"<{self.attempt}>" in text else self.again

    def write(
        self,
        pairs: Sequence[Pair],
        glue: Sequence[Phrase],
        closing: Phrase,
        answer: str,
        final: int = -1,
        ending: Phrase | None = None,
    ) -> tuple[Segment, ...]:
        """The segments of a trace: `glue[i]` stands between pairs i and i + 1, `ending` after the last one; `answer` is
        that of pair `final`."""

        def tag(text: str) -> Segment:
            return Segment("tag", text, self.name)

        segments = [tag(f"<{self.think}>\n")]
        for number, pair in enumerate(pairs):
            if number:
                phrase = glue[number - 1]
                segments += [Segment("glue", phrase.text, phrase.source), tag("\n")]
            attempt = pair.attempt
            segments += [
                tag(f"<{self.attempt}>"),
                Segment("attempt", attempt.text.strip(), attempt.key, pair.correct),
                tag(f"</{self.attempt}>\n"),
            ]
            if pair.reflection is not None:
                reflection = pair.reflection
                segments += [
                    tag(f"<{self.reflection}>"),
                    Segment("reflection", reflection.text.strip(), reflection.key, pair.correct),
                    tag(f"</{self.reflection}>\n"),
                ]
        if ending is not None:
            segments += [Segment("ending", ending.text, ending.source), tag("\n")]
        segments += [
            tag(f"</{self.think}>\n"),
            Segment("closing", closing.text, closing.source),
            tag(f"\n<{self.answer}>"),
            Segment("answer", answer, pairs[final].attempt.key, pairs[final].correct),
            tag(f"</{self.answer}>"),
        ]
        return tuple(segments)

    def parse(self, text: str) -> Parsed:
        """Take a response apart; tolerant of missing and misplaced tags, linear, never raising."""
        tries: list[Try] = []
        well_formed = True
        stack: list[str] = []
        opened: Counter[str] = Counter()
        opened_at = thought = answers = 0
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())
        for match in self._tag.finditer(text):
            closing, name = bool(match[1]), match[2]
            parent = stack[-1] if stack else ""
            if not closing:
                well_formed &= self._may_open(name, parent, thought, match.start() <= first)
                if name == self.reflection and not tries:
                    well_formed = False
                if name in (self.attempt, self.reflection):
                    opened_at = match.end()
                stack.append(name)
                opened[name] += 1
                continue
            if not opened[name]:
                well_formed = False
                continue
            while stack[-1] != name:
                well_formed = False
                opened[stack.pop()] -= 1
            opened[stack.pop()] -= 1
            if name in (self.attempt, self.reflection):
                # No stretch is read twice, even where these tags are nested.
                inner, opened_at = text[opened_at : match.start()], match.end()
            if name == self.attempt:
                tries.append(Try(self.extract(inner, final=False), False, None))
            elif name == self.reflection and tries:
                well_formed &= not tries[-1].reflected
                verdict = self.read_verdict(inner)
                well_formed &= verdict is not None
                tries[-1] = Try(tries[-1].answer, True, verdict)
            elif name == self.think:
                thought += 1
            elif name == self.answer and not stack:
                answers += 1
                well_formed &= match.end() >= last
        well_formed &= not stack and answers == 1 and bool(tries)
        return Parsed(well_formed, tuple(tries), self.extract(text, final=True))

    def _may_open(self, name: str, parent: str, thought: int, at_start: bool) -> bool:
        if name == self.think:
            return not parent and thought == 0 and at_start
        if name in (self.attempt, self.reflection, *self.marks):
            return parent == self.think
        if name == self.verdict:
            return parent == self.reflection
        if name == self.answer:
            return parent == self.attempt or (not parent and thought == 1)
        return False


def read_tag_format(path: Path) -> TagFormat:
    """Read a tag format from TOML: name, summary, the five tags, the two verdicts, and perhaps again and marks."""
    try:
        return TagFormat(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SkillFactoryError(f"tag file {path}: {error}") from error
    except (TypeError, ValueError) as error:
        names = ", ".join(field.name for field in attrs.fields(TagFormat))
        raise SkillFactoryError(
            f"tag file {path}: missing, unknown or unfit entry ({error.args[0]}); it needs {names}, each a text"
        ) from error
