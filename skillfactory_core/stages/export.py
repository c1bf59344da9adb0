"""Export: write a run in the layout of another program, whole or not at all."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skillfactory_core import __version__
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.exporter import Exporter
from skillfactory_core.run import Run

LIST = ".export.json"
"what an export wrote, with checksums: so that the next one knows what it may replace"


def export(run: Run, exporter: Exporter, folder: Path) -> dict[str, Any]:
    """Fill `folder`; returns the exporter's counts. A kill leaves the old folder or the new one."""
    stage, made = exporter.needs
    if not any(name == stage or name.startswith(f"{stage}-") for name in run.manifest()["stages"]):
        raise SkillFactoryError(f"{run.folder} has no {made} to export; run sf {stage} {run.folder} first")
    folder = folder.resolve()
    check_own(folder)
    making, old = (folder.with_name(f".{folder.name}.{end}") for end in ("making", "old"))
    making.mkdir(parents=True, exist_ok=True)
    with held(making, folder):
        try:
            empty(making)
            counts = exporter.export(run, making)
            about = {"format": exporter.name, "run": run.folder.name, "skillfactory": __version__, "counts": counts}
            text = json.dumps({**about, "files": checksums(making)}, indent=2) + "\n"
            (making / LIST).write_text(text, encoding="utf-8")
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            making.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return counts


def check_own(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier export: a model that was trained there, an edited file."""
    if folder.is_mount():
        raise SkillFactoryError(f"{folder} is a disk of its own and cannot be replaced; choose a folder in it with -o")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        files = dict(json.loads((folder / LIST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise SkillFactoryError(
            f"{folder} is not empty and is no export of sf; choose another folder with -o"
        ) from None
    now = checksums(folder)
    foreign = sorted(name for name, checksum in now.items() if name != LIST and files.get(name) != checksum)
    if foreign:
        raise SkillFactoryError(
            f"{folder} holds what sf export did not write ({foreign[0]}{', …' if foreign[1:] else ''}); "
            "move it away or choose another folder with -o"
        )


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by relative path; the files are on disk afterwards."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    return found


def empty(folder: Path) -> None:
    """Take out what a killed export left."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def held(making: Path, folder: Path) -> Iterator[None]:
    """Hold the folder in the making for this process; the system lets go of it when the process ends."""
    handle = os.open(making, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SkillFactoryError(
                f"another process is exporting to {folder}; wait for it or choose another -o"
            ) from error
        yield
    finally:
        os.close(handle)
