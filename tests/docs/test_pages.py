"""What the docs say works: every command and every piece of Python on every page is run, in order, as a reader would."""

import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from given import GIVEN
from pages import PAGES, ROOT, Block, all_blocks, blocks, lacks, name_of
from reader import LEFT_OUT, Reader, reader

from skillfactory_core.config import structure
from skillfactory_core.prompts import Prompt
from skillfactory_core.study.claims import read_claims
from skillfactory_core.study.plan import EXTRAS, read_extra

RUN = ("bash", "python")
WITH_BLOCKS = [page for page in PAGES if any(block.kind in RUN for block in all_blocks(page))]
READ = [block for page in PAGES for block in all_blocks(page) if block.kind in ("json", "toml")]
COUNTS = {
    "environment": 8,
    "waits": 8,
    "hub": 2,
    "gpus": 3,
    "processes": 1,
    "programs": 6,
    "publishing": 3,
    "inspect": 9,
    "tests": 6,
    "steps": 2,
}
"reason -> how many lines of the docs are not run for it. A new one has to be looked at: can it not be run after all?"
STARTS = ("sf", "skillfactory", "sf-pocket", "make", "pip", "pytest", "python", "accelerate", "export", "cd")
"words that a command begins with"


@pytest.fixture(scope="module")
def somebody() -> Iterator[Reader]:
    with reader() as who:
        yield who


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_every_block_of_a_page_works(page: Path, somebody: Reader, tmp_path: Path) -> None:
    missing = lacks(page)
    if missing and "SKILLFACTORY_PLUGINS" not in os.environ:
        pytest.skip(f"{', '.join(missing)} is not installed: make test-plugins")
    assert somebody.read(page, tmp_path / "here", GIVEN.get(name_of(page))) > 0


def test_a_page_that_is_wrong_is_found_out(somebody: Reader, tmp_path: Path) -> None:
    for number, wrong in enumerate(("sf show nothing --trace 0", "sf run --task countdwn", "false | true", "nonsense")):
        block = Block("page.md", 1, "bash", f"{wrong}\n")
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(AssertionError, match=r"page\.md:1 ends with"):
            somebody.shell(block, folder, folder)


def test_what_is_not_run_stands_on_its_page_and_is_counted() -> None:
    for reason in LEFT_OUT.values():
        assert reason["why"]
        for page, lines in reason["lines"].items():
            said = [line.strip() for body in blocks(ROOT / page, "bash") for line in body.splitlines()]
            assert not set(lines) - set(said), f"{page} does not say this any more: take it out of left_out.toml"
    counted = {name: sum(map(len, reason["lines"].values())) for name, reason in LEFT_OUT.items()}
    assert counted == COUNTS


def test_no_command_hides_in_a_block_that_is_not_run() -> None:
    for page in PAGES:
        for body in blocks(page, "text"):
            for line in body.splitlines():
                words = line.split()
                assert not words or words[0] not in STARTS, f"{name_of(page)}: make this a bash block: {line}"


PIECES: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "instruct": lambda tables: Prompt("instruct", **tables["instruct"]),
    "claims": lambda tables: read_claims(Path("a page"), tables["claims"]),
    **{name: lambda tables, name=name: read_extra(Path("a page"), name, tables[name]) for name in EXTRAS},
}
"tables of other files than a run's settings: what reads them"


@pytest.mark.parametrize("block", READ, ids=lambda block: block.place)
def test_every_block_of_settings_or_rows_is_one(block: Block) -> None:
    if block.kind == "json":
        assert all(isinstance(json.loads(line), dict) for line in block.body.splitlines())
    else:
        tables = tomllib.loads(block.body)
        if tables.keys() <= PIECES.keys():
            assert all(PIECES[name](tables) for name in tables)
        else:
            assert "project" in tables or structure({"task": "countdown", **tables})


def test_every_file_that_a_page_gives_away_is_used_there() -> None:
    assert GIVEN.keys() <= {name_of(page) for page in WITH_BLOCKS}
