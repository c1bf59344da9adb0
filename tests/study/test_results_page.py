"""The results page in the docs is made of the study's stored tables, which are of the study's file as it is."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Outcome

ROOT = Path(__file__).parents[2]
FILE = ROOT / "studies" / "pocket.toml"
TABLES = sorted(path.parent for path in (ROOT / "studies" / "pocket").glob("*/study.json"))
PAGE = ROOT / "docs" / "measured" / "study.md"


def test_the_page_is_what_its_command_makes(sf: Callable[..., Outcome], tmp_path: Path) -> None:
    made = sf("study", *TABLES, "--page", tmp_path / "study.md")
    assert made.code == 0, made.err
    assert (tmp_path / "study.md").read_text() == PAGE.read_text(), (
        "make it anew: sf study studies/pocket/* --page docs/measured/study.md"
    )


@pytest.mark.parametrize("tables", TABLES, ids=lambda path: path.name)
def test_the_tables_are_of_the_file_beside_them(tables: Path) -> None:
    """A setting or a claim that is changed after the runs would leave the page saying what the file does not."""
    said, about = tomllib.loads(FILE.read_text()), json.loads((tables / "study.json").read_text())
    assert about["plan"]["settings"] == said["settings"]
    assert {arm["name"] for arm in about["plan"]["arms"]} == said["arms"].keys()
    assert {name: claim["title"] for name, claim in about["claims"].items()} == {
        name: claim["title"] for name, claim in said["claims"].items()
    }
    assert all(cell in about["seeds"] for row in about["rows"].values() for cell in map(int, row["costs"]))
    assert sum(path.stat().st_size for path in tables.iterdir()) < 3_000_000, "a few MB for the whole study"
