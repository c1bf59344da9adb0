"""A study that several machines did, some seeds each: their stored tables joined are those of one machine."""

import json
from collections.abc import Callable
from pathlib import Path

from conftest import Outcome
from toy_study import WAYS, timeless, written

Sf = Callable[..., Outcome]


def timeless_tables(folder: Path) -> dict[str, object]:
    about = json.loads((folder / "study.json").read_text())
    for row in about["rows"].values():
        for cost in row["costs"].values():
            del cost["hours"], cost["cpu_hours"]
    return about


def test_seeds_of_several_machines_are_joined_to_what_one_would_have(sf: Sf, tmp_path: Path) -> None:
    file = written(tmp_path, WAYS)
    assert sf("study", file, "--to", tmp_path / "one", "--tables", tmp_path / "all").code == 0
    for seed in (0, 1):
        made = sf("study", file, "--to", tmp_path / f"seed{seed}", "--seed", seed, "--tables", tmp_path / f"t{seed}")
        assert made.code == 0, made.err
        folders = [path.parent.name for path in (tmp_path / f"seed{seed}").glob("*/config.toml")]
        assert sorted(folders) == [f"any-order-{seed}", f"skillfactory-{seed}"]
    # The order in which they are named does not matter.
    joined = sf("study", tmp_path / "t1", tmp_path / "t0", "--tables", tmp_path / "both", "--json")
    assert joined.code == 0, joined.err
    assert (tmp_path / "both" / "cells.parquet").read_bytes() == (tmp_path / "all" / "cells.parquet").read_bytes()
    assert timeless_tables(tmp_path / "both") == timeless_tables(tmp_path / "all")
    (tmp_path / "both" / "results.json").write_text(joined.out)
    assert timeless(tmp_path / "both").strip() == timeless(tmp_path / "one").strip()
    # The tables of one seed from a folder that holds both are the same.
    assert sf("study", file, "--to", tmp_path / "one", "--seed", 1, "--results", "--tables", tmp_path / "t").code == 0
    assert (tmp_path / "t" / "cells.parquet").read_bytes() == (tmp_path / "t1" / "cells.parquet").read_bytes()


def test_what_cannot_be_joined_is_one_line(sf: Sf, tmp_path: Path) -> None:
    file, tables = written(tmp_path, WAYS), tmp_path / "t0"
    assert sf("study", file, "--to", tmp_path / "out", "--seed", 0, "--tables", tables).code == 0
    twice = sf("study", tables, tables / ".." / "t0")
    assert twice.code == 2 and "both hold any-order of seed 0" in twice.err and twice.err.count("\n") == 1
    other = written(tmp_path, WAYS.replace("[settings]", "[settings]\nsample.attempts = 3"))
    assert sf("study", other, "--to", tmp_path / "other", "--seed", 1, "--tables", tmp_path / "t1").code == 0
    unlike = sf("study", tables, tmp_path / "t1")
    assert unlike.code == 2 and "are not of the same study: their plan differ" in unlike.err
    assert unlike.err.count("\n") == 1
    assert sf("study", file, tables).code == 2
    absent = sf("study", file, "--to", tmp_path / "out", "--seed", 7)
    assert absent.code == 2 and "no seed of study ways named '7'" in absent.err
