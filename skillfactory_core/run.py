"""Run: a folder that tells what was done, can be continued, and belongs to one process at a time."""

import fcntl
import json
import os
import platform
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from skillfactory_core import __version__
from skillfactory_core.attempt import Attempt, GradedAttempt
from skillfactory_core.config import Config, flatten, structure, unstructure
from skillfactory_core.crew import size
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.reflection import Reflection
from skillfactory_core.table import Table
from skillfactory_core.trace import Trace

LIBRARIES = ("torch", "transformers", "trl", "pyarrow", "datasets")
FREE = ("engine", "engine_options", "trainer_options", "most_seconds")
"settings that may differ when a run goes on: they do not decide what its tables hold"
GROWING = "evaluate.suites"
"the setting that may get more when a run goes on: that adds tables and changes none"
YOUNG = {"run.lock", "manifest.json", "manifest.json.tmp", "config.toml.tmp"}
"what a run folder may hold whose making was interrupted"


@attrs.frozen
class Run:
    """One run folder and its settings."""

    folder: Path
    config: Config

    def problems(self, split: str, variant: str) -> Table[Problem]:
        return Table(self.folder / "1-problems" / f"{split}-{variant}", Problem)

    @property
    def attempts(self) -> Table[Attempt]:
        return Table(self.folder / "2-attempts", Attempt)

    @property
    def grades(self) -> Table[GradedAttempt]:
        return Table(self.folder / "3-grades", GradedAttempt)

    @property
    def reflections(self) -> Table[Reflection]:
        return Table(self.folder / "4-reflections", Reflection)

    @property
    def traces(self) -> Table[Trace]:
        return Table(self.folder / "5-traces", Trace)

    @property
    def sft(self) -> Path:
        return self.folder / "6-sft"

    def grpo(self, method: str) -> Path:
        return self.folder / "7-grpo" / method

    def responses(self, method: str, variant: str, budget: str = "") -> Table[Response]:
        """The responses of a method to an exam; or those of a budget of tokens: '4096', or '4096-8192' where they had to go on."""
        place = self.folder / "8-evaluation"
        return Table((place / f"budget-{budget}" if budget else place) / f"{method}-{variant}", Response)

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def event(self, **what: Any) -> None:
        """Append one line to events.jsonl."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **what})
        with (self.folder / "events.jsonl").open("ab+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            # A kill may have torn the line before.
            torn = file.read(1) not in (b"", b"\n")
            file.write(f"{chr(10) * torn}{line}\n".encode())

    def events(self) -> Iterator[dict[str, Any]]:
        """What happened so far; a torn last line is left out."""
        path = self.folder / "events.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return manifest

    def record(self, stage: str, summary: dict[str, Any]) -> None:
        """Put a finished stage into the manifest: its counts, and its files with checksums."""
        manifest = self.manifest()
        manifest["stages"][stage] = summary
        write_text(self.folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")

    def finished(self, stage: str) -> dict[str, Any] | None:
        """The summary of a finished stage, or None."""
        summary: dict[str, Any] | None = self.manifest()["stages"].get(stage)
        return summary


def write_text(path: Path, text: str) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def checksums(folder: Path, pattern: str) -> dict[str, str]:
    """SHA-256 of the files that fit a pattern, by relative path; empty for a folder."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.glob(pattern))
    }


def open_run(folder: Path) -> Run:
    """Open a run that exists."""
    path = folder / "config.toml"
    if not path.is_file():
        raise SkillFactoryError(f"{folder} is not a run folder: it has no config.toml (sf run --task NAME makes one)")
    try:
        config = structure(tomllib.loads(path.read_text(encoding="utf-8")))
        run = Run(folder, config)
        for entry in ("stages", "versions"):
            if not isinstance(run.manifest()[entry], dict):
                raise TypeError(f"manifest.json: {entry} is not a table")
    except (OSError, ValueError, KeyError, TypeError, SkillFactoryError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SkillFactoryError(
            f"run folder {folder} is damaged ({reason}); its tables are untouched: restore config.toml and "
            "manifest.json, or start a new run with --name"
        ) from error
    return run


def start_run(folder: Path, config: Config) -> Run:
    """Make the run folder, or open it again if its settings are these; otherwise say what changed."""
    if not (folder / "config.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not {entry.name for entry in folder.iterdir()} <= YOUNG:
            raise SkillFactoryError(
                f"{folder} is not empty and is no run folder: it has no config.toml; restore that or choose another --name"
            )
        write_text(folder / "manifest.json", json.dumps(new_manifest(config), indent=2) + "\n")
        write_text(folder / "config.toml", tomli_w.dumps(unstructure(config)))
    run = open_run(folder)
    then = run.config.evaluate.suites
    config = with_suites(config, *then, *config.evaluate.suites)
    before, now = flatten(unstructure(run.config)), flatten(unstructure(config))
    changed = [
        f"{name}: {before.get(name)!r} then, {now.get(name)!r} now"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name) and name.split(".")[0] not in FREE and name != GROWING
    ]
    if changed:
        from skillfactory_core.fork import FREE as OF_TRACES

        traces_alone = all(name.split(":")[0].split(".")[0] in OF_TRACES for name in changed)
        again = f", or take its attempts for other traces: sf rearrange {folder} -s … --to NAME" if traces_alone else ""
        raise SkillFactoryError(
            f"{folder} was started with other settings ({'; '.join(changed)}); "
            f"use those to go on, or start a new run with --name{again}"
        )
    check_versions(run)
    add_suites(run, *config.evaluate.suites)
    return attrs.evolve(run, config=config)


def with_suites(config: Config, *suites: str) -> Config:
    """A configuration with these suites, each once."""
    return attrs.evolve(config, evaluate=attrs.evolve(config.evaluate, suites=tuple(dict.fromkeys(suites))))


def add_suites(run: Run, *suites: str) -> Run:
    """The run with more suites to be evaluated on, which its config.toml names from now on."""
    config = with_suites(run.config, *run.config.evaluate.suites, *suites)
    if config != run.config:
        write_text(run.folder / "config.toml", tomli_w.dumps(unstructure(config)))
        run.event(event="suites added", suites=list(config.evaluate.suites))
    return attrs.evolve(run, config=config)


def check_versions(run: Run) -> None:
    """Refuse to go on with other versions of what decides the bytes of the tables."""
    then = run.manifest()["versions"]
    changed = [f"{name} {then.get(name)} then, {now} now" for name, now in versions().items() if then.get(name) != now]
    if changed:
        raise SkillFactoryError(
            f"{run.folder} was started with other versions ({'; '.join(changed)}); "
            "use those to go on, or start a new run with --name"
        )


def versions() -> dict[str, str]:
    """Versions of what decides the bytes of a run."""
    found = {"skillfactory": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def new_manifest(config: Config) -> dict[str, Any]:
    return {
        "versions": versions(),
        "python": platform.python_version(),
        "machine": {"platform": platform.platform(), "processor": platform.processor(), "cores": os.cpu_count()},
        "seed": config.seed,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "stages": {},
    }


@contextmanager
def locked(folder: Path, crew: bool = False) -> Iterator[None]:
    """Hold a run for this process; the system lets go of it when the process ends, however it ends.

    `crew`: this is a command that several processes can work on.
    """
    if size() > 1 and not crew:
        raise SkillFactoryError(f"{size()} processes run this command, and only sf sft and sf grpo are for several")
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / "run.lock", f"{folder} is in use by another process; wait for it or choose another --name"):
        for left in folder.glob("shard-*.lock"):
            left.unlink()
        yield


@contextmanager
def held(path: Path, refusal: str, shared: bool = False) -> Iterator[None]:
    """A lock on a file, alone or with others that share it; `refusal` says who has it."""
    # Network file systems want a file that can be read for the one kind, written for the other.
    with path.open("a+") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            raise SkillFactoryError(refusal) from error
        yield
