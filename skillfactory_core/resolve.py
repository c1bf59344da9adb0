"""The settings of a run, put together from all their sources."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.config import (
    Config,
    layer,
    merge,
    model_settings,
    parse_flag,
    preset_settings,
    read_settings,
    structure,
)
from skillfactory_core.errors import SkillFactoryError


def resolve(
    task: str,
    preset: str,
    config_file: Path | None,
    flags: dict[str, Any],
    options: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> Config:
    """The configuration of a run from its sources, later ones on top; the model's own settings come under the file."""
    from skillfactory_core import registry
    from skillfactory_core.choices import find_model

    above: dict[str, Any] = read_settings(config_file) if config_file else {}
    above = layer(above, flags)
    for flag in settings:
        above = layer(above, parse_flag(flag))
    for name in ("task", "preset"):
        if name in above:
            raise SkillFactoryError(f"setting '{name}': give it as --{name}")
    for flag in options:
        above = merge(above, {"task_options": parse_flag(flag)})
    tables = preset_settings(preset)
    model = find_model(str(above.get("model", attrs.fields(Config).model.default)))
    if model.settings is not None:
        tables = layer(tables, model_settings(model.settings, preset, task))
    method = registry.find(registry.METHOD, str(above.get("method", attrs.fields(Config).method.default)))
    return structure(layer(layer(tables, method.settings), {**above, "task": task, "preset": preset}))


def default_name(config: Config) -> str:
    own = attrs.fields(Config).method.default
    parts = [config.task, Path(config.model).name, *([config.method] if config.method != own else ())]
    return "-".join(parts if config.preset == "default" else [*parts, config.preset])
