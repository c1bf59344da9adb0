"""Processes for work that may not come back: killed in time, replaced after a crash, and gone with whoever asked."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.workers import Lost, Workers

SERVICE = """\
import os, sys, time
from skillfactory_core.workers import fork_for_each

def serve(line):
    while True:
        try:
            asked = line.recv_bytes().decode()
        except EOFError:
            return
        if asked == "sleep":
            time.sleep(1000)
        if asked == "die":
            os._exit(3)
        line.send_bytes(str(os.getpid()).encode())

fork_for_each(int(sys.argv[1]), serve)
"""
ASKS = """\
import os, sys
from pathlib import Path
from skillfactory_core.workers import Workers
workers = Workers("slow_service", Path(sys.argv[1]))
print(workers.ask(b"who", 60).decode(), workers.parent.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    (tmp_path / "slow_service.py").write_text(SERVICE)
    made = Workers("slow_service", tmp_path, requests=3)
    yield made
    made.stop()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end_of(pid: int) -> None:
    until = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < until, f"process {pid} is still there"
        time.sleep(0.05)


def test_a_worker_that_does_not_reply_in_time_is_killed_and_the_next_request_is_answered(workers: Workers) -> None:
    first = int(workers.ask(b"who", 60))
    with pytest.raises(Lost, match="timeout"):
        workers.ask(b"sleep", 0.2)
    wait_for_the_end_of(first)
    assert int(workers.ask(b"who", 60)) != first


def test_a_worker_that_dies_is_a_crash_and_is_replaced(workers: Workers) -> None:
    with pytest.raises(Lost, match="crash"):
        workers.ask(b"die", 60)
    assert int(workers.ask(b"who", 60)) != os.getpid()


def test_a_worker_is_replaced_after_so_many_requests(workers: Workers) -> None:
    pids = [workers.ask(b"who", 60) for _ in range(4)]
    assert pids[0] == pids[1] == pids[2] != pids[3]


def test_workers_end_with_a_process_that_is_killed(workers: Workers, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ASKS, tmp_path], capture_output=True, text=True)
    worker, parent = map(int, done.stdout.split())
    wait_for_the_end_of(worker)
    wait_for_the_end_of(parent)


def test_a_module_that_does_not_start_is_told_with_the_way_to_find_out(tmp_path: Path) -> None:
    with pytest.raises(SkillFactoryError, match="python -m no_such_service 0"):
        Workers("no_such_service", tmp_path).ask(b"who", 5)
