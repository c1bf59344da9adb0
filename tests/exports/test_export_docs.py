"""The versions that docs/how-to/export.md names are those that the tests read exports with."""

import re
from importlib.metadata import version
from pathlib import Path

from foreign import HERE, ROOT

PAGE = (ROOT / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")


def pinned(file: Path, name: str) -> str:
    found = re.search(rf"^{name}==(\S+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_docs_name_the_versions_that_are_tested() -> None:
    for name, written in (("datasets", "datasets"), ("huggingface_hub", "huggingface_hub"), ("trl", "TRL")):
        assert f"{written} {version(name)}" in PAGE
    assert f"LLaMA-Factory {pinned(HERE / 'llamafactory-alone.txt', 'llamafactory')}" in PAGE
    assert f"inspect_ai {pinned(HERE / 'inspect-alone.txt', 'inspect_ai')}" in PAGE
    assert f"verl {pinned(HERE / 'verl.txt', 'verl')}" in PAGE


def test_the_docs_name_every_format_with_a_section_of_its_own() -> None:
    from skillfactory_core import registry

    for name in registry.registered(registry.EXPORTER):
        assert re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE), name
        assert re.search(rf"^## {name}\b", PAGE, re.MULTILINE), name
