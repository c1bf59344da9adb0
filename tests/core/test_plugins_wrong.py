"""Every way in which a plugin can be wrong: one line that names it, its distribution and what to do, and the others work."""

from pathlib import Path

import attrs
import pytest
from plugin_site import HOOK, TASK, Site

WORLD = Path(__file__).parents[1] / "scripted_world.py"
SMALL = ("-s", "sample.problems=2", "-s", "evaluate.problems=1", "--no-baselines", "--until")
OUT = "mend it, uninstall acme, or set SKILLFACTORY_BLOCK=acme"
COMMAND = "import click\n" + HOOK + "def register_commands(cli):\n"
ENGINE = """
from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine

class Mine(Engine):
    name = "mine"
    summary = "an engine for tests"

    def generate(self, requests, sampling):
        {generate}

@hookimpl
def register_engines():
    return [Mine]
"""


@attrs.frozen
class Case:
    """A plugin `acme 1.0`, and what `sf plugins` says of it."""

    why: str
    source: str
    said: str
    needs: str = ""
    points: str = ""


OUT_OF_USE = (
    Case(
        "it needs a newer SkillFactory: its code is not even looked at",
        "import nowhere",
        "needs skillfactory>=99, and this is VERSION: pip install --upgrade 'skillfactory>=99' acme",
        needs="Requires-Dist: skillfactory>=99\n",
    ),
    Case(
        "it needs an older one",
        "",
        "needs skillfactory<0.1, and this is VERSION: pip install --upgrade 'skillfactory<0.1' acme",
        needs="Requires-Dist: Skillfactory<0.1\n",
    ),
    Case(
        "it takes a name that this SkillFactory does not have",
        "from skillfactory_core.task import Puzzle",
        "(PLACE); it was written for another version of SkillFactory than VERSION: pip install --upgrade skillfactory acme",
    ),
    Case(
        "what it asks for is not installed",
        "import nowhere",
        "ModuleNotFoundError: No module named 'nowhere'; install what it needs: pip install 'nowhere>=2'",
        needs="Requires-Dist: attrs\nRequires-Dist: nowhere>=2\nRequires-Dist: none; extra == 'more'\n",
    ),
    Case(
        "what it asks for is installed in an older version",
        "from attrs import nothing_like_it",
        "install what it needs: pip install 'attrs>=999'",
        needs="Requires-Dist: attrs>=999\n",
    ),
    Case(
        "it forgot to ask for what it needs",
        "import nowhere.at.all",
        "No module named 'nowhere'; install the package that has 'nowhere', which acme does not name among what it needs",
    ),
    Case("its entry point names nothing", "", "AttributeError", points="[skillfactory]\nacme = acme:nothing\n"),
    Case("a hook is misspelt", HOOK + "def register_taks(): return []", "register_taks: did you mean register_tasks?"),
    Case(
        "a hook of another version",
        HOOK + "def paint(): return []",
        "there is no hook named paint: it may be one of another SkillFactory than this",
    ),
    Case("a hook is not marked", "def register_tasks(): return []", "register_tasks is not marked as a hook: write @"),
    Case(
        "a hook wraps the others",
        "from skillfactory_core import hookimpl\n@hookimpl(wrapper=True)\ndef register_tasks():\n    return (yield)\n",
        "register_tasks wraps the hooks of others",
    ),
    Case(
        "a hook exits",
        HOOK + "def register_tasks(): raise SystemExit(3)",
        f"register_tasks raised SystemExit: 3; {OUT}",
    ),
    Case(
        "a hook raises what is no Exception",
        HOOK + "def register_tasks():\n    raise type('Odd', (BaseException,), {})('x')\n",
        f"register_tasks raised Odd: x; {OUT}",
    ),
    Case(
        "an error has no text",
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
        f"Odd: (its text cannot be had: ValueError); {OUT}",
    ),
    Case("an error has a long text", "raise ValueError('x' * 10**6)", f"{'x' * 200}"),
    Case("a hook gives one record", TASK.format(name="digits").replace("[Mine()]", "Mine()"), "is no list of records"),
    Case(
        "a hook gives a text", HOOK + "def register_models(): return 'abc'", "gave 'abc', which is no list of records"
    ),
    Case(
        "a hook fails half-way",
        HOOK + "def register_models():\n    yield from ()\n    raise OSError('half')\n",
        f"register_models raised OSError: half; {OUT}",
    ),
    Case(
        "a hook gives an instance for a class",
        ENGINE.format(generate="pass").replace("[Mine]", "[Mine('m', 0)]"),
        f"which is not a class derived from Engine; {OUT}",
    ),
    Case(
        "a record cannot even be shown",
        HOOK
        + "def register_models():\n    class Odd:\n        def __repr__(self): raise ValueError\n    return [Odd()]\n",
        f"register_models gave a Odd, which is not a Model; {OUT}",
    ),
    Case(
        "a task cannot grade",
        TASK.format(name="digits").replace("def grade(", "def mark("),
        f"which defines no grade; {OUT}",
    ),
    Case(
        "an engine cannot generate",
        ENGINE.format(generate="pass").replace("def generate(", "def produce("),
        f"which defines no generate; {OUT}",
    ),
    Case(
        "a name with a slash", TASK.format(name="a/b"), "which is named 'a/b': names are not empty and have no spaces"
    ),
    Case("a name is empty", TASK.format(name=""), "which is named '': names are not empty"),
    Case(
        "a command in the place of another",
        COMMAND + "    cli.add_command(click.Command('run'))\n",
        f"register_commands: there is a command named 'run' already: choose another name; {OUT}",
    ),
    Case(
        "a command that is none",
        COMMAND + "    cli.add_command(3)\n",
        "register_commands raised AttributeError: 'int' object",
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("case", OUT_OF_USE, ids=lambda case: case.why)
def test_a_wrong_plugin_is_out_of_use_with_one_line_and_takes_nobody_down(path: Site, case: Case) -> None:
    from skillfactory_core import __version__

    path.install("acme", case.source, points=case.points, needs=case.needs)
    path.install("digits", TASK.format(name="numerals"))
    listed = path.listed("plugins")
    state = listed["acme"]["state"]
    for said in case.said.replace("VERSION", __version__).split("(PLACE)"):
        assert said in state
    assert listed["acme"]["from"] == "acme 1.0" and len(state) < 600 and len(state.splitlines()) == 1
    assert {name for name, row in listed.items() if row["state"] != "ok"} == {"acme"}
    missed = path.sf("check", "numeral")
    assert missed.returncode == 2 and "did you mean 'numerals'?" in missed.stderr
    if not state.startswith("register_") or "register_tasks" in state:
        # Other hooks than that of tasks are not asked to find a task.
        assert f"not in use: 'acme' of acme 1.0 ({state})" in missed.stderr
    assert len(missed.stderr.splitlines()) == 1


def test_a_command_that_is_missing_may_be_one_of_a_plugin_that_is_not_in_use(path: Site) -> None:
    path.install("acme", "import nowhere")
    answer = path.sf("polish")
    assert answer.returncode == 2 and len(answer.stderr.splitlines()) == 1
    assert (
        "No such command 'polish'" in answer.stderr
        and "not in use: 'acme' of acme 1.0 (ModuleNotFoundError" in answer.stderr
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("import os; os.chdir('/')", "the working directory"),
        ("import sys; sys.path.insert(0, '/nowhere')", "sys.path"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "signal handlers"),
        ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')", "the locale"),
        ("import random; random.seed(0)", "the random seed"),
        ("import os, random; os.chdir('/'); random.random()", "the working directory and the random seed"),
    ],
)
@pytest.mark.parametrize("when", ["importing it", "register_tasks"])
def test_what_a_plugin_changes_of_the_process_is_undone_and_told(path: Site, change: str, what: str, when: str) -> None:
    at_import = change if when == "importing it" else ""
    in_hook = change if when == "register_tasks" else "pass"
    task = TASK.format(name="digits").replace("    return [Mine()]", f"    {in_hook}\n    return [Mine()]")
    path.install("acme", f"{at_import}\n{task}")
    # The last plugin by name: it looks at what acme left behind, in hooks that are asked after acme's.
    look = "[os.getcwd(), sys.path[0], str(signal.getsignal(signal.SIGTERM)), locale.setlocale(locale.LC_ALL)]"
    path.install(
        "watch",
        "import locale, os, signal, sys\n"
        f"def look(): return {look}\n" + HOOK + "def register_tasks():\n"
        "    print('left', look(), file=sys.stderr)\n    return []\n",
    )
    alone = path.sf("tasks", "--json", SKILLFACTORY_BLOCK="acme")
    both = path.sf("tasks", "--json")
    assert both.returncode == 0 and '"digits"' in both.stdout
    said = f"sf: plugin 'acme' (acme 1.0): {when} changed {what}, which is undone; {OUT}"
    assert [line for line in both.stderr.splitlines() if line.startswith("sf:")] == [said]
    left = [[line for line in each.stderr.splitlines() if line.startswith("left")] for each in (alone, both)]
    assert left[0] == left[1] and left[0]
    assert path.listed("plugins")["acme"]["state"] == "ok"
    assert path.listed("plugins")["acme"]["notes"] == [said.partition("): ")[2]]


def test_a_random_seed_that_a_plugin_sets_is_not_the_seed_of_others() -> None:
    import random

    from skillfactory_core.surroundings import left_alone

    before = random.getstate()
    with left_alone() as changed:
        random.setstate((3, tuple([1] * 625), None))
    assert changed == ["the random seed"] and random.getstate() == before


def test_a_plugin_for_which_every_command_waits_is_told_to_be_slow(path: Site) -> None:
    path.install("acme", "import time\ntime.sleep(5.2)\n" + TASK.format(name="digits"))
    answer = path.sf("tasks", "--json")
    assert answer.returncode == 0 and '"digits"' in answer.stdout
    assert answer.stderr.startswith(
        "sf: plugin 'acme' (acme 1.0): importing it took 5 s, for which every command waits;"
    )


def test_a_command_that_is_interrupted_in_a_plugin_says_in_which(path: Site) -> None:
    path.install("acme", "raise KeyboardInterrupt")
    answer = path.sf("tasks")
    assert answer.returncode == 130
    assert answer.stderr.splitlines()[0] == f"sf: plugin 'acme' (acme 1.0): interrupted while importing it; {OUT}"


@pytest.mark.parametrize(
    ("grade", "said", "reason"),
    [
        ("1 / 0", "raised ZeroDivisionError: division by zero on 'x', which counts as 'crash'", "crash"),
        ("raise SystemExit(1)", "raised SystemExit: 1 on 'x', which counts as 'crash'", "crash"),
        ("return 'right'", "gave str for 'x', which is no Grade and counts as 'crash'", "crash"),
        (
            "__import__('time').sleep(5.1); return Grade(False, answer, 'wrong')",
            "took 5 s for 'x', where its grade_seconds are 0.01",
            "wrong",
        ),
    ],
)
def test_a_grader_that_raises_or_comes_late_is_told_once_and_the_work_goes_on(
    path: Site, tmp_path: Path, grade: str, said: str, reason: str
) -> None:
    path.install(
        "acme", TASK.format(name="digits").replace('        right = answer == str(params["n"])', f"        {grade}")
    )
    rows = tmp_path / "rows.jsonl"
    row = '{"problem": {"n": 3}, "response": "<answer>x</answer>"}\n'
    rows.write_text(row * (1 if "sleep" in grade else 3))
    answer = path.sf("grade", rows, "--task", "digits")
    assert answer.stdout.count(f'"reason": "{reason}"') == len(rows.read_text().splitlines()), answer.stderr
    told = [line for line in answer.stderr.splitlines() if line.startswith("sf:")]
    assert told == [f"sf: plugin 'acme' (acme 1.0): task 'digits' {said}; sf check digits finds more; {OUT}"]


@pytest.mark.parametrize(
    ("source", "command", "said"),
    [
        (
            ENGINE.format(generate="raise RuntimeError('no power')"),
            ("run", "--task", "countdown", "--engine", "mine", *SMALL, "sample", "--model", "scripted"),
            "RuntimeError: no power (acme.py:",
        ),
        (
            TASK.format(name="digits").replace('{"n"', '{"m"').replace("{{", "{").replace("}}", "}"),
            ("run", "--task", "digits", *SMALL, "problems", "--model", "some/model"),
            "KeyError: 'n' (acme.py:",
        ),
        (
            COMMAND + "    @cli.command()\n    def polish(): {}['gone']\n",
            ("polish",),
            "KeyError: 'gone' (acme.py:",
        ),
        (
            COMMAND + "    @cli.command()\n    def polish(): open('/dev/null/x')\n",
            ("polish",),
            "Not a directory: /dev/null/x",
        ),
    ],
    ids=["engine", "task", "command", "disk"],
)
def test_code_of_a_plugin_that_raises_later_ends_the_command_with_one_line(
    path: Site, tmp_path: Path, source: str, command: tuple[str, ...], said: str
) -> None:
    path.install("acme", source)
    run = ("--runs", str(tmp_path / "runs")) if command[0] == "run" else ()
    answer = path.sf("-p", WORLD, *command, *run)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    line = answer.stderr.splitlines()[-1]
    assert said in line and line.startswith("sf: ")
    if "acme.py" in said:
        assert line.startswith("sf: plugin 'acme' (acme 1.0): ") and f"; what is done is kept: {OUT};" in line
        shown = path.sf("-p", WORLD, *command, *run, SKILLFACTORY_TRACEBACK="1")
        assert "Traceback" in shown.stderr and shown.returncode == 1


def test_code_of_a_plugin_that_does_not_come_back_ends_the_command_with_one_line(path: Site, tmp_path: Path) -> None:
    """tests/core/test_deadline.py has every way of not coming back."""
    source = TASK.format(name="digits").replace("        return {{", "        return {")
    path.install(
        "acme",
        source.replace("    def make(self, random):\n", "    def make(self, random):\n        while True: pass\n"),
    )
    asked = ("run", "--task", "digits", *SMALL, "problems", "--model", "some/model", "-s", "most_seconds=1")
    answer = path.sf("-p", WORLD, *asked, "--runs", tmp_path / "runs")
    assert answer.returncode == 2 and "Traceback" not in answer.stderr
    line = answer.stderr.splitlines()[-1]
    assert line.startswith("sf: plugin 'acme' (acme 1.0): no answer in 1 s at digits/default/train/0 (acme.py:")
    assert f"; what is done is kept: {OUT}; SKILLFACTORY_SECONDS=600 waits longer" in line


def test_a_mistake_of_ours_is_shown_with_its_traceback(path: Site) -> None:
    path.install("acme", "import skillfactory_core.cli.listing as ours\nours.show = None\n")
    answer = path.sf("tasks")
    assert answer.returncode == 1 and "Traceback" in answer.stderr


def test_a_task_whose_difficulties_raise_is_left_out_of_the_list_and_named(path: Site) -> None:
    path.install("acme", TASK.format(name="digits") + "\nMine.variants = lambda self: 1 / 0\n")
    answer = path.sf("tasks", "--json")
    assert answer.returncode == 0 and '"countdown"' in answer.stdout and '"name": "digits"' not in answer.stdout
    assert answer.stderr == (
        f"sf: plugin 'acme' (acme 1.0): task 'digits' cannot be told of: ZeroDivisionError: division by zero; {OUT}\n"
    )


def test_an_observer_that_exits_does_not_end_the_run(path: Site, tmp_path: Path) -> None:
    path.install("acme", HOOK + "def stage_finished(stage): raise SystemExit(7)")
    command = ("run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path / "runs", *SMALL, "sample")
    answer = path.sf("-p", WORLD, *command)
    assert answer.returncode == 0
    assert f"sf: plugin 'acme' (acme 1.0): stage_finished raised SystemExit: 7; {OUT}" in answer.stderr
