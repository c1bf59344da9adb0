"""The paper's two sets of exams (suites.toml)."""

from pathlib import Path

from skillfactory_core import hookimpl
from skillfactory_core.suite import Suite, read_suites

SUITES = read_suites(Path(__file__).with_suffix(".toml"))


@hookimpl
def register_suites() -> list[Suite]:
    return SUITES
