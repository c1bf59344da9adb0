"""Threads of torch that soon sleep while they wait for one another, beside those that spin on: alone, and on a machine with other work.

    python tests/bench/bench_threads.py [--rows 128] [--rounds 5] [--out docs/measured/threads.md]

Each way of waiting has a process of its own, since OpenMP asks for it once; they take turns, with as many threads as torch
takes. First alone, then beside as many endless loops as there are cores. The work is pocket: sampling replies, and steps of training.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
POCKET = ROOT / "plugins" / "pocket" / "skillfactory_pocket" / "weights"
WAYS = {"spin": "torch's own way", "sleep": "sf's way"}
PAGE = """\
# Threads that soon sleep while they wait

`python tests/bench/bench_threads.py` on {cores} cores, {day}; the load of the machine by others was {load:.1f}.
Pocket, with {threads} threads: {rows} replies of at most {tokens} tokens, and {steps} steps of training.
Seconds, the median of {rounds} rounds that took turns.

| | threads spin (torch's default) | threads soon sleep (`sf`) | ratio |
| --- | --- | --- | --- |
{lines}

Both compute the same: the replies and the loss after the last step are equal to the last bit{same}.
"""
TOKENS = 48
STEPS = 4


def worker(way: str, rows: int) -> None:
    """Do the work that is asked for, one line each time; tell the seconds and a checksum of what came out."""
    if way == "spin":
        import torch  # what is set later comes too late
    from skillfactory_core.engine import Request, Sampling
    from skillfactory_core.engines.transformers import TransformersEngine

    engine = TransformersEngine(str(POCKET), 0)
    import torch

    sampling = Sampling(0.7, 0.8, 20, 1.0, TOKENS)
    asked = [f"From {n % 13 + 2}, {n % 7 + 1}, {n % 5 + 3} reach {n % 40 + 5}." for n in range(rows)]
    requests = [Request(str(n), ({"role": "user", "content": text},), n) for n, text in enumerate(asked)]

    def sample() -> str:
        return repr(sorted((made.key, made.text) for made in engine.generate(requests, sampling)))

    def train() -> str:
        from skillfactory_core.engines.transformers import load_model

        model = load_model(str(POCKET), "cpu").train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        ids = torch.randint(0, model.config.vocab_size, (16, 256), generator=torch.Generator().manual_seed(0))
        for _ in range(STEPS):
            loss = model(input_ids=ids, labels=ids).loss
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        return repr(loss.item())

    print(torch.get_num_threads(), flush=True)
    work = {"sample": sample, "train": train}
    for line in sys.stdin:
        start = time.perf_counter()
        out = work[line.strip()]()
        print(time.perf_counter() - start, hashlib.sha256(out.encode()).hexdigest(), flush=True)


class Worker:
    """A worker in a process of its own."""

    def __init__(self, way: str, rows: int) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
        command = [sys.executable, __file__, "--worker", way, "--rows", str(rows)]
        self.process = subprocess.Popen(command, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.threads = int(self.told())

    def told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def do(self, what: str) -> tuple[float, str]:
        assert self.process.stdin is not None
        print(what, file=self.process.stdin, flush=True)
        seconds, checksum = self.told().split()
        return float(seconds), checksum


def measure(workers: dict[str, Worker], what: str, rounds: int) -> tuple[dict[str, float], set[str]]:
    """(way -> median of its seconds, every checksum seen); one round before them warms up."""
    seconds: dict[str, list[float]] = {way: [] for way in workers}
    checksums = set()
    for number in range(rounds + 1):
        for way, one in workers.items():
            took, checksum = one.do(what)
            checksums.add(checksum)
            if number:
                seconds[way].append(took)
    return {way: statistics.median(taken) for way, taken in seconds.items()}, checksums


def beside_loops(work: Callable[[], Any]) -> Any:
    """Do something while every core also has an endless loop."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        return work()
    finally:
        for loop in loops:
            loop.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker, arguments.rows)
        return
    load = os.getloadavg()[0]
    workers = {way: Worker(way, arguments.rows) for way in WAYS}
    lines, same = [], True
    try:
        for where, around in (("alone", lambda work: work()), ("beside busy loops", beside_loops)):
            for what in ("sample", "train"):
                found, checksums = around(lambda what=what: measure(workers, what, arguments.rounds))
                same &= len(checksums) == 1
                ratio = found["spin"] / found["sleep"]
                lines.append(f"| {what}, {where} | {found['spin']:.2f} | {found['sleep']:.2f} | {ratio:.2f} |")
                print(lines[-1], flush=True)
    finally:
        for one in workers.values():
            one.process.kill()
    text = PAGE.format(
        cores=os.cpu_count(),
        day=date.today().isoformat(),
        load=load,
        threads=workers["sleep"].threads,
        rows=arguments.rows,
        tokens=TOKENS,
        steps=STEPS,
        rounds=arguments.rounds,
        lines="\n".join(lines),
        same="" if same else " (NOT in this run)",
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
