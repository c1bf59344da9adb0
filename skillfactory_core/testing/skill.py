"""Check a skill: its phrases can stand in a trace, somebody says them, and its measures measure any text."""

from collections.abc import Iterator, Sequence
from math import isfinite
from numbers import Real

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt
from skillfactory_core.measure import Measured, misnamed
from skillfactory_core.reflection import Reflection
from skillfactory_core.skill import Measure, Phrase, Skill
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import TagFormat
from skillfactory_core.testing.demand import demand

BANKS = ("correct", "incorrect", "generic", "closing")
"the phrase banks that every trace may draw from; strategies name others as their endings"


def check_skill(skill: Skill, endings: Sequence[str] = ()) -> None:
    """A skill does something; its phrases are clean lines that break no trace in any tag format that is installed; its measures
    give a number or None for any text in each of them.

    `endings`: banks for the endings of a strategy whose options are not the default.
    """
    name = f"skill '{skill.name}'"
    demand(skill.summary.strip(), f"{name} has no summary: say what a trace shows")
    does = skill.reflects or skill.retries or skill.phrases or skill.measures
    demand(does, f"{name} does nothing: it neither reflects nor retries, and has neither phrases nor measures")
    known = {*BANKS, *endings, *installed_endings()}
    for bank, phrases in skill.phrases.items():
        demand(bank in known, f"{name}: no trace draws from a bank '{bank}': there is {', '.join(sorted(known))}")
        check_phrases(f"{name}, bank '{bank}'", phrases)
    for title, measure in skill.measures.items():
        demand(not misnamed(title), f"{name}: its measure '{title}' {misnamed(title)}")
        says = Measured(title, skill, measure).meaning
        demand(says, f"{name}: its measure '{title}' has no docstring, whose first line says what it means")
        for tags, _ in registry.registered(registry.TAGS).values():
            check_measure(f"{name}, measure '{title}', tag format '{tags.name}'", measure, tags)


def check_measure(name: str, measure: Measure, tags: TagFormat) -> None:
    """A measure gives a finite number or None, the same one each time, and never raises."""
    for text in responses(tags):
        try:
            one, two = measure(text, tags), measure(text, tags)
        except Exception as error:
            raise AssertionError(f"{name}: raised {error!r:.80} on {text!a:.60}") from error
        number = isinstance(one, Real) and isfinite(one)
        demand(one is None or number, f"{name}: gave {one!r:.40} on {text!a:.60}, which is neither a number nor None")
        demand(one == two, f"{name}: gave {one} and then {two} on {text!a:.60}")


def responses(tags: TagFormat) -> Iterator[str]:
    """A trace in this format, whole and cut off at every tag, and texts that nobody should write."""
    spoken = Phrase("Again.", "generic:1")
    pairs = [tried(tags, False, words="1 + 1 = 2.\n2 + 2 = 5.\n"), tried(tags, True, 1, words="1 + 1 = 2. ")]
    segments = tags.write(pairs, [spoken], spoken, "1")
    for count in range(len(segments) + 1):
        yield "".join(segment.text for segment in segments[:count])
    yield from (f"{before}{name}>" * 3 for name in tags.names for before in ("<", "</"))
    yield from ("\0\ud800", "²٣ 1e999 -0", "\n" * 99, "step " * 999)


def installed_endings() -> Iterator[str]:
    """The endings of the strategies that are installed, with their default options."""
    for strategy, _ in registry.registered(registry.STRATEGY).values():
        yield from strategy().endings


def check_phrases(name: str, phrases: Sequence[Phrase]) -> None:
    """The phrases of one bank."""
    demand(phrases, f"{name} is empty")
    texts = [phrase.text for phrase in phrases]
    for phrase in phrases:
        clean = phrase.text and phrase.text == " ".join(phrase.text.split())
        demand(clean, f"{name}: {phrase.text!r:.80} is not one line without white space around it")
        demand(texts.count(phrase.text) == 1, f"{name}: {phrase.text!r:.80} is there twice")
        for tags, _ in registry.registered(registry.TAGS).values():
            demand(said(tags, phrase), f"{name}: {phrase.text!r:.80} breaks a trace in tag format '{tags.name}'")


def said(tags: TagFormat, phrase: Phrase) -> bool:
    """Whether a trace with this phrase between its attempts and at its end is read as the one without it."""

    def read(text: str) -> object:
        spoken = Phrase(text, phrase.source)
        segments = tags.write([tried(tags, False), tried(tags, True)], [spoken], spoken, "1", ending=spoken)
        return tags.parse("".join(segment.text for segment in segments))

    return not tags.breaks(phrase.text, inner="") and read(phrase.text) == read("")


def tried(tags: TagFormat, correct: bool, number: int = 0, answer: str = "1", words: str = "") -> Pair:
    """An attempt and a true reflection on it, as a model would write them in this format."""
    key = f"kit/default/train/0/kit/{number}"
    verdict = tags.correct if correct else tags.incorrect
    attempt = Attempt(
        key, "kit/default/train/0", "kit", number, f"{words}<{tags.answer}>{answer}</{tags.answer}>", 1, "stop"
    )
    critique = f"{words}<{tags.verdict}>{verdict}</{tags.verdict}>"
    reflection = Reflection(f"{key}/kit/0", key, attempt.problem, "kit", 0, critique, 1, "stop", correct, "")
    return Pair(attempt, answer, correct, reflection)
