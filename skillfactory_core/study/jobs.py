"""Jobs: the runs of a study in processes of their own, several at a time, each with its share of the cores and GPUs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import plugins
from skillfactory_core.run import open_run
from skillfactory_core.study.plan import Arm, Study
from skillfactory_core.study.work import DECIDES

LOOK_EVERY = 0.1
"seconds"


@attrs.define
class Jobs:
    """One place of work per job; a run begins where one is free."""

    file: Path
    study: Study
    folder: Path
    count: int
    ended: list[str] = attrs.field(factory=list)
    failed: list[str] = attrs.field(factory=list)
    running: dict[str, "tuple[subprocess.Popen[bytes], int]"] = attrs.field(factory=dict)
    "name -> its process and its place"
    pipe: tuple[int, int] = attrs.field(factory=os.pipe)
    "Nothing is written to it: it ends when this process does, however it does, and with it the jobs."

    def do(self) -> None:
        """Until no run is left that may begin. A run that fails does not stop those that do not need it."""
        waiting = list(self.study.todo)
        try:
            while self.running or any(self.may_begin(*run) for run in waiting):
                taken = {place for _, place in self.running.values()}
                for place in set(range(self.count)) - taken:
                    if ready := next((run for run in waiting if self.may_begin(*run)), None):
                        waiting.remove(ready)
                        self.begin(self.study.folder(*ready), place)
                time.sleep(LOOK_EVERY)
                self.look()
        except BaseException:
            # Each keeps what it has and goes on from there another time.
            os.close(self.pipe[1])
            for process, _ in self.running.values():
                process.wait()
            raise
        if self.failed:
            raise SkillFactoryError(
                f"study {self.study.name}: {len(self.failed)} of its runs failed, {', '.join(self.failed)}: the last line of "
                f"{self.log(self.failed[0])} says why; the same command goes on from there"
            )

    def may_begin(self, arm: Arm, seed: int) -> bool:
        """The others of a seed take over what its first run has made, as soon as it is made."""
        first = self.study.arms[0]
        name = self.study.folder(first, seed)
        return arm is first or name in self.ended or (name not in self.failed and has_shared(self.folder / name))

    def begin(self, name: str, place: int) -> None:
        print(f"study {self.study.name}: {name} begins; it writes to {self.log(name)}", flush=True)
        program = (
            f"from skillfactory_core.study.jobs import stop_after; stop_after({self.pipe[0]}); "
            "from skillfactory_core.cli import main; main()"
        )
        files = [part for file in plugins().files for part in ("-p", str(file))]
        own = ["study", str(self.file), "--to", str(self.folder), "--only", name]
        command = [sys.executable, "-c", program, *files, *own]
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.pipe[:1],
                env={**os.environ, **share(place, self.count)},
            )
        self.running[name] = (process, place)

    def look(self) -> None:
        """Take the runs that have ended off their places."""
        for name, (process, _) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[name]
            (self.failed if process.returncode else self.ended).append(name)
            said = f"ended with exit code {process.returncode}" if process.returncode else "is done"
            print(f"study {self.study.name}: {name} {said}, {len(self.ended)} of {len(self.study.todo)}", flush=True)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def stop_after(pipe: int) -> None:
    """Stop this process as at Ctrl-C when the one that began it is gone."""

    def wait() -> None:
        os.read(pipe, 1)
        os.kill(os.getpid(), signal.SIGINT)

    # What a shell puts into the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Thread(target=wait, daemon=True).start()


def has_shared(folder: Path) -> bool:
    """Whether a run has done all that others could take over: it is at a later stage."""
    try:
        return bool(open_run(folder).manifest()["stages"].keys() - DECIDES.keys())
    except SkillFactoryError:
        # It has not begun, or is not a run: its own process says so.
        return False


def share(place: int, places: int) -> dict[str, str]:
    """The environment of one job: some of the threads and GPUs that this process has. What the user has set stays."""
    import torch

    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // places)))
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(torch.cuda.device_count())))).split(",")
    own = seen[place::places] or [seen[place % len(seen)]]
    gpus = {"CUDA_VISIBLE_DEVICES": ",".join(own)} if any(seen) else {}
    return {"OMP_NUM_THREADS": threads, **gpus}
