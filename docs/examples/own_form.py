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
    return [Skill("doubt", "look at every answer again, and start anew", reflects=True, retries=True, phrases=phrases)]


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    return [read_tag_format(HERE / "tags.toml")]
