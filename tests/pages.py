"""The pages that a reader finds: README.md and its like, and docs/; their blocks of code, in order."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import attrs
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    *(page for page in sorted(DOCS.rglob("*.md")) if not {"_build", "_generated"} & set(page.parts)),
]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>\{?[\w-]+\}?)(?: +(?P<path>\S+))?\n(?P<body>.*?)^(?P=indent)```", re.M | re.S
)
NAMED = re.compile(r"`([\w./-]+\.\w+)`:$")
"the end of a sentence that names the file which the next block is"


@attrs.frozen
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    "where it begins"
    kind: str
    "bash, python … or a directive, as {literalinclude}"
    body: str
    path: str = ""
    "what a directive is about"
    file: str = ""
    "the file that the reader is told to make of it; empty where there is none"

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def all_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        indent, body = len(found["indent"]), found["body"]
        plain = "".join(line[indent:] for line in body.splitlines(keepends=True))
        before = text[: found.start()].rstrip()
        directive = found["kind"].startswith("{")
        named = re.search(r"^:caption: (\S+)$", plain, re.M) if directive else NAMED.search(before)
        file = named[1] if named and not (ROOT / named[1]).exists() else ""
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name_of(page), line, found["kind"], plain, found["path"] or "", file)


def blocks(page: Path, kind: str) -> Iterator[str]:
    """The text of those of one kind."""
    return (block.body for block in all_blocks(page) if block.kind == kind)


def project_of(page: Path) -> dict[str, Any]:
    """The package that a page is the README of; empty where it is none of a plugin."""
    file = page.parent / "pyproject.toml"
    if page.parent.parent != ROOT / "plugins" or not file.exists():
        return {}
    project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return project


def is_here(requirement: str) -> bool:
    """Whether a package is installed, whatever version."""
    try:
        distribution(Requirement(requirement).name)
    except PackageNotFoundError:
        return False
    return True


def lacks(page: Path) -> list[str]:
    """What the plugin of a page asks for and is not installed; `make test-plugins` has all of it."""
    return [asked for asked in project_of(page).get("dependencies", ()) if not is_here(asked)]
