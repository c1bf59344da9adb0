"""The prompt set for instruction-tuned models, after the paper's descriptions."""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.prompts import PromptSet, read_prompt_set


@hookimpl
def register_prompt_sets() -> list[PromptSet]:
    return [read_prompt_set(Path(__file__).parent / "prompts" / "paper.toml")]
