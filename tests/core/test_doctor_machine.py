"""sf doctor without a model: each fault of a machine is found, with what to do, and what only may do harm fails nothing."""

import json
import os
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, distributions, metadata
from pathlib import Path
from socket import create_server
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Outcome
from packaging.specifiers import SpecifierSet
from plugin_site import TASK, Site

from skillfactory_core.doctor import disk, hub, versions
from skillfactory_core.doctor.devices import gpus

Sf = Callable[..., Outcome]
ROOT = Path(__file__).parents[2]
CHECKS = {"versions", "processor", "hub", "runs", "hub cache", "plugins", "word list"}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def path(tmp_path: Path) -> Site:
    (tmp_path / "site").mkdir()
    return Site(tmp_path / "site")


def told(outcome: Any) -> dict[str, dict[str, str]]:
    """check -> finding"""
    out = outcome.out if isinstance(outcome, Outcome) else outcome.stdout
    return {finding["check"]: finding for finding in json.loads(out)["checks"]}


def package(path: Site, name: str, version: str) -> None:
    """A package that says it is installed, in front of the real one."""
    info = path.folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_this_machine_is_sound(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("doctor", "--json", "--runs", tmp_path)
    findings = told(outcome)
    assert outcome.code == 0, findings
    assert findings.keys() >= CHECKS
    assert {finding["state"] for name, finding in findings.items() if name in CHECKS} == {"ok"}, findings
    assert str(os.cpu_count()) in findings["processor"]["what"] and "GB of memory" in findings["processor"]["what"]


def test_the_findings_are_a_table_for_people(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("doctor", "--runs", tmp_path)
    assert outcome.code == 0 and outcome.err == ""
    assert all(check in outcome.out for check in CHECKS)


# Versions.


def test_a_library_that_is_too_old_fails(path: Site, tmp_path: Path) -> None:
    package(path, "torch", "1.0")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    assert outcome.returncode == 1
    assert told(outcome)["versions"] == {
        "check": "versions",
        "state": "failed",
        "what": "what it needs is missing or of another version: torch>=2.9",
        "do": "pip install 'torch>=2.9'",
    }
    assert outcome.stderr.splitlines()[-1].endswith("checks failed: versions")


def test_a_library_that_was_not_tested_is_told_and_fails_nothing(path: Site, tmp_path: Path) -> None:
    package(path, "torch", "2.99")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    assert outcome.returncode == 0
    finding, there = told(outcome)["versions"], versions.tested()["torch"]
    assert finding["state"] == "unsure"
    assert finding["what"] == f"other versions than were tested: torch 2.99 ({there})"
    assert finding["do"] == f"if something fails: pip install torch=={there}"


def test_what_a_version_says_of_its_build_makes_it_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "installed", lambda name: versions.tested()[name] + "+cpu" * (name == "torch"))
    assert versions.differing() == []


def test_an_engine_whose_program_is_of_another_version_fails(path: Site, tmp_path: Path) -> None:
    package(path, "vllm", "0.1")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    finding = told(outcome)["engine vllm"]
    assert outcome.returncode == 1
    assert finding["what"].startswith("vllm 0.1 is not ") and finding["do"].startswith("pip install 'vllm")


def test_the_table_is_what_the_tests_run_with() -> None:
    pinned = (ROOT / "constraints.txt").read_text().split()
    assert versions.TABLE.read_text().split() == versions.ours(pinned)
    asked = [line for line in distribution("skillfactory").requires or () if "extra" not in line]
    assert len(versions.tested()) == len(asked)


def test_every_pinned_version_is_for_the_oldest_python_too() -> None:
    """Pinned by a newer one, a version may not be there for Python 3.11.0, and `make run` ends in pip's despair."""
    (oldest,) = [one.version for one in SpecifierSet(metadata("skillfactory")["Requires-Python"])]
    asked = {
        name: SpecifierSet(each.metadata["Requires-Python"] or "")
        for each in distributions()
        if (name := each.metadata["Name"])
    }
    assert "torch" in asked and [name for name, said in asked.items() if f"{oldest}.0" not in said] == []


def test_pins_that_are_installed_together_say_the_same() -> None:
    """`make test-plugins` has both lists in one environment."""
    lists = [(ROOT / name).read_text().splitlines() for name in ("constraints.txt", "tests/exports/inspect.txt")]
    ours, theirs = (dict(line.split("==") for line in lines if "==" in line) for lines in lists)
    assert {
        name: (ours[name], theirs[name]) for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]
    } == {}


# Devices.


def a_torch(
    count: int = 0, capability: tuple[int, int] = (9, 0), mps: bool = False, broken: bool = False
) -> SimpleNamespace:
    """As much of torch as is asked, on a machine that is not there."""

    def mem_get_info(number: int) -> tuple[int, int]:
        if broken:
            raise RuntimeError("CUDA error: all devices are busy")
        return 70_000_000_000, 80_000_000_000

    cuda = SimpleNamespace(
        is_available=lambda: count > 0,
        device_count=lambda: count,
        get_device_name=lambda number: "GPU of a test",
        get_device_capability=lambda number: capability,
        mem_get_info=mem_get_info,
    )
    backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps))
    return SimpleNamespace(cuda=cuda, backends=backends, __version__="2.99")


@pytest.mark.parametrize(
    ("torch", "driver", "state", "said"),
    [
        (a_torch(1), True, "ok", "GPU of a test, 80.0 GB, of which 70.0 free, bfloat16"),
        (a_torch(1, (7, 5)), True, "unsure", "80.0 GB, of which 70.0 free, no bfloat16"),
        (a_torch(1, broken=True), True, "failed", "GPU of a test: CUDA error: all devices are busy"),
        (a_torch(), True, "unsure", "there is an NVIDIA GPU, and torch 2.99 cannot use it"),
        (a_torch(mps=True), False, "ok", "Apple's (MPS), which is not used: work is done on the CPU"),
        (a_torch(), False, "ok", "none: work is done on the CPU"),
    ],
)
def test_a_gpu_is_told_with_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch: Any, driver: bool, state: str, said: str
) -> None:
    if driver:
        (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = gpus(torch)
    assert finding.state == state and said in finding.what
    assert finding.do or state == "ok"


def test_every_gpu_is_told() -> None:
    assert [finding.check for finding in gpus(a_torch(2))] == ["gpu 0", "gpu 1"]


def test_a_torch_that_cannot_be_imported_fails(path: Site, tmp_path: Path) -> None:
    (path.folder / "torch.py").write_text("raise OSError('libtorch.so: cannot open shared object file')\n")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    assert outcome.returncode == 1
    assert told(outcome)["torch"]["what"] == (
        "torch cannot be imported: OSError: libtorch.so: cannot open shared object file"
    )


# The Hub.


@pytest.fixture
def deaf() -> Iterator[str]:
    """A server that takes calls and never answers."""
    with create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_is_not_to_be_asked_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ask", lambda *_: pytest.fail("it was asked"))
    finding = hub.hub()
    assert finding.state == "ok" and "HF_HUB_OFFLINE is set" in finding.what


def test_a_hub_behind_a_proxy_that_is_gone_is_told_and_fails_nothing(sf: Sf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    outcome = sf("doctor", "--json")
    finding = told(outcome)["hub"]
    assert outcome.code == 0
    assert finding["state"] == "unsure"
    assert finding["what"] == "https://huggingface.co cannot be reached: [Errno 111] Connection refused"
    assert "HF_HUB_OFFLINE=1" in finding["do"]


def test_a_hub_that_never_answers_is_not_waited_for(deaf: str) -> None:
    start = time.monotonic()
    assert hub.ask(deaf, 0.3) in ("timed out", "no answer in 0.3 s")
    assert time.monotonic() - start < 3


def test_an_address_that_is_none_is_told() -> None:
    assert "unknown url type" in hub.ask("nothing", 1.0)


# Disk.


def little(free: int) -> Callable[[Any], os.statvfs_result]:
    """What a full disk says of itself."""
    return lambda _: os.statvfs_result((4096, 4096, 10**6, free // 4096, free // 4096, 0, 0, 0, 0, 255))


def test_a_disk_without_room_for_a_default_run_fails(sf: Sf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needed = disk.of_a_run()
    assert needed > 10_000_000
    monkeypatch.setattr(os, "statvfs", little(needed - 2_000_000))
    outcome = sf("doctor", "--json", "--runs", tmp_path)
    finding = told(outcome)["runs"]
    assert outcome.code == 1 and finding["state"] == "failed"
    assert f"the models of a default run take up to {needed / 1e6:.0f} MB" in finding["what"]
    assert finding["do"] == "free 2 MB, or choose another disk with --runs"
    monkeypatch.setattr(os, "statvfs", little(needed + 8192))
    assert told(sf("doctor", "--json", "--runs", tmp_path))["runs"]["state"] == "ok"


def test_a_folder_that_cannot_be_written_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    runs, cache = disk.disk(tmp_path / "not" / "there")
    assert runs.state == "failed" and f"{tmp_path}/not/there cannot be written" in runs.what and runs.do
    assert cache.state == "unsure"


# Plugins, and what tasks ship.


def test_a_plugin_that_is_not_in_use_fails_with_what_to_do(path: Site, tmp_path: Path) -> None:
    path.install("acme", "import nowhere")
    path.install("digits", TASK.format(name="countdown"))
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    findings = told(outcome)
    assert outcome.returncode == 1
    assert findings["plugin acme"]["what"].startswith("of acme 1.0 is not in use: ModuleNotFoundError")
    assert findings["plugin acme"]["do"].startswith("install the package that has 'nowhere'")
    assert "two plugins register a task named 'countdown'" in findings["plugins"]["what"]
    assert findings["plugins"]["do"].startswith("uninstall one")
    assert outcome.stderr.splitlines()[-1].endswith(": plugin acme, plugins")


def test_a_plugin_that_is_blocked_fails_nothing(path: Site, tmp_path: Path) -> None:
    path.install("acme", "import nowhere")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path, SKILLFACTORY_BLOCK="acme")
    assert outcome.returncode == 0
    assert told(outcome)["plugins"]["what"].endswith("0 of others are in use, 1 blocked")


def test_a_plugin_that_changes_the_process_is_told(path: Site, tmp_path: Path) -> None:
    path.install("acme", "import os; os.chdir('/')\n" + TASK.format(name="digits"))
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    assert outcome.returncode == 0
    finding = told(outcome)["plugin acme"]
    assert finding["state"] == "unsure" and "changed the working directory, which is undone" in finding["what"]


def test_a_word_list_that_is_not_the_one_that_belongs_here_fails(
    sf: Sf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import gzip

    from skillfactory_tasks import dictionary

    other = tmp_path / "words.txt.gz"
    other.write_bytes(gzip.compress(b"real\n\nlaser"))
    caches = (dictionary.text, dictionary.words, dictionary.common_words)
    monkeypatch.setattr(dictionary, "FILE", other)
    for cache in caches:
        cache.cache_clear()
    try:
        outcome = sf("doctor", "--json", "--runs", tmp_path)
    finally:
        for cache in caches:
            cache.cache_clear()
    findings = told(outcome)
    assert outcome.code == 1
    assert findings["task acronym"] == {
        "check": "task acronym",
        "state": "failed",
        "what": f"word list {other} is not the one that belongs here",
        "do": "install skillfactory again",
    }


def test_a_task_that_raises_when_it_is_asked_what_it_ships_is_named(path: Site, tmp_path: Path) -> None:
    path.install("acme", TASK.format(name="digits") + "\nMine.ships = lambda self: 1 / 0\n")
    outcome = path.sf("doctor", "--json", "--runs", tmp_path)
    finding = told(outcome)["task digits"]
    assert outcome.returncode == 1
    assert finding["what"] == "plugin 'acme' (acme 1.0): ships raised ZeroDivisionError: division by zero"
    assert finding["do"] == "mend it, uninstall acme, or set SKILLFACTORY_BLOCK=acme"


def test_every_finding_that_is_not_ok_says_what_to_do(path: Site, tmp_path: Path) -> None:
    package(path, "torch", "1.0")
    path.install("acme", "import nowhere")
    findings = told(path.sf("doctor", "--json", "--runs", tmp_path)).values()
    assert all(finding["do"] for finding in findings if finding["state"] != "ok")
    assert all(len(finding["what"].splitlines()) == 1 for finding in findings)
