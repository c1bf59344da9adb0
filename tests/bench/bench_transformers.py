"""The engine `transformers` beside plain `model.generate`, at the three kinds of work that a run has: sampling, roll-outs, evaluation.

    python tests/bench/bench_transformers.py [--model FOLDER] [--out docs/measured/transformers.md]

The requests are those of the default run with pocket, as many as go together there: attempts of the base model in all prompt variants;
roll-outs of a GRPO step and responses of an evaluation by the model after SFT, whose replies are attempts, checks and retries of mixed
lengths. `generate` has all of them in one batch, with the numbers (32 bits or bfloat16) that are faster for it; random streams
differ, so what is compared are tokens of replies, without padding, per second. They take turns, since the speed of a machine drifts: three
times where `generate` takes less than half a minute, else once; the medians count, of the ratios too. What takes less than five seconds
is done again until they have passed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines.decode import decode
from skillfactory_core.engines.llama import computes_in_bfloat16
from skillfactory_core.engines.transformers import TransformersEngine, end_ids, load_model, load_tokenizer, prompt_ids
from skillfactory_core.resolve import resolve
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.sample import ask

LEAST = 5.0
"seconds that each is measured for"
LONG, ROUNDS = 30.0, 3
SF = Path(sys.executable).with_name("sf")
PAGE = """\
# The engine `transformers` beside plain `generate`

`python tests/bench/bench_transformers.py` with {threads} of {cores} cores, {day}; the load of the machine was {load:.1f}.
Work of the default run with pocket; tokens of replies a second.

| | rows | tokens of a reply: 10 %, half, 90 % | `model.generate` | the engine | times |
| --- | --- | --- | --- | --- | --- |
{lines}

`generate` has all rows in one batch, in 32 bits or bfloat16, whichever is faster for it. The engine allocates its cache
ahead, drops replies that have ended, computes texts that are the same so far once, and takes steps of few and large operations{half}.
"""


@attrs.frozen
class Work:
    """One kind of it."""

    name: str
    model: str
    requests: Sequence[Request]
    sampling: Sampling
    rolled: bool = False
    "as GRPO does, from weights of 32 bits"


def works(taught: str) -> list[Work]:
    """What the default run asks of an engine at once."""
    config = resolve("countdown", "default", None, {})
    prompts, chunk = registry.find(registry.PROMPTS, config.prompts), TransformersEngine.chunk
    problems = list(islice(task_of(config).problems(0, "train"), chunk))
    final = attrs.evolve(prompts, attempts=(prompts.final,))
    attempts = list(islice(ask(problems, prompts, task_of(config), config.sample.attempts, 0), chunk))
    step = list(ask(problems[: config.grpo.prompts], final, task_of(config), config.grpo.rollouts, 0))
    exams: list[Request] = []
    for numbers in (3, 4, 5, 6):
        task = task_of(Config(task="countdown", task_options={**config.task_options, "numbers": numbers}))
        some = list(islice(task.problems(1, "train"), chunk // 8))
        exams += ask(some, final, task, 2, 0)
    return [
        Work("sampling", registry.find(registry.MODEL, "pocket").path, attempts, config.sampling),
        Work("roll-outs", taught, step, config.grpo.sampling, rolled=True),
        Work("evaluation", taught, exams, config.evaluate_sampling),
    ]


def plain(model: Any, tokenizer: Any, work: Work, rows: int) -> list[int]:
    """Tokens of each reply of one call of `generate`."""
    import torch

    sampling = work.sampling
    texts = [prompt_ids(tokenizer, list(request.messages)) for request in work.requests[:rows]]
    longest = max(map(len, texts))
    ids = torch.tensor([[tokenizer.pad_token_id] * (longest - len(text)) + text for text in texts])
    mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
    ends = end_ids(model, tokenizer)
    with torch.inference_mode():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            repetition_penalty=sampling.repetition_penalty,
            max_new_tokens=sampling.max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=sorted(ends),
        )
    replies = made[:, longest:].tolist()
    return [next((place for place, token in enumerate(reply) if token in ends), len(reply)) for reply in replies]


def ours(work: Work) -> "Iterator[Callable[[int], list[int]]]":
    """What gives the tokens of each reply of the first rows."""
    if not work.rolled:
        with TransformersEngine(work.model, 0) as engine:
            yield lambda rows: [g.tokens for g in engine.generate(work.requests[:rows], work.sampling)]
        return
    import torch

    model, tokenizer = load_model(work.model, "cpu", "float32"), load_tokenizer(work.model)
    dtype = torch.bfloat16 if computes_in_bfloat16() else None
    prompts = [prompt_ids(tokenizer, list(request.messages)) for request in work.requests]
    seeds, ends = [request.seed for request in work.requests], end_ids(model, tokenizer)
    yield lambda rows: [
        len(reply.tokens)
        for reply in decode(model, prompts[:rows], seeds[:rows], work.sampling, ends, tokenizer.pad_token_id, dtype)
    ]


def rate(reply: Callable[[int], list[int]], rows: int) -> tuple[float, list[int]]:
    """Tokens a second, and those of each reply."""
    reply(4)
    start, lengths = time.perf_counter(), reply(rows)
    made = sum(lengths)
    while time.perf_counter() - start < LEAST:
        made += sum(reply(rows))
    return made / (time.perf_counter() - start), lengths


def line(work: Work) -> str:
    rows, tokenizer = len(work.requests), load_tokenizer(work.model)
    models = {
        dtype: load_model(work.model, "cpu", dtype)
        for dtype in (("float32", "bfloat16") if computes_in_bfloat16() else ("float32",))
    }
    fast: list[float] = []
    slow: dict[str, list[float]] = {dtype: [] for dtype in models}
    with contextmanager(ours)(work) as reply:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            speed, lengths = rate(reply, rows)
            fast.append(speed)
            for dtype, model in models.items():
                slow[dtype].append(rate(lambda rows, model=model: plain(model, tokenizer, work, rows), rows)[0])
            print(f"{work.name}: the engine {speed:,.0f} tokens/s, generate {slow}", flush=True)
            if time.perf_counter() - start > len(models) * LONG:
                break
    best = max(slow.values(), key=median)
    times = median(one / other for one, other in zip(fast, best, strict=True))
    tenths = quantiles(lengths, n=10)
    spread = ", ".join(f"{tenths[at]:.0f}" for at in (0, 4, 8))
    return f"| {work.name} | {rows} | {spread} | {median(best):,.0f} | {median(fast):,.0f} | {times:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="", help="a model after SFT; without one, that of a default run is made")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    import torch

    load_now = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as runs:
        taught = arguments.model
        if not taught:
            command = (
                SF,
                "run",
                "--task",
                "countdown",
                "--name",
                "it",
                "--runs",
                runs,
                "--until",
                "sft",
                "--no-baselines",
            )
            subprocess.run(command, check=True, capture_output=True)
            taught = str(Path(runs) / "it" / "6-sft" / "model")
        lines = [line(work) for work in works(taught)]
    text = PAGE.format(
        threads=torch.get_num_threads(),
        cores=os.cpu_count(),
        day=date.today().isoformat(),
        load=load_now,
        lines="\n".join(lines),
        half=", in bfloat16" if computes_in_bfloat16() else "",
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
