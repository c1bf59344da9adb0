"""sf reproduce: the same run again, and what differs."""

import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from conftest import Outcome

from skillfactory_core.run import Run, open_run

Sf = Callable[..., Outcome]


def test_a_run_that_is_reproduced_is_the_same_bit_by_bit(sf: Sf, copied: Path) -> None:
    outcome = sf("reproduce", copied)
    assert outcome.code == 0, outcome.out + outcome.err
    assert outcome.out.splitlines()[-1] == "nothing differs"
    assert open_run(copied.with_name("it-again")).config == open_run(copied).config
    files = sum(len(stage.get("files", ())) for stage in open_run(copied).manifest()["stages"].values())
    assert outcome.out.splitlines()[0] == f"{files} tables and models are the same, bit by bit"


def test_what_differs_is_named_record_by_record(sf: Sf, copied: Path) -> None:
    run = open_run(copied)
    rows = run.attempts.read(0)
    run.attempts.finish(0, [attrs.evolve(rows[0], text="something else"), *rows[1:]])
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["machine"]["cores"] = 99
    (copied / "manifest.json").write_text(json.dumps(manifest))
    outcome = sf("reproduce", copied, "--json")
    assert outcome.code == 1
    found = {each["what"]: each for each in json.loads(outcome.out)["differences"]}
    path = "2-attempts/part-00000.parquet"
    assert found.keys() == {f"{path}: {rows[0].key}, text", f"{path}: in {copied}", "machine: cores"}
    assert found[f"2-attempts/part-00000.parquet: {rows[0].key}, text"]["before"] == "something else"


def test_results_that_differ_are_named_with_their_intervals(sf: Sf, copied: Path) -> None:
    run = open_run(copied)
    table = run.responses("base", "4")
    for number in table.parts():
        table.finish(number, [attrs.evolve(row, correct=True) for row in table.read(number)])
    outcome = sf("reproduce", copied)
    assert outcome.code == 1
    assert "accuracy of base on 4: 100.0 (" in outcome.out


def test_a_missing_table_is_a_difference(sf: Sf, copied: Path) -> None:
    outcome = sf("reproduce", copied, "--until", "sample")
    assert outcome.code == 1
    assert "3-grades/part-00000.parquet: there | missing" in outcome.out


@pytest.mark.parametrize("imported", [True, False])
def test_what_cannot_be_done_again_is_one_line(sf: Sf, empty: Run, imported: bool) -> None:
    if imported:
        empty.record("problems", {"imported": "somewhere"})
    outcome = sf("reproduce", empty.folder)
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert ("import them again" if imported else "no finished stage") in outcome.err
