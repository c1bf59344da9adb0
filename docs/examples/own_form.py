"""Own form: prompts, a skill with its phrases, and a tag format. Try it: sf -p docs/examples/own_form.py prompt-sets"""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.skill import Skill, read_phrases
from skillfactory_core.tags import TagFormat, read_tag_format

HERE = Path(__file__).parent


@hookimpl
def register_prompt_sets() -> list[PromptSet]:
    return [read_prompt_set(HERE / "prompts.toml")]


@hookimpl
def register_skills() -> list[Skill]:
    phrases = read_phrases(HERE / "phrases")
    summary, measures = "look at every answer again, and start anew", {"words_per_answer": words_per_answer}
    return [Skill("doubt", summary, reflects=True, retries=True, phrases=phrases, measures=measures)]


def words_per_answer(text: str, tags: TagFormat) -> float | None:
    """How many words it takes to come to an answer."""
    found = len(tags.parse(text).tries)
    return len(text.split()) / found if found else None


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    return [read_tag_format(HERE / "tags.toml")]
