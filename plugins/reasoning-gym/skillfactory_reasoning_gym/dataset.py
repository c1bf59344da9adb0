"""Datasets of reasoning-gym, in a worker: configured from options, asked for one entry, and asked for a score.

Only worker.py and make_table.py call this: it imports reasoning-gym.
"""

import dataclasses
import json
import random
import typing
from collections.abc import Iterator
from datetime import date, time
from enum import Enum
from functools import lru_cache
from typing import Any

from skillfactory_reasoning_gym import wire
from skillfactory_reasoning_gym.reference import reference_of

NOT_OPTIONS = ("seed", "size")
"fields of every configuration that say which entries there are, and not of what kind"
RESEEDED = {
    *(
        "arc_agi",
        "caesar_cipher",
        "codeio",
        "emoji_mystery",
        "figlet_font",
        "group_anagrams",
        "letter_counting",
        "letter_jumble",
    ),
    *(
        "n_queens",
        "rush_hour",
        "sentence_reordering",
        "spell_backward",
        "word_ladder",
        "word_sequence_reversal",
        "word_sorting",
    ),
}
"datasets that read a file when they are opened, and take their seed when an entry is asked for: opened once, then reseeded"

ABBREVIATED = "\n ...\n"
"what numpy prints in place of most of an array: nobody can answer such a question"


@dataclasses.dataclass
class Field:
    """One field of a configuration, or of a configuration within it."""

    path: tuple[str, ...]
    type: Any
    default: Any


def fields_of(config: type) -> dict[str, Field]:
    """Option -> the field that it sets. A field of an inner configuration is named after both."""
    found: dict[str, Field] = {}
    default = config()
    for name, kind in typing.get_type_hints(config).items():
        if name in NOT_OPTIONS or name not in {field.name for field in dataclasses.fields(config)}:
            continue
        if dataclasses.is_dataclass(kind):
            for inner, field in fields_of(typing.cast(type, kind)).items():
                found[f"{name}_{inner}"] = Field((name, *field.path), field.type, field.default)
        else:
            found[name] = Field((name,), kind, getattr(default, name))
    return found


def built(kind: Any, value: Any) -> Any:
    """A value of an option as a configuration wants it."""
    inner = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{value!r:.40} is none of {', '.join(str(each.value) for each in kind)}") from None
    if kind in (date, time):
        return kind.fromisoformat(value)
    if origin is typing.Literal and value not in inner:
        raise ValueError(f"{value!r:.40} is none of {', '.join(map(str, inner))}")
    if isinstance(value, list):
        each = inner[0] if inner and inner[0] is not type(None) else Any
        items = [built(typing.get_args(kind)[0] if origin in (list, tuple) else each, one) for one in value]
        return tuple(items) if origin is tuple or kind is tuple else items
    return value


def config_of(name: str, options: dict[str, Any]) -> Any:
    """A checked configuration; it raises what says why not."""
    from reasoning_gym.factory import DATASETS

    config: Any = DATASETS[name][1](seed=0, size=1)
    fields = fields_of(DATASETS[name][1])
    for option, value in options.items():
        *outer, last = fields[option].path
        owner = config
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, last, built(fields[option].type, value))
    if hasattr(config, "__post_init__"):
        config.__post_init__()
    if hasattr(config, "validate"):
        config.validate()
    return config


@lru_cache(maxsize=32)
def opened(name: str, options: str) -> Any:
    """A dataset of one entry, from options as JSON text."""
    from reasoning_gym.factory import DATASETS

    return DATASETS[name][0](config=config_of(name, json.loads(options)))


def entry_of(name: str, options: str, seed: int) -> dict[str, Any]:
    """The entry of a seed."""
    import numpy
    from reasoning_gym.factory import DATASETS

    random.seed(seed)  # noqa: TID251 - some datasets draw from the global state, too; this process is theirs
    numpy.random.seed(seed % 2**32)
    if name in RESEEDED:
        dataset = opened(name, options)
        dataset.seed = seed
    else:
        config = config_of(name, json.loads(options))
        config.seed = seed
        dataset = DATASETS[name][0](config=config)
    found: dict[str, Any] = dataset[0]
    return found


def make(name: str, options: str, seed: int) -> dict[str, Any]:
    """The entry of a seed as text, with an answer that its own scorer takes; or why the entry is unfit."""
    entry = entry_of(name, options, seed)
    question = entry["question"].strip()
    reference = reference_of(name, entry)
    if not question or not reference.strip():
        return {"unfit": "no reference"}
    if ABBREVIATED in question:
        return {"unfit": "a question that leaves out the middle of its board"}
    metadata = {key: value for key, value in entry["metadata"].items() if key != "difficulty"}
    text = wire.write({"question": question, "answer": reference, "metadata": metadata})
    score = opened(name, options).score_answer(reference, wire.read(text))
    return {"entry": text} if score == 1 else {"unfit": f"its own answer scores {float(score):.3g}"}


def named() -> Iterator[tuple[str, type, type]]:
    """(name, dataset, configuration) of everything that is registered."""
    import reasoning_gym  # noqa: F401 - registers them
    from reasoning_gym.factory import DATASETS

    for name, (kind, config) in sorted(DATASETS.items()):
        yield name, kind, config


def warm_up() -> None:
    """What every worker needs, before the first is forked."""
    import numpy  # noqa: F401
    import sympy

    assert list(named())
    x = sympy.Symbol("x")
    for text in ("x**2 + sin(x)*exp(x)", "(1 + 2)*3/4"):
        sympy.simplify(sympy.diff(sympy.parse_expr(text, local_dict={"x": x}), x))
