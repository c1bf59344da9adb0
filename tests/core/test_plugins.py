"""Plugins: a broken one is named, listed and out of the way; the others keep working."""

import json
import os
from pathlib import Path

import pytest
from plugin_site import HOOK, TASK, Site


@pytest.fixture
def path(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_installed_plugin_is_listed_with_its_hooks_and_its_distribution(path: Site) -> None:
    path.install("acme", TASK.format(name="digits"))
    record = path.listed("plugins")["acme"]
    assert record == {
        "name": "acme",
        "state": "ok",
        "notes": [],
        "hooks": ["register_tasks"],
        "module": "acme",
        "from": "acme 1.0",
    }
    assert path.listed("tasks")["digits"]["from"] == "acme 1.0"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def broken(:", "SyntaxError"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (HOOK + "def register_taks(): return []", "there is no hook named register_taks"),
        (HOOK + "def register_tasks(run): return []", "register_tasks asks for 'run', and that hook gives nothing"),
        (HOOK + "def register_tasks(): raise OSError('no disk')", "register_tasks raised OSError: no disk"),
        (HOOK + "def register_tasks(): return None", "register_tasks gave None, which is no list of records"),
        (HOOK + "def register_tasks(): return ['sums']", "register_tasks gave 'sums', which is not a Task"),
        (HOOK + "def register_engines(): return [3]", "gave 3, which is not a class derived from Engine"),
        (HOOK + "def register_commands(cli): raise OSError('x')", "register_commands raised OSError: x"),
        (
            HOOK + "def register_strategies():\n    from skillfactory_core.strategy import Strategy\n"
            "    return [type('Nameless', (Strategy,), {})]",
            "which has no name",
        ),
    ],
    ids=lambda text: text.replace(HOOK, "")[:50],
)
def test_a_broken_plugin_is_named_and_the_others_keep_working(path: Site, source: str, said: str) -> None:
    path.install("acme", source)
    path.install("digits", TASK.format(name="digits"))
    listed = path.listed("plugins")
    assert said in listed["acme"]["state"] and "\n" not in listed["acme"]["state"]
    assert {name for name, row in listed.items() if row["state"] != "ok"} == {"acme"}
    assert listed["countdown"]["state"] == "ok"
    missed = path.sf("run", "--task", "contdown")
    assert missed.returncode == 2
    assert missed.stderr.startswith("sf: no task named 'contdown': did you mean 'countdown'? (sf tasks)")
    assert "Traceback" not in missed.stderr and len(missed.stderr.splitlines()) == 1


def test_a_failed_look_up_mentions_the_plugins_that_are_not_in_use(path: Site) -> None:
    path.install("acme", "import nowhere_to_be_found")
    for flag in ("--task", "--model", "--engine"):
        err = path.sf("run", *([] if flag == "--task" else ["--task", "countdown"]), flag, "acme-thing").stderr
        assert "named 'acme-thing'" in err
        assert "not in use: 'acme' of acme 1.0 (ModuleNotFoundError: No module named 'nowhere_to_be_found';" in err


@pytest.mark.parametrize("hook", ["register_taks()", "register_trainers(run)"])
def test_no_hook_is_asked_of_a_plugin_of_which_one_is_wrong(path: Site, hook: str) -> None:
    path.install("acme", TASK.format(name="digits") + f"\n@hookimpl\ndef {hook}: return []\n")
    assert path.listed("plugins")["acme"]["state"] != "ok"
    assert "digits" not in path.listed("tasks")


def test_of_two_plugins_with_one_name_neither_is_in_use_and_the_others_are(path: Site) -> None:
    path.install("acme", TASK.format(name="one"), name="twin")
    path.install("beta", TASK.format(name="two"), name="twin")
    path.install("digits", TASK.format(name="digits"))
    rows = [row for row in json.loads(path.sf("plugins", "--json").stdout) if row["name"] == "twin"]
    said = "two plugins are named 'twin': one of acme 1.0, one of beta 1.0; uninstall one"
    assert [(row["from"], row["state"], row["hooks"]) for row in rows] == [
        ("acme 1.0", said, []),
        ("beta 1.0", said, []),
    ]
    assert {"countdown", "digits"} <= path.listed("tasks").keys() and not {"one", "two"} & path.listed("tasks").keys()
    assert said in path.sf("check", "two").stderr


def test_a_plugin_named_like_one_of_ours_does_not_stand_in_for_it(path: Site) -> None:
    path.install("acme", TASK.format(name="one"), name="commands")
    rows = [row for row in json.loads(path.sf("plugins", "--json").stdout) if row["name"] == "commands"]
    assert [row["state"] for row in rows] == [
        "ok",
        f"two plugins are named 'commands': one of {rows[0]['from']}, one of acme 1.0; uninstall acme 1.0",
    ]


def test_one_task_name_from_two_plugins_is_refused_by_that_name_and_the_others_work(path: Site) -> None:
    path.install("acme", TASK.format(name="digits"))
    path.install("beta", TASK.format(name="digits"))
    said = (
        "sf: two plugins register a task named 'digits': 'acme' (acme 1.0) and 'beta' (beta 1.0); "
        "uninstall one or set SKILLFACTORY_BLOCK=beta\n"
    )
    answer = path.sf("check", "digits")
    assert (answer.returncode, answer.stderr) == (2, said)
    answer = path.sf("tasks", "--json")
    assert (answer.returncode, answer.stderr) == (0, said)
    names = {row["name"] for row in json.loads(answer.stdout)}
    assert "countdown" in names and "digits" not in names
    assert "digits" in path.listed("tasks", SKILLFACTORY_BLOCK="beta")


def test_one_name_twice_from_one_plugin_names_that_plugin(path: Site) -> None:
    path.install("acme", TASK.format(name="digits").replace("[Mine()]", "[Mine(), Mine()]"))
    assert path.sf("check", "digits").stderr == (
        "sf: plugin 'acme' (acme 1.0) registers two tasks named 'digits'; "
        "mend it, uninstall acme, or set SKILLFACTORY_BLOCK=acme\n"
    )


def test_a_blocked_plugin_is_not_imported(path: Site) -> None:
    path.install("acme", "raise SystemExit('imported')")
    path.install("beta", TASK.format(name="digits"))
    listed = path.listed("plugins", SKILLFACTORY_BLOCK="acme,beta")
    assert listed["acme"]["state"] == listed["beta"]["state"] == "blocked by SKILLFACTORY_BLOCK"
    assert "digits" not in path.listed("tasks", SKILLFACTORY_BLOCK="acme,beta")


def test_a_distribution_that_is_twice_on_the_path_counts_once(path: Site, tmp_path: Path) -> None:
    path.install("acme", TASK.format(name="digits"))
    both = Site(tmp_path / "again")
    both.folder.mkdir()
    both.install("acme", TASK.format(name="digits"))
    answer = path.sf("tasks", "--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{both.folder}")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("points", ["no section = here\n", "[skillfactory]\nno equals sign\n"])
def test_a_distribution_with_unreadable_entry_points_harms_nobody(path: Site, points: str) -> None:
    path.install("acme", "", points=points)
    assert "countdown" in path.listed("tasks")


def test_a_one_file_plugin_brings_its_task(path: Site, tmp_path: Path) -> None:
    file = tmp_path / "json.py"
    file.write_text(TASK.format(name="digits"))
    for flag in (["-p", str(file)], [f"-p{file}"], ["--plugin", str(file)], [f"--plugin={file}"]):
        answer = path.sf(*flag, "tasks", "--json", PYTHONPATH="")
        assert answer.returncode == 0, answer.stderr
        assert "digits" in {row["name"] for row in json.loads(answer.stdout)}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "does not exist"),
        ("import nowhere_to_be_found", "cannot be loaded: ModuleNotFoundError"),
        ("def broken(:", "cannot be loaded: SyntaxError"),
        (HOOK + "def register_taks(): return []", "cannot be loaded: there is no hook named"),
    ],
    ids=str,
)
def test_a_one_file_plugin_that_cannot_be_used_ends_the_command(
    path: Site, tmp_path: Path, source: str | None, said: str
) -> None:
    file = tmp_path / "mine.py"
    if source is not None:
        file.write_text(source)
    answer = path.sf("-p", file, "tasks")
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"sf: plugin file {file} ") and said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_an_observer_that_raises_is_named_and_does_not_stop_the_run(path: Site, tmp_path: Path) -> None:
    path.install("acme", HOOK + "def stage_finished(stage): raise OSError(stage)")
    world = Path(__file__).parents[1] / "scripted_world.py"
    answer = path.sf(
        *("-p", world, "run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path / "runs"),
        *("-s", "sample.problems=2", "-s", "evaluate.problems=1", "-s", 'evaluate.variants=["3"]', "--no-baselines"),
    )
    assert answer.returncode == 0, answer.stderr
    assert "sf: plugin 'acme' (acme 1.0): stage_finished raised OSError: sample" in answer.stderr


def test_an_observer_is_told_every_stage_with_its_counts(path: Site, tmp_path: Path) -> None:
    told = tmp_path / "told.jsonl"
    path.install(
        "acme",
        "import json\n" + HOOK + "def stage_finished(run, stage, summary):\n"
        f"    print(json.dumps([run.folder.name, stage, summary['seconds'] >= 0]), file=open({str(told)!r}, 'a'))\n",
    )
    world = Path(__file__).parents[1] / "scripted_world.py"
    answer = path.sf(
        *("-p", world, "run", "--task", "countdown", "--model", "scripted", "--runs", tmp_path / "runs"),
        *("-s", "sample.problems=2", "-s", "evaluate.problems=1", "-s", 'evaluate.variants=["3"]', "--no-baselines"),
    )
    assert answer.returncode == 0, answer.stderr
    stages = ["problems", "sample", "grade", "reflect", "rearrange", "sft", "grpo-skillfactory"]
    stages += ["evaluate-base", "evaluate-sft", "evaluate-skillfactory", "report"]
    assert [json.loads(line) for line in told.read_text().splitlines()] == [
        ["countdown-scripted", stage, True] for stage in stages
    ]
