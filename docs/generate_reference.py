"""Write the reference pages from the code: commands, settings, hooks, records, the kit and what is built in.

    python docs/generate_reference.py FOLDER

`conf.py` calls it at each build, so the reference can name nothing that the code does not have.
"""

import ast
import inspect
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import click
from from_source import annotations, field_notes, signature

from skillfactory_core import config, hookspecs, registry, testing
from skillfactory_core.cli import sf

RECORDS = {
    "problem": ("Problem",),
    "attempt": ("Attempt", "Grade", "GradedAttempt"),
    "reflection": ("Reflection",),
    "strategy": ("Pair", "Arrangement", "Strategy"),
    "trace": ("Segment", "Trace"),
    "evaluation": ("Response",),
    "task": ("Task",),
    "suite": ("Entry", "Suite", "read_suites"),
    "method": ("Method",),
    "prompts": ("Prompt", "PromptSet", "read_prompt_set"),
    "skill": ("Measure", "Phrase", "Skill", "read_phrases"),
    "tags": ("TagFormat", "Try", "Parsed", "read_tag_format"),
    "engine": ("Sampling", "Request", "Generation", "Model", "Engine"),
    "trainer": ("Lesson", "Question", "Reward", "SftSettings", "GrpoSettings", "Log", "Trainer"),
    "exporter": ("Exporter",),
    "run": ("Run", "open_run"),
    "table": ("Table",),
    "rewards": ("reward_of", "compute_score"),
    "results": ("summarise",),
    "workers": ("Workers", "Lost", "fork_for_each"),
    "errors": ("SkillFactoryError",),
}
"module -> its public names, in the order in which data flows"
MEASURED = Path(__file__).parent / "measured"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """A value as code in a table cell."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{text}`" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def python(text: str) -> str:
    return f"```python\n{text.rstrip()}\n```\n"


def hooks() -> Iterator[str]:
    for name, function in vars(hookspecs).items():
        if hasattr(function, "skillfactory_spec"):
            yield f"## {name}\n"
            yield python(f"def {name}{inspect.signature(function)}".replace("'", ""))
            yield f"{inspect.getdoc(function)}\n"


def commands() -> Iterator[str]:
    # Plugins bring the commands when a context is made.
    context = sf.make_context("sf", ["tasks"])
    yield from command("sf", sf, context)
    for name in sorted(sf.commands):
        one = sf.commands[name]
        yield from command(f"sf {name}", one, click.Context(one, info_name=name, parent=context))


def command(title: str, one: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"```text\n{title} {' '.join(one.collect_usage_pieces(context))}\n```\n"
    yield f"{inspect.cleandoc(one.help or '')}\n"
    if one.epilog and one.epilog.startswith("Example: "):
        yield f"```text\n{one.epilog.removeprefix('Example: ')}\n```\n"
    rows = []
    for parameter in one.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            rows.append([code(record[0]), cell(record[1])])
    yield table(["option", "meaning"], rows)


def settings() -> Iterator[str]:
    top = [f for f in attrs.fields(config.Config) if not is_table(f)]
    presets = {name: config.flatten(config.preset_settings(name)) for name in config.PRESETS}
    yield "## The top of the file\n"
    yield settings_table(config.Config, top, "", presets)
    for field in attrs.fields(config.Config):
        if is_table(field):
            yield f"## [{field.name}]\n"
            note = field_notes(config.Config).get(field.name)
            yield f"{note[0].upper()}{note[1:]}.\n" if note else ""
            yield settings_table(field.type, attrs.fields(field.type), f"{field.name}.", presets)


def is_table(field: "attrs.Attribute[Any]") -> bool:
    return isinstance(field.type, type) and attrs.has(field.type)


def settings_table(
    owner: Any, fields: Iterable["attrs.Attribute[Any]"], above: str, presets: Mapping[str, Mapping[str, Any]]
) -> str:
    notes, rows = field_notes(owner), []
    for field in fields:
        name = f"{above}{field.name}"
        sizes = [f"{p} {toml(preset[name])}" for p, preset in presets.items() if name in preset]
        rows.append([code(name), toml(default(field)), ", ".join(sizes), cell(notes.get(field.name, ""))])
    return table(["setting", "core", "presets", "meaning"], rows)


def default(field: "attrs.Attribute[Any]") -> Any:
    value = field.default
    return value.factory() if isinstance(value, attrs.Factory) else value  # type: ignore[arg-type]


def toml(value: Any) -> str:
    if value is attrs.NOTHING:
        return "required"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, str):
        return code(f'"{value}"')
    return code(list(value) if isinstance(value, tuple) else value)


def records() -> Iterator[str]:
    for module, names in RECORDS.items():
        source = import_module(f"skillfactory_core.{module}")
        yield f"## skillfactory_core.{module}\n"
        yield f"{inspect.getdoc(source)}\n"
        for name in names:
            yield from described(source, name)


def record(owner: type) -> Iterator[str]:
    yield f"### {owner.__name__}\n"
    yield f"{inspect.getdoc(owner)}\n"
    notes, types = field_notes(owner), annotations(owner)
    if types:
        yield table(
            ["field", "type", "meaning"],
            ([code(name), code(kind), cell(notes.get(name, ""))] for name, kind in types.items()),
        )
    for name, member in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield python(f"{name}: {signature(member.fget).rpartition('-> ')[2]}")
            yield f"{inspect.getdoc(member)}\n"
        found = getattr(member, "__func__", member)
        if inspect.isfunction(found) and found.__module__ == owner.__module__:
            yield python(f"def {name}{signature(found)}")
            yield f"{inspect.getdoc(found)}\n"


def kit() -> Iterator[str]:
    """Every public name of the kit, the checks first."""
    checks = [name for name in testing.__all__ if name.startswith("check_")]
    for title, names in (("Checks", checks), ("The rest", [name for name in testing.__all__ if name not in checks])):
        yield f"## {title}\n"
        for name in names:
            yield from described(testing, name)


def described(module: Any, name: str) -> Iterator[str]:
    """A class, a function, or a name for a type."""
    found = getattr(module, name)
    if inspect.isclass(found):
        yield from record(found)
    elif inspect.isfunction(found):
        yield f"### {name}\n"
        yield python(f"def {name}{signature(found)}")
        yield f"{inspect.getdoc(found)}\n"
    else:
        yield f"### {name}\n"
        yield from alias(module, name)


def alias(module: Any, name: str) -> Iterator[str]:
    """A name for a type: its line of the source, and the string under it, or what its module says."""
    for home in (module, *(m for m in sys.modules.values() if m and m.__name__.startswith(f"{module.__name__}."))):
        body = ast.parse(inspect.getsource(home)).body
        for line, note in zip(body, [*body[1:], None], strict=True):
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name:
                yield python(ast.unparse(line))
                said = isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant)
                yield f"{ast.literal_eval(note.value) if said else inspect.getdoc(home)}\n"  # type: ignore[union-attr]
                return


def built_in() -> Iterator[str]:
    kinds = (registry.TASK, registry.PROMPTS, registry.SKILL, registry.STRATEGY, registry.TAGS, registry.MODEL)
    for kind in (*kinds, registry.METHOD, registry.SUITE, registry.ENGINE, registry.TRAINER, registry.EXPORTER):
        yield f"## sf {kind.command}\n"
        ours = {
            name: (one, plugin)
            for name, (one, plugin) in registry.registered(kind).items()
            if plugin.distribution.startswith("skillfactory ")
        }
        yield table(
            ["name", "what", "module"],
            ([code(name), cell(one.summary), code(plugin.module)] for name, (one, plugin) in ours.items()),
        )
        for name, (one, _) in ours.items():
            owner = one if isinstance(one, type) else type(one)
            if kind in (registry.TASK, registry.STRATEGY) and attrs.fields(owner):
                yield f"Options of `{name}`:\n"
                yield options(one, owner)


def options(one: Any, owner: Any) -> str:
    """The options of a task (an instance) or of a strategy (a class)."""
    notes = field_notes(owner)
    rows = []
    for field in attrs.fields(owner):
        value = field.default if isinstance(one, type) else getattr(one, field.name)
        rows.append([code(field.name), "unset" if value is None else toml(value), cell(notes.get(field.name, ""))])
    return table(["option", "default", "meaning"], rows)


def model_settings() -> Iterator[str]:
    """The settings that each model of ours brings along, as its file has them."""
    for name, (model, plugin) in registry.registered(registry.MODEL).items():
        if model.settings and plugin.distribution.startswith("skillfactory "):
            text = Path(model.settings).read_text(encoding="utf-8")
            tomllib.loads(text)
            yield f"What `{name}` brings along:\n\n```toml\n{text.rstrip()}\n```\n"


def presets() -> Iterator[str]:
    for name in config.PRESETS:
        text = files("skillfactory_core").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
        yield f"`--preset {name}`:\n\n```toml\n{text.rstrip()}\n```\n"


def measured() -> Iterator[str]:
    """The list of the pages in docs/measured, which scripts write; a list of nothing would be a warning."""
    pages = sorted(path.stem for path in MEASURED.glob("*.md") if path.stem != "index")
    if pages:
        yield "\n".join(["```{toctree}", ":maxdepth: 1", "", *pages, "```\n"])
    else:
        yield "Nothing yet.\n"


PAGES = {
    "hooks": hooks,
    "commands": commands,
    "settings": settings,
    "presets": presets,
    "model-settings": model_settings,
    "records": records,
    "testing": kit,
    "built-in": built_in,
    "measured": measured,
}


def write_reference(folder: Path) -> None:
    """Write every page; one that did not change keeps its time, so that Sphinx builds it once."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", "\n".join(page())
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
