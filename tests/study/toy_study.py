"""A study of the scripted model, and its results without what a clock says."""

import re
from pathlib import Path

WAYS = """
title = "Two ways"
task = "countdown"
seeds = [0, 1]

[settings]
model = "scripted"

[arms.skillfactory]

[arms.any-order]
method = "no-sample-order"
title = "Any order"
"""


def written(folder: Path, study: str) -> Path:
    path = folder / "ways.toml"
    path.write_text(study)
    return path


def timeless(folder: Path) -> str:
    return re.sub(r'"(cpu_)?hours": [^,\n]*', "", (folder / "results.json").read_text())
