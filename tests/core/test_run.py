"""Run folders: started, opened, refused, and never harmed."""

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from skillfactory_core import run as run_module
from skillfactory_core.config import Config, SampleSettings
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import Run, locked, open_run, start_run, write_text

HOLD = """
import sys, time
from pathlib import Path
from skillfactory_core.run import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_started_run_opens_with_the_same_settings(empty: Run, config: Config) -> None:
    assert open_run(empty.folder).config == config
    assert open_run(empty.folder).manifest()["stages"] == {}


def test_starting_a_run_again_changes_no_file(empty: Run, config: Config) -> None:
    before = {p.name: p.read_bytes() for p in empty.folder.iterdir()}
    start_run(empty.folder, config)
    assert {p.name: p.read_bytes() for p in empty.folder.iterdir()} == before


def test_a_changed_setting_is_refused_and_named_with_both_values(empty: Run, config: Config) -> None:
    other = attrs.evolve(config, seed=3, sample=SampleSettings(attempts=5), task_options={"largest": 9})
    with pytest.raises(SkillFactoryError) as error:
        start_run(empty.folder, other)
    for said in ("seed: 0 then, 3 now", "sample.attempts: 16 then, 5 now", "task_options.largest: None then, 9 now"):
        assert said in str(error.value)
    assert "--name" in str(error.value)
    assert open_run(empty.folder).config == config


def test_a_changed_engine_is_accepted_for_it_decides_no_table(empty: Run, config: Config) -> None:
    assert start_run(empty.folder, attrs.evolve(config, engine="scripted")).config.engine == "scripted"


def test_a_changed_version_of_a_library_is_refused_and_named(
    empty: Run, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = run_module.versions()
    monkeypatch.setattr(run_module, "versions", lambda: {**now, "pyarrow": "0.0"})
    with pytest.raises(SkillFactoryError, match=rf"pyarrow {now['pyarrow']} then, 0\.0 now"):
        start_run(empty.folder, config)


def test_a_run_held_by_another_process_is_refused_until_that_process_dies(empty: Run) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(empty.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(SkillFactoryError, match="in use by another process"):
            with locked(empty.folder):
                pass
    finally:
        other.kill()
        other.wait()
    with locked(empty.folder):
        pass


@pytest.mark.parametrize("name", ["config.toml", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"task = 3", b'{"stages": []}', b"bogus = 1"])
def test_a_corrupt_file_is_one_line_and_the_tables_are_untouched(copied: Path, name: str, content: bytes) -> None:
    config = open_run(copied).config
    (copied / name).write_bytes(content)
    before = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()}
    for attempt in (lambda: open_run(copied), lambda: start_run(copied, config)):
        with pytest.raises(SkillFactoryError, match="is damaged") as error:
            attempt()
        assert "\n" not in str(error.value) and str(copied) in str(error.value)
    assert {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["config.toml", "manifest.json"])
def test_a_run_that_lost_a_file_is_refused_and_not_started_anew(copied: Path, name: str) -> None:
    config = open_run(copied).config
    (copied / name).unlink()
    with pytest.raises(SkillFactoryError, match=name.replace(".", r"\.")):
        open_run(copied)
    with pytest.raises(SkillFactoryError, match=name.replace(".", r"\.")):
        start_run(copied, attrs.evolve(config, seed=9))
    assert not (copied / name).exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path, config: Config) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(SkillFactoryError, match="is no run folder"):
        start_run(tmp_path, config)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    "left", [["run.lock"], ["manifest.json.tmp"], ["manifest.json"], ["manifest.json", "config.toml.tmp"]], ids="-".join
)
def test_a_start_that_was_killed_can_be_repeated(tmp_path: Path, config: Config, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).write_text('{"torn')
    assert start_run(tmp_path, config).config == config
    assert open_run(tmp_path).manifest()["seed"] == config.seed


def test_a_folder_that_is_no_run_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SkillFactoryError, match=r"is not a run folder.*sf run"):
        open_run(tmp_path / "missing")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "it", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "it", "new \ud800")
    assert (tmp_path / "it").read_text() == "old"


def test_a_torn_last_event_is_left_out(empty: Run) -> None:
    empty.event(event="started", stage="sample")
    with (empty.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "fin')
    assert [event["event"] for event in empty.events()] == ["started"]


def test_an_event_after_a_torn_one_is_kept(empty: Run) -> None:
    empty.folder.joinpath("events.jsonl").write_text('{"event": "fin')
    empty.event(event="started", stage="sample")
    assert [event["event"] for event in empty.events()] == ["started"]


def test_the_manifest_lists_every_table_with_its_checksum(finished: Path) -> None:
    from conftest import tables_of

    stages = open_run(finished).manifest()["stages"].values()
    listed = {path: digest for stage in stages for path, digest in stage.get("files", {}).items() if digest}
    assert listed == tables_of(finished)


def test_the_folders_of_a_run_read_in_order(finished: Path) -> None:
    names = sorted(p.name for p in finished.iterdir() if p.name[0].isdigit())
    assert names == [
        "1-problems",
        "2-attempts",
        "3-grades",
        "4-reflections",
        "5-traces",
        "6-sft",
        "7-grpo",
        "8-evaluation",
    ]
    assert json.loads((finished / "manifest.json").read_text())["seed"] == 0
