"""Arms: the models that a run compares, by name: where each comes from, and which are the best of another's checkpoints."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillfactory_core.prompts import PromptSet
    from skillfactory_core.tags import TagFormat

FROM_BASE = ("rl-only", "rl-instructed")
"reinforced from the base, without traces: with the prompt of all, and with one that explains the tags"
BEST = "-best"
"what is put behind the name of an arm for its checkpoint that is best on the validation split"
NAME = rf"(?!(?:{'|'.join(('base', 'sft', *FROM_BASE))})$)(?!.*{BEST}$)[a-z0-9-]+"
"what a method, or an arm of a study, may be called"


def trained_as(arm: str) -> str:
    """The arm whose training a model comes from: another name for the best of its checkpoints alone."""
    return arm.removesuffix(BEST)


def is_best(arm: str) -> bool:
    return arm.endswith(BEST)


def asked_with(arm: str, prompts: "PromptSet", tags: "TagFormat") -> "PromptSet":
    """What it is trained and asked with: RL only with instructions has the prompt that explains the tags."""
    return prompts.instructed(tags.form) if trained_as(arm) == "rl-instructed" else prompts


def taught(arm: str) -> bool:
    """Whether a model learnt from traces."""
    return trained_as(arm) not in ("base", *FROM_BASE)
