"""The skill to verify: after an answer, a separate passage checks it and ends in a verdict."""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.skill import Skill, read_phrases


@hookimpl
def register_skills() -> list[Skill]:
    phrases = read_phrases(Path(__file__).parent / "phrases" / "verify")
    return [Skill("verify", "after an answer, check it and say whether it is right", reflects=True, phrases=phrases)]
