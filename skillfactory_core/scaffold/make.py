"""Make the folder of a new distribution, whole or not at all."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from skillfactory_core import __version__
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.scaffold.name import check_name, class_name

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = {"github": ".github", "gitignore": ".gitignore"}
"names that begin with a dot, which would not survive every way to pack us"


def distribution_of(name: str) -> str:
    """How the package of a plugin is called."""
    return "skillfactory-" + name.replace("_", "-")


def make(kind: str, name: str, folder: Path) -> list[Path]:
    """Fill a folder that is not there yet; returns its files."""
    check_name(kind, name)
    if folder.exists():
        raise SkillFactoryError(f"{folder} is there already: choose another folder with --to")
    folder = folder.absolute()
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    try:
        for path, text in rendered(kind, name):
            (making / path).parent.mkdir(parents=True, exist_ok=True)
            (making / path).write_text(text, encoding="utf-8")
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def rendered(kind: str, name: str) -> Iterator[tuple[Path, str]]:
    """(path, text) of every file: those of all kinds, and those of this one."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True)
    words = {
        "kind": kind,
        "name": name,
        "class_name": class_name(name),
        "distribution": distribution_of(name),
        "version": __version__,
    }
    for place in ("every", kind):
        for path in sorted((TEMPLATES / place).rglob("*.j2")):
            parts = path.relative_to(TEMPLATES / place).with_suffix("").parts
            target = Path(*(HIDDEN.get(part, part.replace("NAME", name)) for part in parts))
            yield target, templates.get_template(path.relative_to(TEMPLATES).as_posix()).render(words)
