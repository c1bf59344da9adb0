"""The skill double_check: after an answer, check it, and do it again. With phrases and a tag format of its own.

One file is a whole plugin: sf -p double_check.py skills
"""

from skillfactory_core import hookimpl
from skillfactory_core.skill import Phrase, Skill
from skillfactory_core.tags import TagFormat

SAID = {
    "correct": ["It holds. Once more, by another way.", "Fine so far; I check it a second time."],
    "incorrect": ["That fails the check. Again, from the start.", "No. Another way."],
    "closing": ["Checked twice.", "Both checks agree."],
}


@hookimpl
def register_skills() -> list[Skill]:
    phrases = {bank: tuple(Phrase(text, bank) for text in texts) for bank, texts in SAID.items()}
    summary = "after an answer, check it and do it again"
    return [Skill("double_check", summary, reflects=True, retries=True, phrases=phrases)]


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    """What a trace looks like: <work> <try>…</try> <check>…<verdict>Correct</verdict></check> </work> <answer>…</answer>."""
    return [
        TagFormat(
            "try-check",
            "work, try, check; verdict and answer as pocket writes them",
            think="work",
            attempt="try",
            reflection="check",
            verdict="verdict",
            answer="answer",
            correct="Correct",
            incorrect="Incorrect",
        )
    ]
