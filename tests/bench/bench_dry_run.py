"""What `sf run --dry-run` predicts, beside what then happens: `python tests/bench/bench_dry_run.py [--preset default] [--out FILE]`.

Predicts a run of pocket at Countdown, and then does the stages whose costs were predicted: sampling, reflecting, and the evaluation of
the base. Only what the base model says can be predicted.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from skillfactory_core.choices import choose
from skillfactory_core.dry_run import Cost, predict
from skillfactory_core.pipeline import Pipeline
from skillfactory_core.resolve import resolve
from skillfactory_core.run import Run, start_run
from skillfactory_core.table import Table

FOLDERS = {"sample": "2-attempts", "reflect": "4-reflections", "evaluate-base": "8-evaluation"}
PAGE = """\
# What a dry run predicts

`python tests/bench/bench_dry_run.py --preset {preset}{flags}` on {cores} cores, {day}; the load of the machine was {load:.1f}. Predicted
from a probe, and then done:

| stage | | predicted | then | predicted / then |
| --- | --- | --- | --- | --- |
{rows}

Asked for is that each is within 25 %.
"""


def happened(run: Run, stage: str) -> Cost:
    """What a stage took."""
    summary = run.finished(stage) or {}
    files = list((run.folder / FOLDERS[stage]).rglob("*.parquet"))
    if stage.startswith("evaluate"):
        tables = [run.responses("base", file.parent.name.split("-")[1]) for file in files if file.stem == "part-00000"]
        rows = [tokens for table in tables for (tokens,) in table.every("tokens")]
    else:
        table: Table = run.attempts if stage == "sample" else run.reflections  # type: ignore[type-arg]
        rows = [tokens for (tokens,) in table.every("tokens")]
    return Cost(stage, len(rows), sum(rows), summary["seconds"], sum(file.stat().st_size for file in files))


def lines(predicted: Sequence[Cost], then: Sequence[Cost]) -> list[str]:
    rows = []
    for before, after in zip(predicted, then, strict=True):
        for name, unit, scale in (
            ("generations", "generations", 1),
            ("tokens", "tokens", 1),
            ("disk", "disk, MB", 1e6),
            ("seconds", "seconds", 1),
        ):
            old, new = getattr(before, name), getattr(after, name)
            digits = 0 if scale == 1 and name != "seconds" else 2
            shown = f"{old / scale:,.{digits}f} | {new / scale:,.{digits}f} | {old / new:.2f}"
            rows.append(f"| {before.stage} | {unit} | {shown} |")
    both = sum(cost.seconds or 0 for cost in predicted), sum(cost.seconds or 0 for cost in then)
    return [*rows, f"| all three | seconds | {both[0]:,.2f} | {both[1]:,.2f} | {both[0] / both[1]:.2f} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="default")
    parser.add_argument("-s", "--set", action="append", default=[], help="a setting, as for sf run")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    config = resolve("countdown", arguments.preset, None, {}, settings=arguments.set)
    predicted = [cost for cost in predict(config, choose(config)) if cost.seconds is not None]
    with tempfile.TemporaryDirectory() as folder:
        run = start_run(Path(folder) / "it", config)
        pipeline = Pipeline(run)
        pipeline.do("problems", "sample", "grade", "reflect", "evaluate-base")
        then = [happened(run, cost.stage) for cost in predicted]
    text = PAGE.format(
        preset=arguments.preset,
        flags="".join(f" -s {setting}" for setting in arguments.set),
        cores=os.cpu_count(),
        day=date.today().isoformat(),
        load=load,
        rows="\n".join(lines(predicted, then)),
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
