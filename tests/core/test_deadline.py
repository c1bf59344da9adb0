"""A plugin's code that does not come back ends the work with one line, and the work can go on; nothing of ours stays behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import tables_of
from plugin_site import HOOK, TASK, Site

from skillfactory_core import deadline as module
from skillfactory_core import last_resort
from skillfactory_core.deadline import Late, deadline, on
from skillfactory_core.errors import SkillFactoryError

OUT = "mend it, uninstall acme, or set SKILLFACTORY_BLOCK=acme"
LONGER = "SKILLFACTORY_SECONDS=600 waits longer, SKILLFACTORY_SECONDS=0 for ever"
ECHO = """
import re
from skillfactory_core.engines.scripted import ScriptedEngine

def reply(request):
    number = int(re.search(r"What is ([0-9]+)[?]", request.messages[-1]["content"])[1])
    return f"<answer>{number + request.seed % 2}</answer>"

class Echo(ScriptedEngine):
    name = "echo"
    summary = "is right half the time, for tests"

    def __init__(self, model, seed):
        super().__init__(model, seed, reply)

@hookimpl
def register_engines():
    return [Echo]
"""
HANGS = {
    "a loop": "while True: pass",
    "a loop that catches every error": "try:\n{pad}    while True: sleep(0.01)\n{pad}except: return Grade(False, answer, 'wrong')",
    "sleep": "sleep(600)",
    "a regular expression": "__import__('re').match('(a+)+$', 'a' * 60 + 'b')",
    "a power": "9**9**9",
}
"code that can be interrupted"
STUCK = {
    "C code": "any(__import__('itertools').repeat(0))",
    "a loop that catches everything for ever": (
        "while True:\n{pad}    try:\n{pad}        while True: sleep(0.01)\n{pad}    except: pass"
    ),
}
"code that cannot"
RUN = ("run", "--task", "digits", "--model", "some/model", "--engine", "echo", "--name", "it", "--until", "grade")
SMALL = ("-s", "sample.problems=3", "-s", "sample.attempts=1", "-s", "part=1")


def source(code: str, method: str = "grade") -> str:
    """A task that does this first, where HANG is set; with an engine that answers."""
    pad = " " * 12
    heads = {name: f"    def {name}(self, params, answer):\n" for name in ("grade",)}
    heads |= {"make": "    def make(self, random):\n", "reference": "    def reference(self, params):\n"}
    first = f"        if __import__('os').environ.get('HANG'):\n{pad}{code.format(pad=pad)}\n"
    return "from time import sleep\n" + TASK.format(name="digits").replace(heads[method], heads[method] + first) + ECHO


@pytest.fixture
def path(tmp_path: Path) -> Site:
    (tmp_path / "site").mkdir()
    return Site(tmp_path / "site")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tables of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "site").mkdir()
    path = Site(folder / "site")
    path.install("acme", source("pass"))
    assert path.sf(*RUN, *SMALL, "--runs", folder).returncode == 0
    return tables_of(folder / "it")


def check(err: str) -> None:
    """One line, with everything in it."""
    (line,) = mine(err)
    assert line.startswith(
        "sf: plugin 'acme' (acme 1.0): no answer in 2 s at digits/default/train/0/original/0 (acme.py:"
    )
    assert line.endswith(f"); what is done is kept: {OUT}; {LONGER}") and "Traceback" not in err


def mine(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("sf:")]


def watchers(owner: int) -> int:
    """How many processes look at this one, or did when it was there."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return sum(f" {owner} [" in line and last_resort.__file__ in line for line in listed)


def until(there: Callable[[], Any]) -> None:
    start = time.monotonic()
    while not there():
        assert time.monotonic() - start < 30
        time.sleep(0.02)


@pytest.mark.parametrize("hang", HANGS)
def test_a_grader_that_does_not_come_back_ends_the_run_with_its_name(path: Site, tmp_path: Path, hang: str) -> None:
    path.install("acme", source(HANGS[hang]))
    asked = (*RUN, *SMALL, "--runs", tmp_path / "runs")
    answer = path.sf(*asked, HANG="1", SKILLFACTORY_SECONDS="2")
    assert answer.returncode == 2, answer.stderr
    check(answer.stderr)


def test_a_run_that_a_grader_ended_goes_on_when_it_is_mended(path: Site, tmp_path: Path, whole: dict[str, str]) -> None:
    path.install("acme", source("while True: pass"))
    asked = (*RUN, *SMALL, "--runs", tmp_path / "runs")
    assert path.sf(*asked, "-s", "most_seconds=2", HANG="1").returncode == 2
    stopped = json.loads((tmp_path / "runs" / "it" / "events.jsonl").read_text().splitlines()[-1])
    assert stopped["event"] == "stopped" and "no answer in 2 s" in stopped["reason"]
    # With another deadline: that decides nothing in a run's tables.
    assert path.sf(*asked).returncode == 0
    assert tables_of(tmp_path / "runs" / "it") == whole
    config = (tmp_path / "runs" / "it" / "config.toml").read_text()
    assert "most_seconds = 2.0" in config


@pytest.mark.parametrize("hang", STUCK)
def test_a_grader_that_cannot_be_interrupted_is_ended_with_the_process_and_the_run_goes_on(
    path: Site, tmp_path: Path, whole: dict[str, str], hang: str
) -> None:
    path.install("acme", source(STUCK[hang]))
    asked = (*RUN, *SMALL, "--runs", tmp_path / "runs")
    answer = path.sf(*asked, HANG="1", SKILLFACTORY_SECONDS="2")
    assert answer.returncode == -signal.SIGKILL, answer.stderr
    check(answer.stderr)
    assert path.sf(*asked).returncode == 0
    assert tables_of(tmp_path / "runs" / "it") == whole


def test_a_grader_that_hangs_in_a_thread_is_ended_with_the_process(path: Site, tmp_path: Path) -> None:
    path.install("acme", source("while True: pass"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"problem": {"n": 3}, "response": "<answer>x</answer>"}\n')
    answer = path.sf("grade", rows, "--task", "digits", HANG="1", SKILLFACTORY_SECONDS="2")
    assert answer.returncode == -signal.SIGKILL
    (line,) = mine(answer.stderr)
    assert line.startswith("sf: plugin 'acme' (acme 1.0): no answer in 2 s at row 1 (acme.py:")


@pytest.mark.parametrize(
    ("method", "key"), [("make", "digits/default/train/0"), ("reference", "digits/default/train/")]
)
def test_other_code_of_a_task_that_does_not_come_back_ends_the_run_too(
    path: Site, tmp_path: Path, method: str, key: str
) -> None:
    path.install("acme", source("while True: pass", method))
    asked = (*RUN, *SMALL, "--runs", tmp_path / "runs", "-s", "sample.hints=true")
    answer = path.sf(*asked, HANG="1", SKILLFACTORY_SECONDS="2")
    assert answer.returncode == 2, answer.stderr
    (line,) = mine(answer.stderr)
    assert line.startswith(f"sf: plugin 'acme' (acme 1.0): no answer in 2 s at {key}")


STRATEGY = """
from skillfactory_core.strategy import Strategy
HEAD
class Slow(Strategy):
    name = "slow"
    summary = "for tests"

    def arrange(self, right, wrong, random):
        while True: pass

@hookimpl
def register_strategies():
    return [Slow]
"""
TAGS = """
from skillfactory_core.tags import TagFormat
HEAD
class Slow(TagFormat):
    def extract(self, text, final):
        while True: pass

@hookimpl
def register_tag_formats():
    names = dict(think="think", attempt="sample", reflection="reflect", verdict="verdict", answer="answer")
    return [Slow("slow", "for tests", **names, correct="Correct", incorrect="Incorrect")]
"""


@pytest.mark.parametrize(
    ("code", "chosen", "key"),
    [
        (STRATEGY, ("--until", "rearrange", "-s", "strategy=slow", "-s", "skills=['retry']"), "train/"),
        (TAGS, ("-s", "tags=slow"), "digits/default/train/0/original/0"),
    ],
    ids=["strategy", "tag format"],
)
def test_strategies_and_tag_formats_have_to_come_back_too(
    path: Site, tmp_path: Path, code: str, chosen: tuple[str, ...], key: str
) -> None:
    path.install("acme", code.replace("HEAD", HOOK.partition("@")[0]))
    path.install("digits", TASK.format(name="digits") + ECHO)
    answer = path.sf(*RUN, *SMALL, "--runs", tmp_path / "runs", *chosen, SKILLFACTORY_SECONDS="2")
    assert answer.returncode == 2, answer.stderr
    (line,) = mine(answer.stderr)
    assert line.startswith("sf: plugin 'acme' (acme 1.0): no answer in 2 s at ") and key in line


def test_no_seconds_are_all_the_time_that_it_takes(path: Site, tmp_path: Path) -> None:
    path.install("acme", source("sleep(1.5)"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"problem": {"n": 3}, "response": "<answer>3</answer>"}\n')
    answer = path.sf("grade", rows, "--task", "digits", HANG="1", SKILLFACTORY_SECONDS="0")
    assert answer.returncode == 0 and '"reason": "ok"' in answer.stdout


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_seconds_that_are_none_are_refused_in_one_line(path: Site, text: str) -> None:
    answer = path.sf("tasks", SKILLFACTORY_SECONDS=text)
    assert answer.returncode == 2
    assert answer.stderr == (
        f"sf: SKILLFACTORY_SECONDS={text}: give the seconds that plugins may take over one record; 0: for ever\n"
    )


# In this process.


def stay() -> None:
    while True:
        pass


def test_what_comes_back_in_time_is_left_alone() -> None:
    with deadline(2):
        for _ in range(4):
            # Each begins anew: together they take longer.
            with on("key"):
                time.sleep(0.7)


def test_what_is_between_records_takes_as_long_as_it_likes() -> None:
    with deadline(0.5):
        with on("key"):
            pass
        time.sleep(2)


def test_each_of_many_records_that_are_done_as_one_has_the_whole_time() -> None:
    with deadline(2), on("all") as note:
        for number in range(4):
            note.at(f"key {number}".encode())
            time.sleep(0.7)


def many(done: list[int], caught: bool) -> None:
    """Six records as one, of which one does not come back; `caught`: nor is the interruption let through."""
    with on("all") as note:
        for number in range(6):
            note.at(f"key {number}".encode())
            with suppress(*[KeyboardInterrupt] * caught):
                if number == 2:
                    stay()
            if note.late:
                break
            done.append(number)


@pytest.mark.parametrize("caught", [False, True])
def test_the_line_names_the_record_that_did_not_come_back_and_nothing_is_done_after_it(caught: bool) -> None:
    said = r"^no answer in 0\.5 s at key 2 \(test_deadline\.py:\d+\); what is done is kept: "
    done: list[int] = []
    with deadline(0.5), pytest.raises(Late, match=said):
        many(done, caught)
    assert done == [0, 1]


def nested() -> None:
    with on("outer"):
        with on("inner"):
            pass
        stay()


def test_inside_another_record_the_time_begins_anew() -> None:
    with deadline(2), on("outer"):
        for _ in range(3):
            time.sleep(0.4)
            with on("inner"):
                time.sleep(0.4)
    with deadline(0.5), pytest.raises(Late, match=" at outer "):
        nested()


def test_an_inner_deadline_changes_the_seconds_and_puts_them_back() -> None:
    with deadline(60):
        with deadline(0.3), pytest.raises(Late, match=r"in 0\.3 s"), on("key"):
            stay()
        with deadline(0), on("key"):
            time.sleep(1)
        with on("key"):
            time.sleep(1)


def test_a_record_of_another_thread_is_not_taken_for_one_of_this() -> None:
    there, leave = threading.Event(), threading.Event()

    def wait() -> None:
        with on("short"):
            pass
        there.set()
        leave.wait()

    with deadline(0.5):
        thread = threading.Thread(target=wait)
        thread.start()
        there.wait()
        with pytest.raises(Late, match=" at mine "), on("mine"):
            stay()
        leave.set()
        thread.join()


def test_beyond_so_many_threads_nobody_looks_and_nothing_breaks() -> None:
    gate = threading.Barrier(last_resort.NOTES + 9)

    def work(number: int) -> None:
        with on(f"thread {number}"):
            gate.wait()

    with deadline(60):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(last_resort.NOTES + 8)]
        for thread in threads:
            thread.start()
        gate.wait()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("key", ["", "\0", "\ud800", "ä" * 1000])
def test_a_key_of_any_text_can_be_noted(key: str) -> None:
    with deadline(60), on(key):
        pass


def test_signals_are_as_before_when_the_deadline_is_over() -> None:
    before = signal.getsignal(last_resort.SIGNAL)
    with deadline(5):
        with on("key"):
            assert watchers(os.getpid()) == 1
        assert signal.getsignal(last_resort.SIGNAL) != before
    assert signal.getsignal(last_resort.SIGNAL) == before == signal.SIG_DFL
    assert watchers(os.getpid()) == 0


def test_a_signal_that_somebody_else_handles_stays_theirs() -> None:
    seen: list[int] = []
    signal.signal(last_resort.SIGNAL, lambda number, frame: seen.append(number))
    try:
        with deadline(60):
            with on("key"):
                os.kill(os.getpid(), last_resort.SIGNAL)
        assert seen == []
        os.kill(os.getpid(), last_resort.SIGNAL)
        assert seen == [last_resort.SIGNAL]
    finally:
        signal.signal(last_resort.SIGNAL, signal.SIG_DFL)


def test_a_process_that_is_forked_off_is_not_watched() -> None:
    with deadline(0.3):
        with on("key"):
            pass
        child = os.fork()
        if not child:
            with on("key"):
                time.sleep(1.5)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


SCRIPT = """
import sys, time
from skillfactory_core.deadline import deadline, on
with deadline(600), on("key"):
    print("there", flush=True)
    time.sleep(600)
"""


def test_nothing_stays_behind_a_process_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        until(lambda: watchers(process.pid) == 1)
        process.kill()
        process.wait()
        until(lambda: watchers(process.pid) == 0)


def test_no_time_passes_for_a_process_that_is_held() -> None:
    hold = SCRIPT.replace("600), on", "2), on").replace("time.sleep(600)", "time.sleep(0.6)\n    print('over')")
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "over\n"
        assert process.wait() == 0


# Where others call us.

REWARD = """
import sys, threading
from skillfactory_core import rewards
from skillfactory_core.plugins import plugins
ask = lambda: rewards.compute_score("digits", "<answer>x</answer>", {"n": 3})
if "thread" in sys.argv:
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
else:
    print(ask())
"""


def reward(path: Site, *args: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(path.folder), **settings}
    command = [sys.executable, "-c", REWARD, *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_a_reward_that_does_not_come_back_raises_in_the_trainer_that_asked(path: Site) -> None:
    path.install("acme", source("while True: pass"))
    asked = reward(path, HANG="1", SKILLFACTORY_SECONDS="2")
    assert asked.returncode == 1
    assert "Late: plugin 'acme' (acme 1.0): no answer in 2 s at '<answer>x</answer>' (acme.py:" in asked.stderr
    assert "'score': 0.0" in reward(path).stdout


def test_a_reward_in_a_thread_is_ended_with_the_process(path: Site) -> None:
    path.install("acme", source("while True: pass"))
    asked = reward(path, "thread", HANG="1", SKILLFACTORY_SECONDS="2")
    assert asked.returncode == -signal.SIGKILL
    assert mine(asked.stderr)[0].startswith("sf: plugin 'acme' (acme 1.0): no answer in 2 s at '<answer>x</answer>'")


# What the last resort reads.

DUMP = """Thread 0x00007f0000000001 (most recent call first):
  File "/site/numpy/core.py", line 7 in sum
  File "/site/acme/grader.py", line 12 in grade
  File "/site/skillfactory_core/stages/grade.py", line 90 in grade_answer

Current thread 0x00007f0000000002 (most recent call first):
  File "/usr/lib/threading.py", line 331 in wait
"""


def test_the_stack_of_a_thread_tells_whose_code_it_is_in() -> None:
    place = ("/site/acme", "plugin 'acme' (acme 1.0): ", OUT)
    stack = last_resort.stack_of(DUMP, 0x7F0000000001)
    assert last_resort.find([("/site/ac", "", ""), place], stack) == (place, "grader.py:12")
    other = last_resort.stack_of(DUMP, 0x7F0000000002)
    assert last_resort.find([place], other) == (last_resort.UNKNOWN, "threading.py:331")
    assert last_resort.stack_of(DUMP, 3) == []
    assert last_resort.find([place], []) == (last_resort.UNKNOWN, "nowhere that can be told")


def test_an_interruption_is_let_through_by_whoever_lets_ctrl_c_through() -> None:
    assert issubclass(module.Overdue, KeyboardInterrupt) and issubclass(Late, SkillFactoryError)
