"""The skill to retry: after an answer, start a new attempt."""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.skill import Skill, read_phrases


@hookimpl
def register_skills() -> list[Skill]:
    phrases = read_phrases(Path(__file__).parent / "phrases" / "retry")
    return [Skill("retry", "after an answer, start a new attempt", retries=True, phrases=phrases)]
