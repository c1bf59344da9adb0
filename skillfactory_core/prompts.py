"""Prompt and PromptSet: named ways to ask, kept in a TOML file."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.skill import Phrase, read_phrases

Message = dict[str, str]
"{'role': ..., 'content': ...}, as chat templates take it"
FIELD = re.compile(r"\{([a-z_]+)\}")


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Put values into `{name}` fields; braces that name no value stay as they are (LaTeX is full of them)."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1], match[0])
        return ", ".join(map(str, found)) if isinstance(found, list | tuple) else str(found)

    return FIELD.sub(value, template)


@attrs.frozen
class Prompt:
    """One way to ask: a user message and perhaps a system message, with {question}, {answer_kind}, {attempt}."""

    name: str = attrs.field(validator=attrs.validators.matches_re(r"[^/]+"))
    "part of the keys of attempts and reflections, so without a slash"
    text: str = attrs.field(validator=attrs.validators.instance_of(str))
    system: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(str))
    )

    def messages(self, **values: str) -> list[Message]:
        messages = [{"role": "system", "content": fill(self.system, values)}] if self.system else []
        return [*messages, {"role": "user", "content": fill(self.text, values)}]


@attrs.frozen
class PromptSet:
    """Everything that is said to a model: to get attempts, to get reflections, and in traces, RL and evaluation."""

    name: str
    summary: str
    attempts: tuple[Prompt, ...] = attrs.field(validator=attrs.validators.min_len(1))
    reflections: tuple[Prompt, ...] = attrs.field(validator=attrs.validators.min_len(1))
    final: Prompt
    "the prompt of the traces, of RL and of evaluation"
    instruct: Prompt | None = attrs.field(default=None, repr=False)
    "the same for RL only with instructions (instructed = true): it explains the tags, and shows them as {form}"
    hints: tuple[Prompt, ...] = ()
    "prompts for attempts that hint at the right answer, as {hint}: rationalisation"
    hint_words: tuple[str, ...] = ()
    "an attempt at such a prompt that contains one of these words is dropped: it tells that it was told"
    questions: Mapping[str, str] = attrs.field(
        factory=dict,
        validator=attrs.validators.deep_mapping(value_validator=attrs.validators.instance_of(str)),
    )
    "task name -> a template over the problem's params that replaces the task's own wording"
    phrases: Mapping[str, tuple[Phrase, ...]] = attrs.field(factory=dict)
    "phrase banks that replace the skills' own, for models that know few words"

    def question(self, task: str, params: Mapping[str, Any], wording: str) -> str:
        """The problem in this set's words, or in the task's."""
        return fill(self.questions[task], params) if task in self.questions else wording

    def instructed(self, form: str) -> "PromptSet":
        """The set with the prompt that explains the tags in the place of the final one; `form` shows them."""
        if self.instruct is None:
            raise SkillFactoryError(
                f"prompt set '{self.name}' has no prompt that explains the tags: add [instruct] or leave instructed out"
            )
        shown = {"form": form}
        system = self.instruct.system and fill(self.instruct.system, shown)
        return attrs.evolve(self, final=Prompt("final", fill(self.instruct.text, shown), system))

    def only(self, names: Sequence[str], hints: bool) -> "PromptSet":
        """The set with these of its prompts for attempts (none named: all), with or without those that hint."""
        if hints and not self.hints:
            raise SkillFactoryError(
                f"prompt set '{self.name}' has no prompts that hint: add [hints.NAME] or leave sample.hints out"
            )
        for name in names:
            if name not in {prompt.name for prompt in self.attempts}:
                raise SkillFactoryError(
                    f"prompt set '{self.name}' has no prompt '{name}' for attempts: it has {', '.join(p.name for p in self.attempts)}"
                )
        chosen = tuple(prompt for prompt in self.attempts if not names or prompt.name in names)
        return attrs.evolve(self, attempts=chosen, hints=self.hints if hints else ())


def read_prompt_set(path: Path) -> PromptSet:
    """Read a prompt set from TOML: name, summary, [attempts.NAME], [reflections.NAME], [hints.NAME], [final], [instruct],
    [questions].

    `phrases = "FOLDER"` names a folder of phrase banks beside the file.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if "phrases" in table:
            table["phrases"] = read_phrases(path.parent / table["phrases"])
        final = Prompt("final", **table.pop("final"))
        instruct = Prompt("instruct", **table.pop("instruct")) if "instruct" in table else None
        attempts = tuple(Prompt(name, **p) for name, p in table.pop("attempts").items())
        reflections = tuple(Prompt(name, **p) for name, p in table.pop("reflections").items())
        hints = tuple(Prompt(name, **p) for name, p in table.pop("hints", {}).items())
        words = tuple(word.casefold() for word in table.pop("hint_words", ()))
        taken = {prompt.name for prompt in attempts} & {prompt.name for prompt in hints}
        if taken:
            raise ValueError(f"'{min(taken)}' is both in [attempts] and in [hints]")
        return PromptSet(
            attempts=attempts,
            reflections=reflections,
            hints=hints,
            hint_words=words,
            final=final,
            instruct=instruct,
            **table,
        )
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SkillFactoryError(f"prompt file {path}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SkillFactoryError(
            f"prompt file {path}: missing, unknown or unfit entry ({error.args[0]}); "
            "it needs name, summary, [final], [attempts.*] and [reflections.*] with text and perhaps system"
        ) from error
