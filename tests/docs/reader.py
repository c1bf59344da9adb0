"""A reader of the docs: does what a page says, block by block and in order, in a folder of their own."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent

import attrs
from pages import ROOT, Block, all_blocks

HERE = Path(__file__).parent
LEFT_OUT = tomllib.loads((HERE / "left_out.toml").read_text(encoding="utf-8"))
"reason -> why, and page -> the lines of its blocks that are not run"
PROGRAMS = ("sf", "skillfactory", "sf-pocket", "pytest", "pip", "python")
SEEN = ("docs", "plugins", "tests", "tasks", "skills", "studies", "constraints.txt")
"what of the checkout lies in the reader's folder: commands name it by its path"
SHARED = re.compile(r"/(?:shared|tmp)/")
"folders of the whole machine, or of a cluster, for which the reader's own stands in"
SLURM = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "1"}
CLIENT = """#!{python} -SE
import json, os, socket, sys
asked = {{"command": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    message = json.dumps(asked).encode()
    sent = socket.send_fds(server, [message], [0, 1, 2])
    server.sendall(message[sent:])
    server.shutdown(socket.SHUT_WR)
    sys.exit((server.recv(1) or b"\\1")[0])
"""


class Stuck(AssertionError):
    """A block of a page did not work."""


@attrs.frozen
class Reader:
    """The programs of a reader, and runs that are made already."""

    programs: Path
    "a folder for the path, with a client of the stand-in under the name of each program"
    finished: Path
    "a finished run of Countdown, to be copied"

    def environment(self, folder: Path) -> dict[str, str]:
        """As on a machine without a network; nothing of the session that runs the tests."""
        ours = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "SKILLFACTORY", "HF_"))}
        return {
            **ours,
            **SLURM,
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "SITE": str(folder.parent / "site"),
            "COLUMNS": "120",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder.parent / "hub"),
            "OMP_NUM_THREADS": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }

    def read(self, page: Path, folder: Path, given: Callable[["Reader", Path], None] | None) -> int:
        """Do what the page says; the number of blocks that were run or written."""
        folder.mkdir()
        (folder.parent / "site").mkdir()
        for name in SEEN:
            (folder / name).symlink_to(ROOT / name)
        if given is not None:
            given(self, folder)
        where, count = folder, 0
        for block in all_blocks(page):
            if block.file:
                self.write(where / block.file, text_of(block, page), folder)
            elif block.kind == "bash":
                where = self.shell(block, where, folder)
            elif block.kind == "python":
                self.do(block, ["python"], block.body, where, folder)
            else:
                continue
            count += 1
        return count

    def write(self, file: Path, text: str, folder: Path) -> None:
        """Make a file, within the reader's folder: what is linked there is the checkout."""
        if not file.parent.resolve().is_relative_to(folder.resolve()):
            raise Stuck(f"{file} would lie in the checkout")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def shell(self, block: Block, where: Path, folder: Path) -> Path:
        """Run the lines of a block that are not left out; returns the folder that it ends in."""
        out = left_out(block.page)
        lines = [line for line in block.body.splitlines() if line.strip() not in out and not line.startswith("make ")]
        end = folder.parent / "where"
        body = SHARED.sub(f"{folder}/", "\n".join(lines))
        self.do(block, ["bash", "-euo", "pipefail", "-c", f"{body}\npwd > {end}\n"], "", where, folder)
        return Path(end.read_text(encoding="utf-8").strip())

    def do(self, block: Block, command: list[str], told: str, where: Path, folder: Path) -> None:
        environment = self.environment(folder)
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None
        outcome = subprocess.run(
            [program, *command[1:]],
            cwd=where,
            env=environment,
            input=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
            check=False,
        )
        if outcome.returncode:
            raise Stuck(
                f"{block.place} ends with {outcome.returncode}:\n{indent(block.body, '    ')}\n{outcome.stdout[-3000:]}"
            )


def text_of(block: Block, page: Path) -> str:
    """What a block says to write: itself, or the file that it includes."""
    return (page.parent / block.path).read_text(encoding="utf-8") if block.kind == "{literalinclude}" else block.body


def left_out(page: str) -> set[str]:
    return {line for reason in LEFT_OUT.values() for line in reason["lines"].get(page, ())}


@contextmanager
def reader() -> Iterator[Reader]:
    """Start the stand-in, and let it make the finished run."""
    with TemporaryDirectory(prefix="sf-docs-") as made:
        folder = Path(made)
        (folder / "bin").mkdir()
        address = str(folder / "socket")
        for name in PROGRAMS:
            (folder / "bin" / name).write_text(CLIENT.format(python=sys.executable, address=address))
            (folder / "bin" / name).chmod(0o755)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        server = subprocess.Popen(
            [sys.executable, HERE / "stand_in.py", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert server.stdin is not None and server.stdout is not None
        try:
            assert server.stdout.readline() == "ready\n"
            who = Reader(folder / "bin", folder / "first" / "runs" / "countdown-pocket")
            (folder / "first").mkdir()
            (folder / "site").mkdir()
            start = Block("the run that pages are given", 0, "bash", "sf run --task countdown\n")
            who.shell(start, folder / "first", folder / "first")
            yield who
        finally:
            server.stdin.close()
            server.wait(timeout=30)
            server.stdout.close()
