"""sf export: whole or not at all, never over anything else, and one clear line where it cannot."""

import fcntl
import json
import os
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from conftest import START, Outcome, spawn

from skillfactory_core import registry
from skillfactory_core.exporter import Exporter
from skillfactory_core.exporters import files
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.export import LIST

Sf = Callable[..., Outcome]
POCKET = Path(__file__).parents[2] / "plugins" / "pocket" / "skillfactory_pocket"
FORMATS = ("authors", "hf", "llamafactory", "trl", "verl")
"those that write traces"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(outcome: Outcome, *said: str) -> None:
    lines = [line for line in outcome.err.splitlines() if line.startswith("sf: ")]
    assert outcome.code == 2 and len(lines) == 1, outcome
    assert "Traceback" not in outcome.err + outcome.out
    assert all(text in lines[0] for text in said), lines[0]


def test_the_built_in_formats_are_listed(sf: Sf) -> None:
    assert tuple(each["name"] for each in json.loads(sf("exporters", "--json").out)) == tuple(
        sorted((*FORMATS, "inspect"))
    )


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_goes_into_the_run_folder_and_says_what_comes_next(sf: Sf, copied: Path, name: str) -> None:
    outcome = sf("export", name, copied)
    assert outcome.code == 0, outcome.err
    count = open_run(copied).traces.count()
    assert outcome.out.startswith(f"export {name}: traces {count}")
    then = registry.find(registry.EXPORTER, name).then
    assert (f"next: cd {copied / 'export' / name} && {then}" in outcome.out) == bool(then)
    about = json.loads((copied / "export" / name / LIST).read_text())
    assert about["format"] == name and about["counts"]["traces"] == count
    assert set(about["files"]) == contents(copied / "export" / name).keys() - {LIST}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_run_gives_the_same_bytes_over_an_earlier_export(
    sf: Sf, finished: Path, tmp_path: Path, name: str
) -> None:
    assert sf("export", name, finished, "-o", tmp_path / "out").code == 0
    before = contents(tmp_path / "out")
    assert sf("export", name, finished, "-o", tmp_path / "out").code == 0
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_another_format_may_take_the_place_of_an_export(sf: Sf, finished: Path, tmp_path: Path) -> None:
    assert sf("export", "trl", finished, "-o", tmp_path / "out").code == 0
    assert sf("export", "authors", finished, "-o", tmp_path / "out").code == 0
    assert not (tmp_path / "out" / "sft.yaml").exists()


def test_an_unknown_format_is_refused_with_the_nearest_name(sf: Sf, finished: Path) -> None:
    refused(sf("export", "tlr", finished), "no exporter named 'tlr': did you mean 'trl'? (sf exporters)")


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_without_traces_is_refused(sf: Sf, empty: Run, name: str) -> None:
    refused(sf("export", name, empty.folder), "has no finished traces to export; run sf rearrange")
    assert not (empty.folder / "export").exists()


def test_half_of_the_traces_are_refused(sf: Sf, copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    del manifest["stages"]["rearrange"]
    (copied / "manifest.json").write_text(json.dumps(manifest))
    refused(sf("export", "hf", copied), "has no finished traces to export")


def test_a_folder_that_is_no_run_is_refused(sf: Sf, tmp_path: Path) -> None:
    refused(sf("export", "trl", tmp_path), "is not a run folder")


def test_a_folder_with_anything_else_in_it_is_refused_and_left_as_it_is(sf: Sf, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused(sf("export", "trl", finished, "-o", tmp_path), "is not empty and is no export of sf", "-o")
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_the_place_of_the_folder_is_refused(sf: Sf, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    refused(sf("export", "trl", finished, "-o", tmp_path / "out"), "is no export of sf")


def test_a_model_that_was_trained_in_the_folder_is_not_thrown_away(sf: Sf, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sf("export", "trl", finished, "-o", out)
    (out / "sft-model").mkdir()
    (out / "sft-model" / "model.safetensors").write_text("weights")
    refused(sf("export", "trl", finished, "-o", out), "what sf export did not write", "sft-model/model.safetensors")
    assert (out / "sft-model" / "model.safetensors").exists()


def test_a_file_that_was_edited_is_not_thrown_away(sf: Sf, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sf("export", "trl", finished, "-o", out)
    edited = (out / "sft.yaml").read_text().replace("1.0e-06", "2.0e-06")
    (out / "sft.yaml").write_text(edited)
    refused(sf("export", "trl", finished, "-o", out), "what sf export did not write (sft.yaml)")
    assert (out / "sft.yaml").read_text() == edited


class Failing(Exporter):
    name = "failing"
    summary = "stops half way"

    def export(self, run: Run, folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt


def test_what_stops_half_way_leaves_nothing_or_the_old_export(
    sf: Sf, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sf("export", "authors", finished, "-o", tmp_path / "old")
    before = contents(tmp_path)
    monkeypatch.setattr("skillfactory_core.registry.find", lambda *_: Failing)
    for name in ("old", "new"):
        assert sf("export", "failing", finished, "-o", tmp_path / name).code == 130
    assert contents(tmp_path) == before


def test_what_a_kill_left_is_cleared_away(sf: Sf, finished: Path, tmp_path: Path) -> None:
    for name in (".out.making", ".out.old"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "junk").write_text("junk")
    assert sf("export", "trl", finished, "-o", tmp_path / "out").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out" / "junk").exists()


def test_a_killed_export_leaves_no_folder_and_the_next_one_makes_it(finished: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "endless.py"
    plugin.write_text(
        "import os, signal\nfrom skillfactory_core import hookimpl\nfrom skillfactory_core.exporters.trl import TrlExporter\n\n\n"
        "class Killed(TrlExporter):\n    name = 'killed'\n\n    def export(self, run, folder):\n"
        "        super().export(run, folder)\n        os.kill(os.getpid(), signal.SIGKILL)\n\n\n"
        "@hookimpl\ndef register_exporters():\n    return [Killed]\n"
    )
    out = tmp_path / "out"
    killed = spawn(["-p", plugin, "export", "killed", finished, "-o", out])
    killed.communicate(timeout=60)
    assert killed.returncode == -9 and not out.exists()
    again = spawn(["export", "trl", finished, "-o", out])
    again.communicate(timeout=60)
    assert again.returncode == 0 and (out / LIST).exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out", "endless.py"}


def test_a_second_export_to_the_same_folder_at_a_time_is_refused(sf: Sf, finished: Path, tmp_path: Path) -> None:
    making = tmp_path / ".out.making"
    making.mkdir()
    handle = os.open(making, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    refused(sf("export", "trl", finished, "-o", tmp_path / "out"), "another process is exporting to")
    os.close(handle)
    assert sf("export", "trl", finished, "-o", tmp_path / "out").code == 0


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_one_line_and_leaves_nothing(sf: Sf, finished: Path, tiny_disk: Path, name: str) -> None:
    (tiny_disk / "ballast").write_bytes(b"." * 12000)
    refused(sf("export", name, finished, "-o", tiny_disk / "out"), "No space left on device")
    assert [path.name for path in tiny_disk.iterdir()] == ["ballast"]


def test_a_disk_itself_is_refused(sf: Sf, finished: Path, tiny_disk: Path) -> None:
    refused(sf("export", "trl", finished, "-o", tiny_disk), "is a disk of its own", "-o")


def test_a_disk_that_is_read_only_is_one_line(sf: Sf, finished: Path, tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    refused(sf("export", "trl", finished, "-o", tiny_disk / "out"), "Read-only file system")


def test_a_prompt_that_changed_since_is_refused(sf: Sf, world: None, tmp_path: Path) -> None:
    prompts = tmp_path / "mine.toml"
    prompts.write_text((POCKET / "prompts.toml").read_text().replace('phrases = "phrases"', ""))
    settings = ("-s", f"prompts={prompts}", "-s", f"phrases={POCKET / 'phrases'}")
    outcome = sf(*START, tmp_path, "--until", "rearrange", *settings)
    assert outcome.code == 0, outcome.err
    head, final = prompts.read_text().split("[final]")
    prompts.write_text(f"{head}[final]{final.replace('{question}', '{question} Now!', 1)}")
    refused(sf("export", "trl", tmp_path / "it"), "was made with another prompt [final]")
    assert sf("export", "llamafactory", tmp_path / "it").code == 0


@pytest.mark.parametrize(
    ("name", "left"), [("trl", {"sft.yaml"}), ("verl", {"run_sft.sh", "sft.parquet"}), ("hf", {"README.md"})]
)
def test_a_run_without_problems_for_rl_is_exported_for_fine_tuning_alone(
    sf: Sf, copied: Path, name: str, left: set[str]
) -> None:
    for part in (copied / "1-problems" / "rl-3").iterdir():
        part.unlink()
    outcome = sf("export", name, copied)
    assert "problems 0" in outcome.out, outcome.err
    assert {p.name for p in (copied / "export" / name).iterdir() if p.is_file() and p.name != LIST} == left
    if name == "hf":
        assert "rl/train" not in (copied / "export" / name / "README.md").read_text()


def test_the_exporter_of_the_docs_works_as_a_plugin(finished: Path, tmp_path: Path) -> None:
    plugin = Path(__file__).parents[2] / "docs" / "examples" / "plain_text.py"
    process = spawn(["-p", plugin, "export", "plain-text", finished, "-o", tmp_path / "out"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "less traces.txt" in out
    text = (tmp_path / "out" / "traces.txt").read_text()
    assert all(trace.completion in text for trace in open_run(finished).traces)


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_traces(
    copied: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BATCH", 50)
    run = open_run(copied)
    trace = max(run.traces, key=lambda each: len(each.completion))
    parts = run.traces.parts()
    run.traces.finish(parts[0], [trace] * 50)
    exporter = registry.find(registry.EXPORTER, name)()

    def peak(number: int) -> int:
        for extra in range(number):
            run.traces.finish(parts[-1] + 1 + extra, [attrs.evolve(trace, key=f"{extra}/{i}") for i in range(50)])
        folder = tmp_path / str(number)
        folder.mkdir()
        tracemalloc.start()
        exporter.export(run, folder)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    little = peak(4)
    assert peak(40) < 1.5 * little
