"""Every hook is documented, tested, used by a plugin of ours, and shown by an example that works."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import START, Outcome, spawn

from skillfactory_core import hookspecs
from skillfactory_core.plugins import plugins

ROOT = Path(__file__).parents[2]
HOOKS = sorted(name for name, spec in vars(hookspecs).items() if hasattr(spec, "skillfactory_spec"))
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
HOOK = re.compile(r"@hookimpl\n(?:async )?def (\w+)\(")


def implemented(path: Path) -> set[str]:
    return set(HOOK.findall(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, ROOT / "docs" / "generate_reference.py", folder], check=True)
    return (folder / "hooks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """`sf plugins` with all examples plugged in at once, by name."""
    flags = [word for path in EXAMPLES for word in ("-p", str(path))]
    command = [Path(sys.executable).with_name("sf"), *flags, "plugins", "--json"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert outcome.stderr == ""
    return {row["name"]: row for row in json.loads(outcome.stdout)}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_its_place_in_the_reference_with_what_it_is_for(hook: str, reference: str) -> None:
    (said,) = re.findall(rf"^## {hook}\n\n```python\ndef {hook}\(.*\n```\n\n(.+)", reference, re.MULTILINE)
    assert len(said.split()) > 3


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_user_of_ours(hook: str) -> None:
    users = [plugin.name for plugin in plugins().found if plugin.ours and hook in plugin.hooks]
    assert users, f"no plugin of ours uses {hook}"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_in_an_example_that_is_in_use(hook: str, listed: dict[str, Any]) -> None:
    users = [path.stem for path in EXAMPLES if hook in implemented(path)]
    assert users, f"no example in docs/examples uses {hook}"
    for name in users:
        assert listed[name]["state"] == "ok" and not listed[name]["notes"] and hook in listed[name]["hooks"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tried_by_a_plugin_of_the_tests(hook: str) -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    assert any(re.search(rf"def {hook}\(", path.read_text(encoding="utf-8")) for path in tests) or hook in SHOWN_HERE


SHOWN_HERE = ("register_methods", "register_prompt_sets", "register_skills", "register_exporters")
"hooks that the tests below try with the example that uses them"


def with_plugin(example: str, *args: str | Path) -> Outcome:
    process = spawn(["-p", ROOT / "docs" / "examples" / f"{example}.py", *args])
    out, err = process.communicate(timeout=120)
    return Outcome(process.returncode, out, err)


def test_the_method_and_the_strategy_of_an_example_make_traces(tmp_path: Path) -> None:
    made = with_plugin("shortest_first", *START, tmp_path, "--method", "shortest", "--until", "rearrange")
    assert made.code == 0, made.err
    manifest = json.loads((tmp_path / "it" / "manifest.json").read_text())
    assert manifest["stages"]["rearrange"]["traces"] > 0


def test_the_prompts_the_skill_and_the_tags_of_an_example_make_a_run(tmp_path: Path) -> None:
    chosen = ("-s", 'skills=["doubt"]', "-s", "tags=draft-review", "-s", "prompts=two-ways", "--until", "problems")
    made = with_plugin("own_form", *START, tmp_path, *chosen)
    assert made.code == 0, made.err
    assert (tmp_path / "it" / "1-problems").is_dir()


def test_the_engine_of_an_example_answers(tmp_path: Path) -> None:
    small = ("-s", "sample.problems=2", "-s", "sample.attempts=1", "--engine", "parrot", "--until", "sample")
    made = with_plugin("parrot", *START, tmp_path, *small)
    assert made.code == 0, made.err
    assert json.loads((tmp_path / "it" / "manifest.json").read_text())["stages"]["sample"]["attempts"] > 0


def test_the_exporter_of_an_example_writes_a_run(finished: Path, tmp_path: Path) -> None:
    assert with_plugin("plain_text", "export", "plain-text", finished, "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "traces.txt").stat().st_size > 0


def test_the_command_and_the_observer_of_an_example_tell_of_the_stages(
    tmp_path: Path, sf: Callable[..., Outcome]
) -> None:
    made = with_plugin("stopwatch", *START, tmp_path, "--until", "grade")
    assert made.code == 0, made.err
    lines = (tmp_path / "it" / "stopwatch.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["problems", "sample", "grade"]
    said = with_plugin("stopwatch", "slowest", tmp_path / "it")
    assert said.code == 0 and said.out.split(":")[0] in ("problems", "sample", "grade")
