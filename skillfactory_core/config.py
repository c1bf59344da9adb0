"""Config: everything that decides what a run does, and where each value came from.

Later sources win: the defaults below (the paper's numbers) < the preset < the model's own settings < the method < a file given
with --config < flags.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import attrs
import cattrs
from attrs.validators import and_, ge, le

from skillfactory_core.arms import BEST
from skillfactory_core.deadline import SECONDS
from skillfactory_core.engine import Sampling
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.trainer import GrpoSettings, SftSettings

Settings = TypeVar("Settings", bound=attrs.AttrsInstance)

PRESETS = ("default", "smoke", "paper")


@attrs.frozen
class SampleSettings:
    problems: int = attrs.field(default=4000, validator=ge(1))
    "problems of the train split to attempt"
    attempts: int = attrs.field(default=16, validator=ge(1))
    "attempts per problem and prompt variant"
    prompts: tuple[str, ...] = ()
    "names of the prompt variants to use; empty: all of the prompt set"
    hints: bool = False
    "also ask with the prompts that hint at the right answer (rationalisation)"


@attrs.frozen
class ReflectSettings:
    reflections: int = attrs.field(default=4, validator=ge(1))
    "reflections per attempt, dealt over the reflection prompts in turn"


@attrs.frozen
class RearrangeSettings:
    per_problem: int = attrs.field(default=0, validator=ge(0))
    "most traces of one problem. 0: as many as the strategy makes"
    distinct: bool = False
    "no trace shows two attempts of the same text"
    repeats: int = attrs.field(default=1, validator=ge(1))
    "how often the strategy goes over the pairs of a problem, drawing anew"
    subsample: int = attrs.field(default=0, validator=ge(0))
    "traces kept of the whole run, by a hash of their keys. 0: all"


@attrs.frozen
class EvaluateSettings:
    variants: tuple[str, ...] = ()
    "difficulties of the task to evaluate on; empty: all it names"
    suites: tuple[str, ...] = ()
    "suites whose exams are added to these (sf suites); more may be added when a run goes on"
    own: bool = True
    "evaluate on the difficulties of the run's own task; without, only on the suites"
    problems: int = attrs.field(default=500, validator=ge(1))
    "problems of the evaluation split per exam: a difficulty, or one of a suite"
    samples: int = attrs.field(default=0, validator=ge(0))
    "responses per problem. 0: what the task asks for, 4 or, for small sets, 34"
    seed: int = 0
    "seed of the evaluation problems, apart from the run's so that runs with different seeds can be compared"


@attrs.frozen
class Config:
    """The settings of a run, as config.toml shows them."""

    task: str
    "name of the task (sf tasks)"
    method: str = "skillfactory"
    "how the traces are made (sf methods): the paper's method, an ablation or another baseline"
    model: str = "pocket"
    "a model's name (sf models), a folder or a Hub name"
    preset: str = "default"
    "where the sizes came from: default, smoke or paper"
    seed: int = 0
    "of everything that is drawn"
    trains: bool = True
    "train models and compare them; without, only the model as it is is evaluated"
    baselines: bool = True
    "also train and evaluate RL only, from the base"
    instructed: bool = False
    "also train and evaluate RL only with a prompt that explains the tags ([instruct] of the prompt set)"
    engine: str = "transformers"
    "what generates text (sf engines)"
    engine_options: dict[str, Any] = attrs.field(factory=dict)
    "options of the engine, such as the addresses of servers; they may differ when a run goes on"
    trainer: str = "trl"
    "what trains (sf trainers)"
    trainer_options: dict[str, Any] = attrs.field(factory=dict)
    "options of the trainer, such as the servers that make the completions of GRPO; they may differ when a run goes on"
    prompts: str = "paper"
    "a prompt set's name or a TOML file"
    skills: tuple[str, ...] = ("verify", "retry")
    "what the traces show (sf skills)"
    phrases: str = ""
    "what replaces the phrases of prompt set and skills: a folder of phrase banks, or one of the run's skills"
    tags: str = "sample-reflect"
    "how traces are written and responses read: a name (sf tag-formats) or a TOML file"
    strategy: str = "algorithm1"
    "which attempts a trace holds, in which order (sf strategies)"
    teacher: str = ""
    "a file of a teacher's responses (.jsonl or .parquet) that takes the place of the model's own attempts"
    part: int = attrs.field(default=64, validator=ge(1))
    "problems per part of a table: the unit of memory"
    most_failures: float = attrs.field(default=0.05, validator=and_(ge(0), le(1)))
    "share of failed generations that ends a stage"
    most_seconds: float = attrs.field(default=SECONDS, validator=ge(0))
    "seconds that plugins may take over one record before the run ends; 0: for ever; it may differ when a run goes on"
    task_options: dict[str, Any] = attrs.field(factory=dict)
    "options of the task, such as numbers = 4"
    strategy_options: dict[str, Any] = attrs.field(factory=dict)
    "options of the strategy, such as most_right = 5"
    sampling: Sampling = attrs.field(factory=Sampling)
    "of attempts and reflections"
    sample: SampleSettings = attrs.field(factory=SampleSettings)
    reflect: ReflectSettings = attrs.field(factory=ReflectSettings)
    rearrange: RearrangeSettings = attrs.field(factory=RearrangeSettings)
    sft: SftSettings = attrs.field(factory=SftSettings)
    grpo: GrpoSettings = attrs.field(factory=GrpoSettings)
    rl_only: dict[str, Any] = attrs.field(factory=dict)
    "settings of [grpo] that differ for the rl-only baseline"
    evaluate: EvaluateSettings = attrs.field(factory=EvaluateSettings)
    evaluate_sampling: Sampling = attrs.field(factory=lambda: Sampling(max_tokens=16384))
    "of the responses in evaluation"

    @property
    def reinforced(self) -> tuple[str, ...]:
        """The models that GRPO trains: from the traces, alone, and alone with a prompt that explains the tags."""
        asked = {self.method: self.trains, "rl-only": self.baselines, "rl-instructed": self.instructed}
        return tuple(arm for arm, wanted in asked.items() if wanted and self.trains)

    @property
    def arms(self) -> tuple[str, ...]:
        """The models that a run compares: as it came, after the traces, and each that GRPO trained, with the best of its checkpoints."""
        names = ("", BEST) if self.grpo.validation else ("",)
        tuned = ("sft",) if self.trains else ()
        return ("base", *tuned, *(f"{arm}{name}" for arm in self.reinforced for name in names))


_converter = cattrs.Converter(forbid_extra_keys=True)


@_converter.register_structure_hook
def _int(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    return value


@_converter.register_structure_hook
def _float(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


@_converter.register_structure_hook
def _str(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


@_converter.register_structure_hook
def _bool(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _texts(value: Any, _: Any) -> tuple[str, ...]:
    # Text is a sequence too: without this 'verify' would be six skills of one letter.
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{value!r} is not a list of texts")
    return tuple(value)


_converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with those of `above` on top, table by table."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def layer(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a later source on top; the options of a strategy go when another strategy comes."""
    strategy = below.get("strategy", attrs.fields(Config).strategy.default)
    if above.get("strategy", strategy) != strategy:
        below = {name: value for name, value in below.items() if name != "strategy_options"}
    return merge(below, above)


def structure(settings: Mapping[str, Any]) -> Config:
    """Check and type settings; the error names the key."""
    config = _structure(settings, Config, "")
    rl_only_settings(config)
    if "validation" in config.rl_only:
        raise SkillFactoryError("configuration: rl_only.validation: every arm is validated alike; set grpo.validation")
    return config


def rl_only_settings(config: Config) -> GrpoSettings:
    """The settings of [grpo], with those of [rl_only] on top."""
    return _structure(attrs.asdict(config.grpo) | config.rl_only, GrpoSettings, "rl_only")


def _structure(settings: Mapping[str, Any], kind: type[Settings], above: str) -> Settings:
    try:
        return _converter.structure(settings, kind)
    except cattrs.ClassValidationError as errors:
        first = cattrs.transform_error(errors, path=above, format_exception=_reason)[0]
        reason, _, path = first.rpartition(" @ ")
        name = path.lstrip(".")
        raise SkillFactoryError(f"configuration: {name}{name and ': '}{reason} (see docs/reference/config)") from errors


def _reason(error: BaseException, _: Any) -> str:
    """What is wrong with one setting."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        name, known = min(error.extra_fields), [field.name for field in attrs.fields(error.cl)]
        near = get_close_matches(name, known, n=1)
        return f"no setting named '{name}': " + (
            f"did you mean '{near[0]}'?" if near else f"there is {', '.join(known)}"
        )
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, ValueError):
        return str(error)
    return "must be a table of settings"


def read_settings(path: Path) -> dict[str, Any]:
    """A TOML file of settings."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SkillFactoryError(f"configuration file {path} cannot be read: {error}") from error


def preset_settings(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise SkillFactoryError(f"no preset named '{name}': choose one of {', '.join(PRESETS)}")
    text = files(__package__).joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def model_settings(path: str, preset: str, task: str) -> dict[str, Any]:
    """The settings a model brings along: its [all] table under that of the preset, and that of the task on top."""
    tables = read_settings(Path(path))
    return merge(merge(tables.get("all", {}), tables.get(preset, {})), tables.get("task", {}).get(task, {}))


def unstructure(config: Config) -> dict[str, Any]:
    """A configuration as the plain tables that config.toml holds."""
    tables: dict[str, Any] = _converter.unstructure(config)
    return tables


def flatten(tables: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """{'sft.rate': ...}: the settings by dotted name."""
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        name = f"{above}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def parse_flag(flag: str) -> dict[str, Any]:
    """`sft.rate=1e-3` as nested tables; the value is TOML, or text where it is not."""
    name, equals, text = flag.partition("=")
    if not equals or not name:
        raise SkillFactoryError(f"setting '{flag}': write NAME=VALUE, such as sft.epochs=2")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for part in reversed(name.split(".")):
        value = {part: value}
    return dict(value)
