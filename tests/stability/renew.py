"""What the promise of docs/explanation/stability.md covers, read from the code; and the file that holds it.

python tests/stability/renew.py            after a change that is meant: writes public.json
python tests/stability/renew.py --release  with a release: also writes released.json, which changes are told against
"""

import inspect
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import click
import pyarrow.parquet as pq

from skillfactory_core import hookspecs
from skillfactory_core.cli import sf
from skillfactory_core.config import Config, flatten, unstructure

HERE = Path(__file__).parent
PUBLIC, RELEASED = HERE / "public.json", HERE / "released.json"
WORLD = HERE.parent / "scripted_world.py"
NAMES = {
    "skillfactory_core": ("hookimpl", "__version__"),
    "skillfactory_core.errors": ("SkillFactoryError",),
    "skillfactory_core.problem": ("Problem",),
    "skillfactory_core.attempt": ("Attempt", "Grade", "GradedAttempt"),
    "skillfactory_core.reflection": ("Reflection",),
    "skillfactory_core.strategy": ("Pair", "Arrangement", "Strategy"),
    "skillfactory_core.trace": ("Segment", "Trace"),
    "skillfactory_core.evaluation": ("Response",),
    "skillfactory_core.task": ("Task",),
    "skillfactory_core.suite": ("Entry", "Suite", "read_suites"),
    "skillfactory_core.method": ("Method",),
    "skillfactory_core.prompts": ("Prompt", "PromptSet", "read_prompt_set"),
    "skillfactory_core.skill": ("Phrase", "Measure", "Skill", "read_phrases"),
    "skillfactory_core.tags": ("TagFormat", "Try", "Parsed", "read_tag_format"),
    "skillfactory_core.engine": ("Sampling", "Request", "Generation", "Model", "Engine"),
    "skillfactory_core.trainer": ("Lesson", "Question", "Reward", "SftSettings", "GrpoSettings", "Log", "Trainer"),
    "skillfactory_core.exporter": ("Exporter",),
    "skillfactory_core.run": ("Run", "open_run"),
    "skillfactory_core.table": ("Table",),
    "skillfactory_core.rewards": ("reward_of", "compute_score"),
    "skillfactory_core.results": ("summarise",),
    "skillfactory_core.workers": ("Workers", "Lost", "fork_for_each"),
}
"module -> its public names; of skillfactory_core.testing, whatever its __all__ says"


def public_names() -> dict[str, tuple[str, ...]]:
    try:
        testing = import_module("skillfactory_core.testing")
    except ModuleNotFoundError:
        return NAMES
    return {**NAMES, "skillfactory_core.testing": tuple(getattr(testing, "__all__", ()))}


def surface(run: Path) -> dict[str, str]:
    """name -> how it looks, of everything that is public; `run` is a finished run of the scripted world."""
    parts = [*python_names(), *hooks(), *commands(), *settings(), *tables(run)]
    found = dict(parts)
    assert len(found) == len(parts), "two public things have one name"
    return dict(sorted(found.items()))


def python_names() -> Iterator[tuple[str, str]]:
    for module, names in public_names().items():
        for name in names:
            thing = getattr(import_module(module), name)
            place = f"{module}.{name}"
            if inspect.isclass(thing):
                yield from class_names(place, thing)
            elif inspect.isfunction(thing):
                yield place, f"def {signature(thing)}"
            else:
                yield place, shown(thing) if hasattr(thing, "__args__") else type(thing).__name__


def class_names(place: str, owner: type) -> Iterator[tuple[str, str]]:
    """A class, its fields and its methods, each as a name of its own: what is added changes nothing."""
    yield place, f"class ({', '.join(base.__name__ for base in owner.__bases__)})"
    fields = {f.name: f for f in attrs.fields(owner)} if attrs.has(owner) else {}
    for name, field in fields.items():
        if not name.startswith("_"):
            yield f"{place}.{name}", f"field {typed(field.type)}{default(field)}"
    for each in reversed(owner.__mro__):
        if not each.__module__.startswith("skillfactory_core"):
            continue
        for name, member in vars(each).items():
            if name in fields or (name.startswith("_") and name != "__init__") or each is not owner:
                continue
            if name == "__init__" and fields:
                continue
            if isinstance(member, property):
                yield f"{place}.{name}", f"property {signature(member.fget)}"
            elif isinstance(member, classmethod | staticmethod):
                yield f"{place}.{name}", f"{type(member).__name__} {signature(member.__func__)}"
            elif inspect.isfunction(member):
                yield f"{place}.{name}", f"def {signature(member)}"
        for name, kind in vars(each).get("__annotations__", {}).items():
            if name not in fields and not name.startswith("_") and each is owner:
                value = f" = {vars(each)[name]!r}" if name in vars(each) and isinstance(vars(each)[name], plain) else ""
                yield f"{place}.{name}", f"attribute {typed(kind)}{value}"


plain = str | int | float | bool | tuple | None


def signature(function: Any) -> str:
    return shown(inspect.signature(function)).replace("'", "").replace('"', "")


def typed(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else shown(kind)


def shown(thing: object) -> str:
    """As text, the same on every Python."""
    return str(thing).replace("typing.", "").replace("pathlib._local.", "pathlib.")


def default(field: "attrs.Attribute[Any]") -> str:
    if field.default is attrs.NOTHING:
        return ", required"
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    return f" = {value!r}"


def hooks() -> Iterator[tuple[str, str]]:
    for name, function in vars(hookspecs).items():
        if hasattr(function, "skillfactory_spec"):
            yield f"hook {name}", signature(function)


def commands() -> Iterator[tuple[str, str]]:
    """Commands of ours, their arguments and their options."""
    sf.make_context("sf", ["tasks"])
    for option in sf.params:
        yield from parameter("sf", option)
    for name, command in sf.commands.items():
        if (command.callback.__module__ if command.callback else "").startswith("skillfactory_core."):
            yield f"sf {name}", "command"
            for each in command.params:
                yield from parameter(f"sf {name}", each)


def parameter(command: str, each: click.Parameter) -> Iterator[tuple[str, str]]:
    kind = each.type.name if not isinstance(each.type, click.Choice) else "|".join(map(str, each.type.choices))
    many = " many" if each.multiple or each.nargs == -1 else ""
    need = ", required" if each.required else ""
    if isinstance(each, click.Option):
        # A default of None may mean what the help says; others are part of the promise.
        value = "" if each.default is None or repr(each.default).startswith("Sentinel") else f" = {each.default!s}"
        for flag in (*each.opts, *each.secondary_opts):
            yield f"{command} {flag}", f"{'flag' if each.is_flag else kind}{many}{value}{need}"
    else:
        yield f"{command} {(each.name or '').upper()}", f"argument {kind}{many}{need}"


def settings() -> Iterator[tuple[str, str]]:
    for name, value in flatten(unstructure(Config(task="TASK"))).items():
        yield f"setting {name}", repr(value)


def tables(run: Path) -> Iterator[tuple[str, str]]:
    """The files of a run folder, with the columns of its tables; numbers of parts and names of exams are left out."""
    seen: dict[str, str] = {}
    for path in sorted(run.rglob("*")):
        parts = path.relative_to(run).parts
        if not path.is_file() or path.suffix in (".lock", ".tmp") or (parts[0][0] in "67" and "model" in parts):
            continue
        name = re.sub(r"-\d+(?=/)", "-EXAM", re.sub(r"part-\d+", "part-N", "/".join(parts)))
        if path.suffix != ".parquet":
            seen[f"run folder {name}"] = "file"
            continue
        for column in pq.read_schema(path):
            seen[f"run folder {name}: {column.name}"] = str(column.type)
    for entry in json.loads((run / "manifest.json").read_text(encoding="utf-8")):
        seen[f"run folder manifest.json: {entry}"] = "entry"
    yield from seen.items()


def broken(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """name -> what happened to it, of what others may rely on: gone, changed, or added to what they must give."""
    told = {name: "is gone" for name in before if name not in now}
    told |= {
        name: f"was '{before[name]}', is '{now[name]}'"
        for name in before
        if now.get(name, before[name]) != before[name]
    }
    for name in now.keys() - before.keys():
        owner = max((known for known in before if re.match(rf"{re.escape(known)}[. ]", name)), key=len, default="")
        if owner and now[name].endswith(", required"):
            told[name] = f"is new and must be given, as '{now[name]}'"
    return dict(sorted(told.items()))


def read(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def made() -> dict[str, str]:
    """The surface, with a run that is made for it in a process of its own: its plugins are no part of the promise."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            Path(sys.executable).with_name("sf"),
            "-p",
            WORLD,
            "run",
            "--task",
            "countdown",
            "--model",
            "scripted",
        ]
        subprocess.run([*command, "--name", "it", "--runs", folder], check=True, capture_output=True)
        return surface(Path(folder) / "it")


def main() -> None:
    before, now = read(PUBLIC) if PUBLIC.exists() else {}, made()
    text = json.dumps(now, indent=1, ensure_ascii=False) + "\n"
    PUBLIC.write_text(text, encoding="utf-8")
    if "--release" in sys.argv or not RELEASED.exists():
        RELEASED.write_text(text, encoding="utf-8")
    for name in sorted(now.keys() - before.keys()):
        print(f"new: {name}")
    for name, what in broken(read(RELEASED), now).items():
        print(f"tell of it in CHANGELOG.md, Changed names: `{name}` {what}")


if __name__ == "__main__":
    main()
