"""Pocket's plugin: the embedded base model, its prompt set and the settings that suit it."""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.engine import Model
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.suite import Suite, read_suites

HERE = Path(__file__).parent


@hookimpl
def register_models() -> list[Model]:
    return [
        Model(
            "pocket",
            str(HERE / "weights"),
            "the embedded base model: 2.0 M parameters, guesses at five tasks and checks, never retries",
            str(HERE / "settings.toml"),
        )
    ]


@hookimpl
def register_prompt_sets() -> list[PromptSet]:
    return [read_prompt_set(HERE / "prompts.toml")]


@hookimpl
def register_suites() -> list[Suite]:
    return read_suites(HERE / "suites.toml")
