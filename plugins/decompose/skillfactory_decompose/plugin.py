"""Decompose's plugin: prompts, tag format, strategy, skill and methods; it says what was left out of the traces."""

import sys
import tomllib
from pathlib import Path
from typing import Any

from skillfactory_core import hookimpl
from skillfactory_core.method import Method
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.run import Run
from skillfactory_core.skill import Skill, read_phrases
from skillfactory_core.strategy import Strategy
from skillfactory_core.tags import TagFormat
from skillfactory_decompose.count import counts, told
from skillfactory_decompose.measures import MEASURES
from skillfactory_decompose.strategy import Decompose
from skillfactory_decompose.tags import SHORT, SUBGOALS

HERE = Path(__file__).parent


@hookimpl
def register_prompt_sets() -> list[PromptSet]:
    return [read_prompt_set(HERE / "prompts.toml")]


@hookimpl
def register_skills() -> list[Skill]:
    phrases = read_phrases(HERE / "phrases")
    summary = "state subgoals, solve and check each, then answer; split anew where the answer is wrong"
    return [Skill("decompose", summary, reflects=True, retries=True, phrases=phrases, measures=MEASURES)]


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    return [SUBGOALS, SHORT]


@hookimpl
def register_strategies() -> list[type[Strategy]]:
    return [Decompose]


@hookimpl
def register_methods() -> list[Method]:
    tables = tomllib.loads((HERE / "methods.toml").read_text(encoding="utf-8"))
    return [Method(name, **table) for name, table in tables.items()]


@hookimpl
def stage_finished(run: Run, stage: str, summary: dict[str, Any]) -> None:
    """After the traces were made by this strategy: how many attempts are in none, because they could not be taken apart."""
    if stage == "rearrange" and run.config.strategy == Decompose.name and not run.config.teacher:
        print(told(counts(run)), file=sys.stderr)
