"""Document: what pretraining reads, and the words in which a problem or a check is asked for."""

from pathlib import Path
from random import Random

import attrs

from skillfactory_core.prompts import Prompt, read_prompt_set

PROMPTS = read_prompt_set(Path(__file__).parents[1] / "prompts.toml")
"the corpus asks in the very words in which pocket is asked later"


@attrs.frozen
class Document:
    """One pretraining document. The loss is on `completion` alone: prompts hold deliberate slips."""

    kind: str
    "attempt, check, drill, markup, worksheet, exercise or copying"
    task: str
    "which task it is about; empty for those that are about none, or several"
    prompt: str
    "the user's message; empty for drills, markup and copying"
    completion: str
    "what the model learns to write"
    learned_after: str = ""
    "in a drill, the loss is on what follows this text: all else is drawn at random"


def ask(prompt: Prompt, question: str, attempt: str = "") -> str:
    """The user's message, as the stages make it."""
    return prompt.messages(question=question, attempt=attempt)[-1]["content"]


def attempt_document(task: str, prompt: Prompt, question: str, attempt: str) -> Document:
    return Document("attempt", task, ask(prompt, question), attempt)


def check_document(random: Random, task: str, question: str, attempt: str, wanted: str, check: str) -> Document:
    """One attempt and one check of it; one of the two requests is answered with the aim first."""
    plain, judge = PROMPTS.reflections
    if random.random() < 0.5:
        return Document("check", task, ask(plain, question, attempt), check)
    return Document("check", task, ask(judge, question, attempt), f"We want {wanted}. {check}")


def verdict(correct: bool) -> str:
    return f"<verdict>{'Correct' if correct else 'Incorrect'}</verdict>"
