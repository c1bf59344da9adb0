"""The engine `transformers` beside plain `model.generate` in one big batch of the same requests, with replies of mixed lengths.

    python tests/bench/bench_transformers.py [--rows 256] [--rounds 2] [--out docs/measured/transformers.md]

The model is pocket after a short SFT, whose replies are from a few to some hundred tokens long: attempts, checks, retries. Both
sample with the same parameters until each reply ends or has all its tokens; random streams differ, so what is compared are
tokens of replies (without padding) per second. They take turns, after one round to warm up; the best round of each counts.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import quantiles
from typing import Any

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines.transformers import TransformersEngine, end_ids, load, prompt_ids
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.sample import ask

SF = Path(sys.executable).with_name("sf")
SAMPLING = Sampling(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.0, max_tokens=512)
PAGE = """\
# The engine `transformers` beside plain `generate`

`python tests/bench/bench_transformers.py` on {cores} cores, {day}; the load of the machine was {load:.1f}. {rows} questions of
Countdown with 3 to 6 numbers to pocket after a short SFT, at most {most} tokens each. Of the replies, a tenth has at most {low:.0f} tokens,
half at most {middle:.0f}, and a tenth more than {high:.0f}.

| | tokens of replies a second |
| --- | --- |
| `model.generate`, all requests in one batch | {plain:,.0f} |
| the engine | {ours:,.0f} |

The engine has {ratio:.2f} times the speed. It allocates its cache ahead, drops rows that have ended, and reads equal prompts once.
"""


def questions(rows: int) -> list[Request]:
    """Questions of every difficulty, each in its own prompt."""
    prompts = registry.find(registry.PROMPTS, "pocket")
    made: list[Request] = []
    for numbers in (3, 4, 5, 6):
        options = {"numbers": numbers, "largest": 15, "smallest_target": 1, "largest_target": 99}
        task = task_of(Config(task="countdown", task_options=options))
        problems = [problem for problem, _ in zip(task.problems(0, "train"), range(rows // 16), strict=False)]
        made += ask(problems, prompts, task, 1, 0)
    return made[:rows]


def plain(model: Any, tokenizer: Any, requests: Sequence[Request]) -> int:
    """Tokens of the replies of one call of `generate`."""
    import torch

    texts = [prompt_ids(tokenizer, list(request.messages)) for request in requests]
    longest = max(map(len, texts))
    ids = torch.tensor([[tokenizer.pad_token_id] * (longest - len(text)) + text for text in texts])
    mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
    ends = end_ids(model, tokenizer)
    with torch.inference_mode():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            temperature=SAMPLING.temperature,
            top_p=SAMPLING.top_p,
            top_k=SAMPLING.top_k,
            repetition_penalty=SAMPLING.repetition_penalty,
            max_new_tokens=SAMPLING.max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=sorted(ends),
        )
    replies = made[:, longest:].tolist()
    return sum(next((place for place, token in enumerate(reply) if token in ends), len(reply)) for reply in replies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    load_now = os.getloadavg()[0]
    best = {"plain": 0.0, "ours": 0.0}
    with tempfile.TemporaryDirectory() as runs:
        # In larger steps than the method takes with pocket: the little there is has to teach it traces.
        taught_fast = ("-s", "sft.rate=1e-3", "-s", "sft.epochs=6")
        small = ("-s", "sample.problems=60", *taught_fast, "--until", "sft", "--no-baselines")
        command = (SF, "run", "--task", "countdown", "--preset", "smoke", "--name", "it", "--runs", runs, *small)
        subprocess.run(command, check=True, capture_output=True)
        taught = str(Path(runs) / "it" / "6-sft" / "model")
        model, tokenizer = load(taught)
        requests = questions(arguments.rows)
        with TransformersEngine(taught, 0) as engine:
            lengths: list[int] = []

            def ours() -> int:
                lengths[:] = [generation.tokens for generation in engine.generate(requests, SAMPLING)]
                return sum(lengths)

            for number in range(arguments.rounds + 1):
                for name, work in (("ours", ours), ("plain", lambda: plain(model, tokenizer, requests))):
                    start = time.perf_counter()
                    rate = work() / (time.perf_counter() - start)
                    print(f"round {number}: {name} {rate:,.0f} tokens/s", flush=True)
                    best[name] = max(best[name], rate if number else 0.0)
    tenths = quantiles(lengths, n=10)
    text = PAGE.format(
        cores=os.cpu_count(),
        day=date.today().isoformat(),
        load=load_now,
        rows=len(requests),
        most=SAMPLING.max_tokens,
        low=tenths[0],
        middle=tenths[4],
        high=tenths[8],
        plain=best["plain"],
        ours=best["ours"],
        ratio=best["ours"] / best["plain"],
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
