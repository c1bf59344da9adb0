"""Write tasks.json, the table of all datasets, from the version of reasoning-gym that is installed.

    python -m skillfactory_reasoning_gym.make_table

Options and levels are what that version has, and a test compares them. How long a problem takes, and which levels become variants,
is measured here.
"""

import dataclasses
import json
import signal
import time
import typing
from datetime import date
from datetime import time as clock
from enum import Enum
from typing import Any

from skillfactory_reasoning_gym import dataset, wire
from skillfactory_reasoning_gym.audit import LEFT_OUT
from skillfactory_reasoning_gym.table import PATH

VARIANTS = 2
"levels harder than the default that a task is evaluated on"
TRIED = 12
"problems that are made of a level before it becomes a variant"
PATIENCE = 5
"seconds of computing after which a level is given up, as some take for ever"
TIMED, ENOUGH = 20, 2.0
"problems by which the computing time of one is measured, or those of so many seconds"
SECONDS, LENGTH = 0.2, 2_000
"the most that one problem of a variant may take, and the most characters of its question"
KINDS = {int: "int", float: "float", bool: "bool", str: "str"}


def kind_of(kind: Any) -> str:
    """The type of an option, in the words of option.py: 'int', '[str]', '[[float]]'."""
    if kind in KINDS:
        return KINDS[kind]
    if (
        kind in (date, clock)
        or typing.get_origin(kind) is typing.Literal
        or (isinstance(kind, type) and issubclass(kind, Enum))
    ):
        return "str"
    inner = [each for each in typing.get_args(kind) if each not in (type(None), Ellipsis)]
    if typing.get_origin(kind) is typing.Union:
        return kind_of(inner[0])
    return f"[{kind_of(inner[0]) if inner else 'str'}]"


def told(value: Any) -> Any:
    """The default of an option, as it is typed after -o."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | clock):
        return value.isoformat()
    return [told(each) for each in value] if isinstance(value, list | tuple) else value


def options_of(config: type) -> dict[str, list[Any]]:
    """Option -> [kind, default]."""
    found = {}
    for name, field in dataset.fields_of(config).items():
        kind, default = kind_of(field.type), told(field.default)
        if kind == "int" and isinstance(default, float):  # reasoning-gym's own annotation is wrong there
            kind = "float"
        if kind.startswith("[") and isinstance(default, str):  # ("x") for ("x",)
            default = [default]
        found[name] = [kind, default]
    return found


def levels_of(name: str, config: type, options: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """Level of the curriculum -> what it sets, without levels that set nothing, are as one before, or are refused."""
    from reasoning_gym.factory import CURRICULA

    found: dict[str, dict[str, Any]] = {}
    if name not in CURRICULA:
        return found
    for level in range(max((len(each.levels) for each in CURRICULA[name]().attributes.values()), default=0)):
        curriculum = CURRICULA[name]()
        curriculum.set_global_level(level)
        try:
            made = curriculum.generate_configuration()
            given = {field.name: told(getattr(made, field.name)) for field in dataclasses.fields(config)}
            changes = {
                option: given[option] for option in options if option in given and given[option] != options[option][1]
            }
            dataset.config_of(name, changes)
        except Exception as error:  # noqa: BLE001 - their own levels that their own checks refuse
            print(f"{name}: level {level} is refused: {type(error).__name__}: {error}")
            continue
        if changes and changes not in found.values():
            found[str(level)] = changes
    return found


def harder(changes: dict[str, Any], options: dict[str, list[Any]]) -> bool:
    """Whether every upper bound and every plain number stays or grows, and one grows."""
    numbers = {option: value for option, value in changes.items() if not option.startswith("min_")}
    if not all(type(value) is int and type(options[option][1]) is int for option, value in numbers.items()):
        return False
    return bool(numbers) and all(value > options[option][1] for option, value in numbers.items())


def seconds_of(name: str) -> float:
    """The computing time of one problem, without opening the dataset."""
    dataset.opened(name, "{}")
    start = time.process_time()
    made = 0
    while made < TIMED and time.process_time() - start < ENOUGH:
        dataset.make(name, "{}", made)
        made += 1
    return round((time.process_time() - start) / made, 3)


def quick(name: str, changes: dict[str, Any]) -> bool:
    """Whether problems of a level are made quickly, are not too long, and have right answers."""
    text = json.dumps(changes)
    lengths = []
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        dataset.opened(name, text)
        start = time.process_time()
        for seed in range(TRIED):
            made = dataset.make(name, text, seed)
            if "entry" not in made:
                return False
            lengths.append(len(wire.read(made["entry"])["question"]))
        spent = time.process_time() - start
    except Exception as error:  # noqa: BLE001 - their own levels
        print(f"{name}: {changes}: {type(error).__name__}: {error}")
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return spent <= TRIED * SECONDS and max(lengths) <= LENGTH


def give_up(*_: Any) -> None:
    raise TimeoutError(f"more than {PATIENCE} s")


def table() -> dict[str, Any]:
    """Everything but what is measured."""
    from importlib.metadata import version

    from reasoning_gym.dataset import ProceduralDataset

    found = {}
    for name, kind, config in dataset.named():
        if name in LEFT_OUT:
            continue
        options = options_of(config)
        found[name] = {
            "category": kind.__module__.split(".")[1],
            "compares": kind.score_answer is ProceduralDataset.score_answer,  # type: ignore[attr-defined]
            "options": options,
            "levels": levels_of(name, config, options),
        }
    return {"version": version("reasoning-gym"), "tasks": found}


def main() -> None:
    dataset.warm_up()
    signal.signal(signal.SIGVTALRM, give_up)
    found = table()
    for name, task in found["tasks"].items():
        options = task["options"]
        candidates = [level for level, changes in task["levels"].items() if harder(changes, options)]
        chosen: list[str] = []
        for level in candidates:
            if len(chosen) < VARIANTS and quick(name, task["levels"][level]):
                chosen.append(level)
        task["variants"] = chosen
        task["seconds"] = seconds_of(name)
        print(name, chosen, task["seconds"], flush=True)
    lines = [f"{json.dumps(name)}: {json.dumps(task, ensure_ascii=False)}" for name, task in found["tasks"].items()]
    body = ",\n".join(lines)
    PATH.write_text(f'{{"version": {json.dumps(found["version"])}, "tasks": {{\n{body}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
