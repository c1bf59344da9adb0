"""What the plugin brings: the skill with its measures, prompts, tags, the strategy, and the method that names them all."""

from pathlib import Path

from skillfactory_backtrack.measures import MEASURES
from skillfactory_backtrack.strategy import Backtracking
from skillfactory_backtrack.tags import BACKTRACK
from skillfactory_core import hookimpl
from skillfactory_core.method import Method
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.skill import Skill, read_phrases
from skillfactory_core.strategy import Strategy
from skillfactory_core.tags import TagFormat

HERE = Path(__file__).parent
NAME = "backtrack"
"of the skill, the tag format, the strategy, the prompt set and the method"


@hookimpl
def register_skills() -> list[Skill]:
    summary = "after a wrong answer, return to a named earlier step and go on from there"
    return [Skill(NAME, summary, retries=True, phrases=read_phrases(HERE / "phrases"), measures=MEASURES)]


@hookimpl
def register_prompt_sets() -> list[PromptSet]:
    return [read_prompt_set(HERE / "prompts.toml")]


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    return [BACKTRACK]


@hookimpl
def register_strategies() -> list[type[Strategy]]:
    return [Backtracking]


@hookimpl
def register_methods() -> list[Method]:
    # Returns are a new form to a model; one pass, as pocket makes for the paper's traces, does not install it.
    settings = {"skills": ["verify", NAME], "tags": NAME, "strategy": NAME, "sft": {"epochs": 4.0}}
    summary = "a wrong attempt, a return to the last step that a right one shares with it, and the right one from there"
    return [Method(NAME, summary, "Backtracking", settings=settings)]
