"""The results page in the docs is made of the study's stored tables, which are of the study's file as it is."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Outcome

ROOT = Path(__file__).parents[2]
PAGES = {"pocket": "study.md", "longer": "study-longer.md"}
TABLES = sorted(path.parent for path in (ROOT / "studies").glob("*/*/study.json"))


def test_every_study_has_its_tables_and_its_page() -> None:
    assert PAGES.keys() == {path.stem for path in (ROOT / "studies").glob("*.toml")}
    assert PAGES.keys() == {tables.parent.name for tables in TABLES}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_its_command_makes(name: str, sf: Callable[..., Outcome], tmp_path: Path) -> None:
    made = sf("study", *(tables for tables in TABLES if tables.parent.name == name), "--page", tmp_path / "page.md")
    assert made.code == 0, made.err
    assert (tmp_path / "page.md").read_text() == (ROOT / "docs/measured" / PAGES[name]).read_text(), (
        f"make it anew: sf study studies/{name}/* --page docs/measured/{PAGES[name]}"
    )


@pytest.mark.parametrize("tables", TABLES, ids=lambda path: f"{path.parent.name} {path.name}")
def test_the_tables_are_of_the_file_beside_them(tables: Path) -> None:
    """A setting or a claim that is changed after the runs would leave the page saying what the file does not."""
    said = tomllib.loads(tables.parent.with_suffix(".toml").read_text())
    about = json.loads((tables / "study.json").read_text())
    assert about["plan"]["settings"] == said["settings"]
    assert {arm["name"] for arm in about["plan"]["arms"]} == said["arms"].keys()
    assert {name: claim["title"] for name, claim in about["claims"].items()} == {
        name: claim["title"] for name, claim in said["claims"].items()
    }
    assert all(cell in about["seeds"] for row in about["rows"].values() for cell in map(int, row["costs"]))
    assert sum(path.stat().st_size for path in tables.iterdir()) < 3_000_000, "a few MB for the whole study"
