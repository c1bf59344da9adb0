"""The rules that hold the design together: who may import whom, what the core may say, how heavy the start is."""

import ast
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillfactory_core import hookspecs
from skillfactory_core.plugins import plugins

ROOT = Path(__file__).parents[1]
CORE = ROOT / "skillfactory_core"
OURS = [CORE, ROOT / "tasks", ROOT / "skills", ROOT / "plugins"]
HEAVY = {"torch", "transformers", "trl", "datasets", "sympy", "pyarrow", "accelerate", "vllm", "numpy", "jinja2"}
VAGUE = re.compile(r"^(utils?|helpers?|common|misc|shared|tools|base(_.*)?|.*_(utils?|helpers?|manager))$")


def files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Top-level names of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def loaded(statement: str) -> set[str]:
    """Top-level modules in a fresh process after a statement."""
    script = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True, cwd=ROOT).split())


@pytest.mark.parametrize("path", files(CORE), ids=short)
def test_the_core_imports_no_plugin(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("skillfactory_") and name != "skillfactory_core"]


def test_the_core_does_not_need_its_command_line() -> None:
    beneath = [path for path in files(CORE) if path.parent.name != "cli"]
    for path in beneath:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if re.match(r"\s*(from|import) skillfactory_core\.cli\b", line)], path


@pytest.mark.parametrize("folder", ["tasks", "skills"])
def test_tasks_and_skills_import_the_core_and_themselves_alone(folder: str) -> None:
    for path in files(ROOT / folder):
        ours = {name for name in imports(path) if name.startswith("skillfactory_")}
        assert ours <= {"skillfactory_core", f"skillfactory_{folder}"}, path


@pytest.mark.parametrize("path", files(CORE), ids=short)
def test_the_core_holds_no_tag(path: Path) -> None:
    names = "think|sample|reflect|verdict|answer"
    text = path.read_text(encoding="utf-8")
    assert not re.findall(rf"</?(?:{names})>", text)


@pytest.mark.parametrize("path", files(CORE), ids=short)
def test_the_core_knows_no_task_by_name(path: Path) -> None:
    # Help texts may show a command; code may not ask for a task.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert not {"countdown", "multiplication", "gsm8k", "csqa", "acronym"} & set(texts)


def test_starting_sf_loads_no_heavy_library() -> None:
    assert not loaded("import skillfactory_core.cli.builtin") & HEAVY
    assert not loaded("from skillfactory_core.plugins import plugins; plugins()") & HEAVY


def test_help_takes_little_time() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        sf = Path(sys.executable).with_name("sf")
        subprocess.run([sf, "--help"], check=True, capture_output=True, env={**os.environ, "COLUMNS": "100"})
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    assert min(seconds() for _ in range(3)) < 0.6


@pytest.mark.parametrize("path", files(*OURS), ids=short)
def test_a_file_is_named_after_one_thing_and_is_short(path: Path) -> None:
    assert not VAGUE.match(path.stem)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", files(*OURS), ids=short)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("folder", ["tasks", "skills", "plugins", "docs", "tests"])
def test_folders_that_are_no_packages_have_no_init(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def hooks() -> list[str]:
    return sorted(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "skillfactory_spec"))


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_has_a_built_in_user_and_says_what_it_is_for(hook: str) -> None:
    users = [
        plugin.name for plugin in plugins().found if hook in plugin.hooks and "skillfactory" in plugin.distribution
    ]
    assert users
    assert getattr(hookspecs, hook).__doc__


def test_every_built_in_plugin_works() -> None:
    assert [plugin for plugin in plugins().found if plugin.error] == []


def test_every_built_in_file_with_a_hook_is_an_entry_point() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["skillfactory"].values()
    for top in (ROOT, ROOT / "tasks", ROOT / "skills", ROOT / "plugins" / "pocket"):
        for path in files(*top.glob("skillfactory_*")):
            if re.search(r"^@hookimpl", path.read_text(encoding="utf-8"), re.MULTILINE):
                assert ".".join(path.relative_to(top).with_suffix("").parts) in listed
