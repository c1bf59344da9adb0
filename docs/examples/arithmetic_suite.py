"""Arithmetic: a suite in one file. Try it: sf -p docs/examples/arithmetic_suite.py suites"""

from skillfactory_core import hookimpl
from skillfactory_core.suite import Entry, Suite

ARITHMETIC = Suite(
    name="arithmetic",
    summary="sums and products that get harder",
    entries=(
        Entry("countdown-small", "countdown", {"numbers": 3, "largest": 9, "largest_target": 30}),
        Entry("countdown-large", "countdown", {"numbers": 5, "largest": 50}),
        Entry("multiplication-6", "multiplication", {"digits": 6}, problems=100, samples=8),
    ),
)


@hookimpl
def register_suites() -> list[Suite]:
    return [ARITHMETIC]
