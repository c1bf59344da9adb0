"""The reference is whole: every name that is public has its place in it, with what it is for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS

from skillfactory_core import registry, testing

STABILITY = DOCS / "explanation" / "stability.md"
ROW = re.compile(r"^\| `skillfactory_core\.(\w+)` \| (.+) \|$", re.M)
PUBLIC = [
    (module, name)
    for module, names in ROW.findall(STABILITY.read_text(encoding="utf-8"))
    for name in re.findall(r"`(\w+)`", names)
    if not name.startswith("__")
]
"as the promise of stability lists them"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, DOCS / "generate_reference.py", folder], check=True)
    return folder


def section(text: str, name: str) -> str:
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found is not None, f"{name} is public, and not in the reference: docs/generate_reference.py"
    return found[1].strip()


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=lambda word: word)
def test_every_public_name_is_in_the_reference(reference: Path, module: str, name: str) -> None:
    text = (reference / "records.md").read_text(encoding="utf-8")
    assert f"## skillfactory_core.{module}\n" in text
    assert section(text, name)


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_of_the_kit_is_in_the_reference_with_what_it_asks(reference: Path, name: str) -> None:
    said = section((reference / "testing.md").read_text(encoding="utf-8"), name)
    if name.startswith("check_"):
        signature, meaning = said.split("```\n\n")
        assert f"def {name}(" in signature and len(meaning.split()) > 5


def test_every_check_of_the_kit_is_in_the_how_to() -> None:
    page = (DOCS / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    assert not [name for name in testing.__all__ if name.startswith("check_") and name not in page]


@pytest.mark.parametrize("kind", [kind for kind in vars(registry).values() if isinstance(kind, registry.Kind)], ids=str)
def test_everything_of_ours_that_is_registered_is_in_the_reference(reference: Path, kind: registry.Kind) -> None:
    text = (reference / "built-in.md").read_text(encoding="utf-8")
    assert f"## sf {kind.command}\n" in text
    listed = text.split(f"## sf {kind.command}\n")[1].split("\n## ")[0]
    ours = [name for name, (_, plugin) in registry.registered(kind).items() if plugin.ours]
    assert ours and not [name for name in ours if f"| `{name}` |" not in listed]
