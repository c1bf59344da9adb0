"""Choices: everything that a configuration names, looked up; a wrong name is an error before any work starts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.engine import Engine, Model
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.measure import check_names
from skillfactory_core.prompts import PromptSet, read_prompt_set
from skillfactory_core.skill import Phrase, Skill, read_phrases
from skillfactory_core.stages.problems import exams_of, task_of
from skillfactory_core.stages.rearrange import join_banks, read_strategy
from skillfactory_core.strategy import Strategy
from skillfactory_core.tags import TagFormat
from skillfactory_core.trainer import Trainer


@attrs.frozen
class Choices:
    """The records and classes behind the names of a configuration."""

    model: Model
    start: str
    "weights that are fine-tuned: the model's own, or others that sft.start names"
    prompts: PromptSet
    skills: tuple[Skill, ...]
    banks: Mapping[str, Sequence[Phrase]]
    tags: TagFormat
    strategy: Strategy
    engine: type[Engine]
    trainer: Trainer


def find_model(name: str) -> Model:
    """A registered model, a folder, or a Hub name (which has a slash)."""
    if name not in registry.registered(registry.MODEL) and name and (Path(name).exists() or "/" in name):
        return Model(name, name, "")
    model: Model = registry.find(registry.MODEL, name, "; a folder or a Hub name such as owner/name works too")
    return model


def choose(config: Config) -> Choices:
    """Look up every name of a configuration."""
    task_of(config)
    exams_of(config)
    method = registry.find(registry.METHOD, config.method)
    if method.needs_teacher and not config.teacher:
        raise SkillFactoryError(
            f"method '{config.method}' learns from a teacher's traces: give their file with -s teacher=FILE"
        )
    if config.teacher and not Path(config.teacher).is_file():
        raise SkillFactoryError(f"teacher file {config.teacher} does not exist")
    model = find_model(config.model)
    skills = tuple(registry.find(registry.SKILL, name) for name in config.skills)
    check_names(skills)
    is_file = config.prompts.endswith(".toml")
    prompts = read_prompt_set(Path(config.prompts)) if is_file else registry.find(registry.PROMPTS, config.prompts)
    prompts = prompts.only(config.sample.prompts, config.sample.hints)
    tags = registry.find_tags(config.tags)
    trainer = open_trainer(registry.find(registry.TRAINER, config.trainer), config)
    if config.instructed and config.trains:
        prompts.instructed(tags.form)
    if config.grpo.validation and config.trains and not trainer.keeps:
        raise SkillFactoryError(
            f"grpo.validation = {config.grpo.validation} needs the weights of every checkpoint, and trainer '{config.trainer}' "
            "leaves only the last: set grpo.validation to 0, or take another trainer (sf trainers)"
        )
    replaced = replacing(config.phrases, skills) if config.phrases else prompts.phrases or None
    strategy = read_strategy(registry.find(registry.STRATEGY, config.strategy), config.strategy_options)
    banks = join_banks(skills, replaced, strategy.endings)
    for phrase in (phrase for bank in banks.values() for phrase in bank):
        if tags.breaks(phrase.text, inner=""):
            raise SkillFactoryError(
                f"phrase {phrase.source} holds a tag of '{tags.name}', which would break traces: {phrase.text}"
            )
    return Choices(
        model=model,
        start=find_model(config.sft.start).path if config.sft.start else model.path,
        prompts=prompts,
        skills=skills,
        banks=banks,
        tags=tags,
        strategy=strategy,
        engine=registry.find(registry.ENGINE, config.engine),
        trainer=trainer,
    )


def replacing(phrases: str, skills: Sequence[Skill]) -> Mapping[str, tuple[Phrase, ...]]:
    """The banks that a setting puts in the place of all others: those of a skill of the run, or of a folder."""
    named = {skill.name: skill.phrases for skill in skills}
    if phrases in named:
        return named[phrases]
    if not Path(phrases).is_dir():
        raise SkillFactoryError(
            f"phrases: there is no folder '{phrases}', and no such skill in this run ({', '.join(named)})"
        )
    return read_phrases(Path(phrases))


def unsaid(config: Config, chosen: Choices) -> str:
    """The skills that a run asked for and whose phrases it does not say; empty where there are none."""
    if config.phrases or not chosen.prompts.phrases:
        return ""
    asked = [skill.name for skill in chosen.skills if skill.phrases and skill.name not in Config("").skills]
    return asked[0] if asked else ""


def open_engine(engine: type[Engine], model: str, config: Config) -> Engine:
    """An engine with its options set."""
    try:
        return engine(model, config.seed, **config.engine_options)
    except TypeError as error:
        raise SkillFactoryError(f"engine '{engine.name}': {error} (engine_options)") from error


def open_trainer(trainer: type[Trainer], config: Config) -> Trainer:
    """A trainer with its options set."""
    try:
        return trainer(**config.trainer_options)
    except TypeError as error:
        raise SkillFactoryError(f"trainer '{trainer.name}': {error} (trainer_options)") from error
