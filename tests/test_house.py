"""The house is in order: what README and docs say exists, runs, is complete and is true."""

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import attrs
import click
import pytest
from pages import DOCS, FENCE, PAGES, ROOT, all_blocks, blocks, name_of

from skillfactory_core import hookspecs, registry
from skillfactory_core.cli import sf as sf_group
from skillfactory_core.config import Config, flatten, model_settings, preset_settings, unstructure
from skillfactory_core.prompts import read_prompt_set
from skillfactory_core.stages.rearrange import join_banks
from skillfactory_core.tags import TagFormat
from skillfactory_pocket.cli import main as sf_pocket

METHOD = DOCS / "explanation" / "method.md"
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PARTS = (
    *("Sampling", "Grading", "Reflecting", "Filtering", "Algorithm 1", "Formatting", "Rationalisation", "SFT", "GRPO"),
    *("Baselines", "Tasks", "Evaluation", "Measurements"),
)
"the parts of the paper, as explanation/method.md heads them"


def command_lines(*programs: str) -> list[tuple[str, str]]:
    """(page, line) of every command line in a bash block that starts one of these programs."""
    found = []
    for page in PAGES:
        for body in blocks(page, "bash"):
            for line in body.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] in programs:
                    found.append((name_of(page), shlex.join(words)))
    return found


def parse(words: list[str]) -> click.Context:
    """The context of an `sf` or `sf-pocket` command line, without doing it; whatever click refuses is raised."""
    program, *arguments = words
    group = sf_pocket if program == "sf-pocket" else sf_group
    with group.make_context(program, arguments.copy()) as context:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None and name is not None
        return command.make_context(name, rest, parent=context)


@pytest.mark.parametrize(("page", "line"), command_lines("sf", "skillfactory", "sf-pocket"))
def test_every_command_in_the_docs_is_one_that_sf_takes(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its words alone, also where the whole command is not run: tests/docs/test_pages.py runs most of them.
    monkeypatch.chdir(ROOT)
    words = shlex.split(line)
    while "-p" in words[:2]:
        # Plugins stay loaded for good.
        del words[1:3]
    parse(words)


@pytest.mark.parametrize(("page", "line"), command_lines("make"))
def test_every_make_target_in_the_docs_exists(page: str, line: str) -> None:
    outcome = subprocess.run(
        ["make", "--dry-run", *shlex.split(line)[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_every_command_named_in_a_sentence_exists() -> None:
    parse(["sf", "tasks"])
    for page in PAGES:
        for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            words = span.split()
            if words[0] not in ("sf", "sf-pocket") or len(words) < 2 or words[1].startswith("-"):
                continue
            commands = sf_pocket.commands if words[0] == "sf-pocket" else sf_group.commands
            assert words[1] in commands, f"{name_of(page)}: {span}"
            options = {o for p in commands[words[1]].params for o in (*p.opts, *p.secondary_opts)}
            for word in words[2:]:
                assert not word.startswith("-") or word in options, f"{name_of(page)}: {span}"


def test_the_first_screen_of_the_readme_has_the_two_commands() -> None:
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25])
    assert "\nmake run " in first
    assert "\nmake test " in first


# The file tree of the README.


def tree() -> dict[str, bool]:
    """path -> whether it is a folder whose files are not listed one by one."""
    (body,) = [b for b in blocks(ROOT / "README.md", "text") if "skillfactory_core/" in b]
    found: dict[str, bool] = {}
    above: list[str] = []
    for line in body.splitlines():
        name, _, comment = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 4
        path = "/".join([*above[:depth], name.rstrip("/")])
        above[depth:] = [name.rstrip("/")]
        for folder in ("/".join(above[:n]) for n in range(1, depth + 1)):
            found[folder] = False
        found[path] = name.endswith("/")
        assert comment.strip() or name.endswith("/"), f"README: {path} has no comment"
    return found


def source_files() -> set[str]:
    """Every file that git keeps, or would keep."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    outcome = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if outcome.returncode:
        pytest.skip("this is no git checkout")
    return {path for path in outcome.stdout.splitlines() if (ROOT / path).exists()}


def test_every_file_is_in_the_tree_of_the_readme() -> None:
    listed = tree()
    missing = [
        path
        for path in sorted(source_files())
        if path not in listed and not any(listed.get(str(folder)) for folder in Path(path).parents)
    ]
    assert not missing, f"give each a line with a comment in README.md: {', '.join(missing)}"


def test_no_two_files_of_tests_have_one_name() -> None:
    """Pytest takes the second for the first, but only where it meets both."""
    names = Counter(Path(path).name for path in source_files() if Path(path).match("test_*.py"))
    assert not [name for name, count in names.items() if count > 1]


def test_every_python_file_of_the_packages_has_a_line_of_its_own() -> None:
    listed = tree()
    python = {p for p in source_files() if p.endswith(".py") and p.split("/")[0] not in ("docs", "tests")}
    assert not python - listed.keys()


def test_every_line_of_the_tree_is_there() -> None:
    absent = [path for path in tree() if not (ROOT / path).exists() and path != "docs/images"]
    assert not absent, f"README.md lists what is gone: {', '.join(absent)}"


# Links.


def slug(heading: str) -> str:
    """A heading as GitHub and MyST name it in a link."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link or path == "docs/images/report.png":
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{name_of(page)}: {link}"


def test_the_picture_of_the_report_is_there() -> None:
    picture = DOCS / "images" / "report.png"
    if not picture.exists():
        pytest.skip("docs/images/report.png is still to be taken")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_named_in_a_sentence_exists(page: Path) -> None:
    top = {path.name for path in ROOT.iterdir() if path.is_dir()}
    made = {block.file for block in all_blocks(page)}
    for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        first, _, rest = span.partition("/")
        if first in top and first != "runs" and rest and "*" not in span and " " not in span and span not in made:
            there = (ROOT / span).exists() or (page.parent / span).exists()
            assert there or "_build" in span, f"{name_of(page)}: {span}"


# The reference.


def test_every_hook_and_every_command_is_in_the_reference(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DOCS / "generate_reference.py", tmp_path], check=True)
    hooks = (tmp_path / "hooks.md").read_text(encoding="utf-8")
    specified = [name for name, function in vars(hookspecs).items() if hasattr(function, "skillfactory_spec")]
    assert specified
    for name in specified:
        assert f"## {name}\n\n```python\ndef {name}(" in hooks
    commands = (tmp_path / "commands.md").read_text(encoding="utf-8")
    for name in sf_group.commands:
        assert f"## sf {name}\n" in commands
    settings = (tmp_path / "settings.md").read_text(encoding="utf-8")
    for name in flatten(unstructure(Config(task="countdown"))):
        assert f"`{name}`" in settings


# The paper.


def test_every_part_of_the_paper_is_mapped_to_a_file_or_said_to_be_missing() -> None:
    text = METHOD.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)+)", text, re.MULTILINE))
    for part in PARTS:
        files = [span for span in SPAN.findall(sections[part]) if "/" in span and span.endswith((".py", ".toml"))]
        assert files or "Not here yet" in sections[part], part
        for file in files:
            assert (ROOT / file).is_file(), file


def test_every_name_that_is_said_to_be_in_a_file_is_defined_there() -> None:
    said = re.findall(r"`([\w.]+)`(?:, `([\w.]+)`)? in `([\w/]+\.py)`", METHOD.read_text(encoding="utf-8"))
    assert len(said) > 10
    for *names, file in said:
        source = (ROOT / file).read_text(encoding="utf-8")
        for name in "".join(f"{name}." for name in names if name).split(".")[:-1]:
            assert re.search(rf"^ *(?:def |class )?{name}\b[(:]", source, re.MULTILINE), f"{file} has no {name}"


def differences(heading: str) -> dict[str, tuple[str, str]]:
    """setting -> (the core's value, the other value) of a table in explanation/method.md."""
    text = METHOD.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    return {name: (core, other) for name, core, other in rows}


def value(text: str) -> Any:
    return None if text == "unset" else tomllib.loads(f"value = {text}")["value"]


def core_value(name: str) -> Any:
    config = Config(task="countdown")
    table, _, option = name.partition(".")
    if table == "task_options":
        return getattr(registry.find(registry.TASK, config.task), option)
    if table == "rl_only":
        return getattr(config.grpo, option)
    if table == "strategy_options":
        return getattr(attrs.fields(registry.find(registry.STRATEGY, config.strategy)), option).default
    return flatten(unstructure(config))[name]


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("What the default preset changes", preset_settings("default")),
        (
            "What pocket changes",
            model_settings(str(registry.find(registry.MODEL, "pocket").settings), "paper", "countdown"),
        ),
    ],
    ids=["default preset", "pocket"],
)
def test_every_setting_that_differs_from_the_paper_is_explained_with_its_value(
    heading: str, settings: dict[str, Any]
) -> None:
    explained = differences(heading)
    assert {name: value(other) for name, (_, other) in explained.items()} == flatten(settings)
    for name, (core, _) in explained.items():
        assert value(core) == core_value(name), name


def test_the_paper_preset_is_the_core() -> None:
    core = flatten(unstructure(Config(task="countdown")))
    for name, size in flatten(preset_settings("paper")).items():
        assert core[name] == size, name


def test_the_trace_in_the_readme_is_a_whole_one_and_right() -> None:
    (trace,) = blocks(ROOT / "README.md", "xml")
    tags: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    parsed = tags.parse(trace.strip())
    assert parsed.well_formed
    assert parsed.answer is not None
    found = re.search(r"make (\d+) from ([\d, ]+)\.", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    params = {"target": int(found[1]), "numbers": [int(n) for n in found[2].split(", ")]}
    task = registry.find(registry.TASK, "countdown")
    assert task.grade(params, parsed.answer).correct
    for one in parsed.tries:
        assert one.answer is not None
        assert task.grade(params, one.answer).correct == one.verdict


# The examples.


@pytest.fixture(scope="module")
def double_it() -> Any:
    namespace = runpy.run_path(str(DOCS / "examples" / "double_it.py"))
    (task,) = namespace["register_tasks"]()
    return task


def test_the_task_of_the_tutorial_is_listed_when_it_is_plugged_in() -> None:
    command = [Path(sys.executable).with_name("sf"), "-p", DOCS / "examples" / "double_it.py", "tasks", "--json"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"name": "double_it"' in outcome.stdout


def test_the_task_of_the_tutorial_grades_its_own_references_right_and_anything_else_not(double_it: Any) -> None:
    for variant in double_it.variants().values():
        for split in ("train", "rl", "evaluation"):
            for problem in islice(variant.problems(0, split), 20):
                reference = variant.reference(problem.params)
                assert variant.grade(problem.params, reference).correct
                assert variant.grade(problem.params, reference + "0").reason == "wrong"
    params = double_it.make(Random(0))
    for junk in ("", "no number", "1e3", "٣", "9" * 100_000, "__import__('os')", "\n2"):
        assert double_it.grade(params, junk).reason == "unparsable"


def test_the_prompt_set_of_the_docs_is_read() -> None:
    prompts = read_prompt_set(DOCS / "examples" / "prompts.toml")
    tags: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    for prompt in (*prompts.attempts, prompts.final):
        assert f"<{tags.answer}>" in prompt.text
    for prompt in prompts.reflections:
        assert f"<{tags.verdict}>{tags.correct}" in prompt.text


def test_the_phrases_of_the_docs_fill_every_bank() -> None:
    from skillfactory_core.skill import read_phrases

    skills = [registry.find(registry.SKILL, name) for name in ("verify", "retry")]
    own = {bank for skill in skills for bank in skill.phrases}
    banks = join_banks(skills, read_phrases(DOCS / "examples" / "phrases"))
    assert all(banks[bank] for bank in own)
