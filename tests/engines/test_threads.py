"""Threads of torch that wait soon sleep, unless the user chose otherwise: OpenMP itself is asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skillfactory_core.threads import SPINS

ASKED = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
POCKET = Path(__file__).parents[2] / "plugins" / "pocket" / "skillfactory_pocket" / "weights"
ENGINE = "from skillfactory_core.engines.transformers import TransformersEngine; TransformersEngine(sys.argv[1], 0)"
SFT = (
    "from skillfactory_core.trainers.trl import TrlTrainer; from skillfactory_core.trainer import SftSettings; "
    "TrlTrainer().sft(sys.argv[1], [], None, SftSettings(), 0, print)"
)
GRPO = (
    "from skillfactory_core.trainers.trl import TrlTrainer; from skillfactory_core.trainer import GrpoSettings; "
    "TrlTrainer().grpo(sys.argv[1], [], None, None, GrpoSettings(), 0, print)"
)


def waiting(work: str, **chosen: str) -> tuple[str, str]:
    """(policy, spins) of how threads wait, as OpenMP says when it is loaded by some work, which may then fail for want of lessons."""
    code = f"import sys\ntry:\n    {work}\nexcept Exception as error:\n    print(error)\nimport torch\n"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, POCKET],
        env={**clean, "OMP_DISPLAY_ENV": "verbose", **chosen},
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(line.split(" = ", 1) for line in done.stderr.splitlines() if " = " in line)
    policy, spins = (next(value for name, value in said.items() if name.endswith(each)) for each in ASKED)
    return policy.strip("'"), spins.strip("'")


@pytest.mark.parametrize("work", [ENGINE, SFT, GRPO], ids=["engine", "sft", "grpo"])
def test_threads_that_wait_soon_sleep(work: str) -> None:
    assert waiting(work)[1] == SPINS


def test_what_the_user_chose_stays() -> None:
    assert waiting(ENGINE, GOMP_SPINCOUNT="77")[1] == "77"
    policy, spins = waiting(ENGINE, OMP_WAIT_POLICY="active")
    assert policy == "ACTIVE" and spins != SPINS
