"""Plan: which runs a study has, from its TOML file."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.arms import BEST, FROM_BASE, NAME
from skillfactory_core.config import Config, merge
from skillfactory_core.errors import SkillFactoryError, not_found
from skillfactory_core.study.claims import Claim, read_claims

KEYS = ("title", "task", "preset", "seeds", "settings", "arms", "claims")
ARM_KEYS = ("method", "rounds", "title", "tuned", "settings")


@attrs.frozen
class Arm:
    """One way to train, which every seed does once."""

    name: str
    method: str
    title: str
    rounds: int = 1
    "of STaR"
    tuned: bool = True
    "evaluate it after fine-tuning too, before GRPO"
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    "on top of those of the study"


@attrs.frozen(kw_only=True)
class Extra:
    """What is done with some rows on some exams beyond the evaluation, which costs as much as one."""

    rows: tuple[str, ...] = attrs.field(converter=tuple)
    exams: tuple[str, ...] = attrs.field(converter=tuple)


@attrs.frozen(kw_only=True)
class Forcing(Extra):
    """Responses are made to go on (budget forcing)."""

    budget: int
    "tokens of the standard responses"
    force: int
    "tokens of those that had to go on"


@attrs.frozen(kw_only=True)
class Limits(Extra):
    """Responses with another limit of tokens."""

    tokens: int


@attrs.frozen(kw_only=True)
class Counterfactual(Extra):
    """Responses are cut after a verdict, which is kept, swapped or dropped, and go on."""

    responses: int = 100
    "at most, per exam"
    branches: int = 4
    "endings of each change"


EXTRAS: Mapping[str, type[Extra]] = {"forcing": Forcing, "limits": Limits, "counterfactual": Counterfactual}


@attrs.frozen
class Study:
    """Arms and seeds. The first arm also has the base and, as settings say, RL alone to be compared with."""

    name: str
    title: str
    task: str
    preset: str
    seeds: tuple[int, ...]
    settings: Mapping[str, Any]
    arms: tuple[Arm, ...]
    extras: tuple[Extra, ...] = ()
    claims: tuple[Claim, ...] = ()
    doing: tuple[int, ...] = ()
    "the seeds that this machine does; all, where none is named"

    @property
    def runs(self) -> list[tuple[Arm, int]]:
        """(arm, seed) of every run, in the order in which one process does them."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms]

    @property
    def todo(self) -> list[tuple[Arm, int]]:
        """The runs that this machine does."""
        return [(arm, seed) for arm, seed in self.runs if not self.doing or seed in self.doing]

    def only(self, seeds: Sequence[int]) -> "Study":
        """The runs of some seeds; all, without any."""
        for seed in seeds:
            if seed not in self.seeds:
                raise not_found(f"seed of study {self.name}", str(seed), map(str, self.seeds), "study")
        return attrs.evolve(self, doing=tuple(seeds)) if seeds else self

    def folder(self, arm: Arm, seed: int) -> str:
        return f"{arm.name}-{seed}"

    def config(self, arm: Arm, seed: int) -> Config:
        """The settings of one run."""
        from skillfactory_core.resolve import resolve

        first = arm is self.arms[0]
        own = {"method": arm.method, "seed": seed, **({} if first else {"baselines": False, "instructed": False})}
        return resolve(self.task, self.preset, None, merge(merge(self.settings, arm.settings), own))


def read_study(path: Path) -> Study:
    """The study of a file; what is wrong with it is one line that names the key."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SkillFactoryError(f"study {path} cannot be read: {error}") from error
    check_keys(path, "", tables, (*KEYS, *EXTRAS))
    seeds = tables.get("seeds", [0])
    arms = tables.get("arms", {})
    task = tables.get("task")
    if not isinstance(task, str):
        raise SkillFactoryError(f'study {path}: it names no task (task = "countdown")')
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise SkillFactoryError(f"study {path}: seeds = {seeds!r} is not a list of whole numbers")
    if len(set(seeds)) < len(seeds):
        raise SkillFactoryError(f"study {path}: seeds = {seeds!r} names one twice")
    if not isinstance(arms, dict) or not arms:
        raise SkillFactoryError(f"study {path}: it has no arms ([arms.skillfactory])")
    study = Study(
        name=path.stem,
        title=str(tables.get("title", path.stem)),
        task=task,
        preset=str(tables.get("preset", "default")),
        seeds=tuple(seeds),
        settings=tables.get("settings", {}),
        arms=tuple(read_arm(path, name, table) for name, table in arms.items()),
        extras=tuple(read_extra(path, name, tables[name]) for name in EXTRAS if name in tables),
        claims=read_claims(path, tables.get("claims", {})),
    )
    for arm in study.arms:
        study.config(arm, seeds[0])
    check_names(path, study)
    return study


def check_names(path: Path, study: Study) -> None:
    """The rows and exams that are named are there."""
    from skillfactory_core.stages.problems import exams_of
    from skillfactory_core.study.rows import rows_of

    rows, exams = rows_of(study), exams_of(study.config(study.arms[0], study.seeds[0]))
    parts = [part for claim in study.claims for part in claim.parts]
    said = [*((part.row, part.against) for part in parts), *(extra.rows for extra in study.extras)]
    asked = [*((*part.exams, *part.against_exams) for part in parts), *(extra.exams for extra in study.extras)]
    for kind, names, known in (("row", said, rows), ("exam", asked, exams)):
        for name in (name for some in names for name in some if name):
            if name not in known:
                raise not_found(f"{kind} of study {path}", name, known, "study")


def read_arm(path: Path, name: str, table: Any) -> Arm:
    if not re.fullmatch(NAME, name):
        raise SkillFactoryError(
            f"study {path}: an arm cannot be called '{name}': take small letters, digits and -; base, sft, {', '.join(FROM_BASE)} "
            f"and what ends in {BEST} are taken"
        )
    if not isinstance(table, dict):
        raise SkillFactoryError(f"study {path}: arms.{name} is not a table ([arms.{name}])")
    check_keys(path, f"arms.{name}.", table, ARM_KEYS)
    rounds = table.get("rounds", 1)
    if type(rounds) is not int or rounds < 1:
        raise SkillFactoryError(f"study {path}: arms.{name}.rounds = {rounds!r} is not a whole number from 1 on")
    tuned = table.get("tuned", True)
    if not isinstance(tuned, bool):
        raise SkillFactoryError(f"study {path}: arms.{name}.tuned = {tuned!r} is not true or false")
    method, title = str(table.get("method", name)), str(table.get("title", ""))
    return Arm(name, method, title, rounds, tuned, table.get("settings", {}))


def read_extra(path: Path, name: str, table: Any) -> Extra:
    if not isinstance(table, dict):
        raise SkillFactoryError(f"study {path}: {name} is not a table ([{name}])")
    fields = attrs.fields_dict(EXTRAS[name])
    check_keys(path, f"{name}.", table, tuple(fields))
    said: dict[str, Any] = {
        key: table.get(key, None if field.default is attrs.NOTHING else field.default) for key, field in fields.items()
    }
    for key, value in said.items():
        if key in ("rows", "exams"):
            if not isinstance(value, list) or not value:
                raise SkillFactoryError(f"study {path}: {name}.{key} = {value!r} is not a list of names")
        elif type(value) is not int or value < 1:
            raise SkillFactoryError(f"study {path}: {name}.{key} = {value!r} is not a whole number from 1 on")
    extra = EXTRAS[name](**said)
    if isinstance(extra, Forcing) and extra.budget >= extra.force:
        raise SkillFactoryError(
            f"study {path}: forcing.budget = {extra.budget} and forcing.force = {extra.force} are not two growing numbers of tokens"
        )
    return extra


def check_keys(path: Path, above: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise not_found(f"entry of study {path}", above + key, [above + k for k in known], "study")
