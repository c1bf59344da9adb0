"""What docs/explanation/stability.md promises: no public name changes unseen, and none without a line in the changelog."""

import ast
import re
from pathlib import Path

import pytest
from renew import PUBLIC, RELEASED, broken, public_names, read, surface

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "stability.md"
EXAMPLES = [*(ROOT / "docs" / "examples").glob("*.py")]


@pytest.fixture(scope="module")
def now(finished: Path) -> dict[str, str]:
    return surface(finished)


def test_the_public_names_are_those_of_the_snapshot(now: dict[str, str]) -> None:
    before = read(PUBLIC)
    changed = [f"{name}: {before.get(name)} -> {now.get(name)}" for name in sorted(before.keys() | now.keys())]
    changed = [
        line
        for line, name in zip(changed, sorted(before.keys() | now.keys()), strict=True)
        if before.get(name) != now.get(name)
    ]
    assert not changed, "if that is meant: python tests/stability/renew.py\n" + "\n".join(changed)


def changed_names(changelog: str) -> str:
    """The section of what is not released yet that tells of changed names."""
    unreleased = changelog.partition("\n## [Unreleased]")[2].partition("\n## [")[0]
    return unreleased.partition("\n### Changed names\n")[2].partition("\n### ")[0]


def untold(changes: dict[str, str], changelog: str) -> list[str]:
    section = changed_names(changelog)
    return [f"`{name}` {what}" for name, what in changes.items() if f"`{name}`" not in section]


def test_every_changed_name_is_told_in_the_changelog(now: dict[str, str]) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "\n### Changed names\n" in changelog
    missing = untold(broken(read(RELEASED), now), changelog)
    assert not missing, "CHANGELOG.md, section Changed names, has to tell of:\n" + "\n".join(missing)


BEFORE = {
    "core.Task": "class (object)",
    "core.Task.grade": "def (self, answer: str) -> Grade",
    "sf run": "command",
    "sf run --seed": "integer = 0",
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, {}),
        ({"core.Task.solve": "def (self) -> str"}, {}),
        ({"core.Task.note": "field str = ''"}, {}),
        ({"sf run --fast": "flag = False"}, {}),
        ({"core.Other": "class (object)", "core.Other.name": "field str, required"}, {}),
        (
            {"core.Task.note": "field str, required"},
            {"core.Task.note": "is new and must be given, as 'field str, required'"},
        ),
        ({"sf run --who": "text, required"}, {"sf run --who": "is new and must be given, as 'text, required'"}),
        ({"core.Task.grade": None}, {"core.Task.grade": "is gone"}),
        ({"sf run --seed": "integer = 1"}, {"sf run --seed": "was 'integer = 0', is 'integer = 1'"}),
    ],
    ids=str,
)
def test_what_is_added_is_no_change_and_what_is_taken_or_demanded_is(
    change: dict[str, str | None], told: dict[str, str]
) -> None:
    after = {name: kind for name, kind in {**BEFORE, **change}.items() if kind is not None}
    assert broken(BEFORE, after) == told


def test_a_change_is_told_under_its_heading_and_before_the_release_alone() -> None:
    changes = {"core.Task.grade": "is gone"}
    line = "- `core.Task.grade`: now `mark`.\n"
    head = "# Changelog\n\n## [Unreleased]\n\n### Changed names\n\n"
    assert untold(changes, f"{head}{line}") == []
    assert untold(changes, f"{head}Nothing.\n\n### Fixed\n\n{line}") == ["`core.Task.grade` is gone"]
    assert untold(changes, f"{head}Nothing.\n\n## [0.1.0]\n\n### Changed names\n\n{line}") == [
        "`core.Task.grade` is gone"
    ]


def test_the_page_names_every_public_name() -> None:
    spans = set(re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8")))
    for module, names in public_names().items():
        assert module in spans, module
        if module != "skillfactory_core.testing":
            assert not set(names) - spans, f"{module}: {set(names) - spans}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_plugin_needs_public_names_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skillfactory"):
            public = public_names().get(node.module or "", ())
            assert {alias.name for alias in node.names} <= set(public), f"{path.name}: {node.module}"
        elif isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("skillfactory")]
