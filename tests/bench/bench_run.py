"""Where the time of a run goes: seconds and peak memory per stage, and the share spent in generation and training.

    python tests/bench/bench_run.py [--preset smoke] [--out docs/measured/run.md]

Generation is the time inside the decoder, training that inside the trainer's own loop without the decoder and our reward;
the rest is ours: prompts, tables, grading, rearranging, loading, reports.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skillfactory_core import registry
from skillfactory_core.engines import decode
from skillfactory_core.pipeline import Pipeline
from skillfactory_core.resolve import resolve
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, start_run
from skillfactory_core.stages.grade import grade_text
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.rearrange import lessons
from skillfactory_core.trainers import trl


class Clock:
    """Adds up the time inside wrapped functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def wrap(self, owner: Any, name: str, label: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.monotonic()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds[label] = self.seconds.get(label, 0.0) + time.monotonic() - start

        setattr(owner, name, timed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from transformers import Trainer

    clock = Clock()
    clock.wrap(decode, "decode", "generate")
    clock.wrap(Trainer, "train", "train")
    clock.wrap(trl, "score", "score")
    clock.wrap(trl, "roll_out", "roll_out")
    with tempfile.TemporaryDirectory() as folder:
        run = start_run(Path(folder) / "bench", resolve("countdown", arguments.preset, None, {}))
        start = time.monotonic()
        pipeline = Pipeline(run)
        pipeline.do()
        wall = time.monotonic() - start
        text = describe(run, clock.seconds, wall, arguments.preset)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def describe(run: Run, seconds: dict[str, float], wall: float, preset: str) -> str:
    # The decoder also runs inside the trainer's loop: its time and our reward's are taken out of it.
    training = seconds["train"] - seconds.get("roll_out", 0.0) - seconds.get("score", 0.0)
    generating = seconds["generate"]
    stages = run.manifest()["stages"]
    rows = "\n".join(f"| {name} | {s['seconds']:.1f} | {s['peak_mb']:,} |" for name, s in stages.items())
    return f"""# Where the time of a run goes

`python tests/bench/bench_run.py --preset {preset}` on {platform.machine()}, {os.cpu_count()} cores,
{time.strftime("%Y-%m-%d")}.

| stage | seconds | peak memory so far, MB |
| --- | --- | --- |
{rows}
| all | {wall:.1f} | |

| part | share of the time |
| --- | --- |
| generation (decoder) | {100 * generating / wall:.1f} % |
| training (forward, backward, optimiser) | {100 * training / wall:.1f} % |
| everything else | {100 * (wall - generating - training) / wall:.1f} % |

{rates(run)}

## What came of it

Accuracy in % with its 95 % interval, by difficulty; trained on {task_of(run.config).variant}. The other columns are
means per response over all difficulties.

{outcome(run)}
"""


def outcome(run: Run) -> str:
    """The comparison of the methods, as the report shows it."""
    methods = summarise(run)["methods"]
    variants = list(next(iter(methods.values())))
    rows = [
        f"| method | {' | '.join(variants)} | tokens | answers | reflections |",
        "| --- " * (len(variants) + 4) + "|",
    ]
    for method, figures in methods.items():
        shares = [f"{100 * f['accuracy']:.1f} ({100 * f['low']:.1f}-{100 * f['high']:.1f})" for f in figures.values()]
        means = [
            f"{sum(f[name] for f in figures.values()) / len(figures):.{digits}f}"
            for name, digits in (("tokens", 0), ("answers", 2), ("reflections", 2))
        ]
        rows.append(f"| {' | '.join([method, *shares, *means])} |")
    rows += ["", skill(methods)]
    return "\n".join(rows)


def skill(methods: dict[str, Any]) -> str:
    """What the responses of the methods that think show: retries after 'incorrect', ends after 'correct', verdict F1."""
    names = ("well_formed", "truncated")
    rows = [
        "| method | difficulty | well formed | cut off | retries | ends | F1 right | F1 wrong |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, figures in methods.items():
        for variant, f in figures.items():
            if f["well_formed"] is not None:
                shares = [f[name] for name in names]
                shares += [f[name]["share"] for name in ("retry_after_incorrect", "stop_after_correct")]
                cells = ["-" if s is None else f"{100 * s:.1f} %" for s in shares]
                f1 = [
                    "-" if f["verdicts"][side]["f1"] is None else f"{f['verdicts'][side]['f1']:.2f}"
                    for side in ("right", "wrong")
                ]
                rows.append(f"| {' | '.join([method, variant, *cells, *f1])} |")
    return "\n".join(rows)


def rates(run: Run) -> str:
    """Grades and traces per second, on the run's own records."""
    task = task_of(run.config)
    tags = registry.find(registry.TAGS, run.config.tags)
    problems = {p.key: p for p in run.problems("train", task.variant)}
    attempts = list(run.attempts)
    start = time.monotonic()
    for attempt in attempts:
        grade_text(task, problems[attempt.problem], attempt.text, tags, final=False)
    grades = len(attempts) / (time.monotonic() - start)
    stage = run.manifest()["stages"]["rearrange"]
    traces = stage["traces"] / stage["seconds"]
    return (
        f"{grades:,.0f} grades a second (extraction included), {traces:,.0f} traces a second "
        f"(the whole stage, with reading and writing tables; {len(list(lessons(run))):,} traces)."
    )


if __name__ == "__main__":
    main()
