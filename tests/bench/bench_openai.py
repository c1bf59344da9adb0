"""What the engine `openai` costs on top of a bare asyncio client that sends the same requests and keeps the texts.

    python tests/bench/bench_openai.py [--rounds 7] [--vllm .venv-engines/bin/python] [--out docs/measured/openai.md]

Ours goes through `generate_part`: every generation is a line on disk before the next is awaited, and a whole table at the end. The
bare clients write nothing. They take turns; the best round of each counts, for other programs disturb the others. A server in a
process of its own answers everything after 20 ms; with --vllm, a Python that has it, vLLM is served on this machine and asked too.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx2

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt
from skillfactory_core.config import Config
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines.chat import body
from skillfactory_core.engines.openai import OpenAIEngine
from skillfactory_core.progress import Progress
from skillfactory_core.stages.generate import generate_part
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.sample import ask, attempt
from skillfactory_core.table import Table

sys.path.append(str(Path(__file__).parents[1] / "engines" / "real"))
from cpu_program import put_into

SF = Path(sys.executable).with_name("sf")
FAKE = Path(__file__).parents[1] / "engines" / "fake_server.py"
DELAY = 0.02
SAMPLING = Sampling(0.7, 0.8, 20, 1.0, 96)
PAGE = """\
# What the engine `openai` costs on top of a bare client

`python tests/bench/bench_openai.py{flags}` on {cores} cores, {day}; the load
of the machine was {load:.1f}. The same requests by the engine, which has every generation on disk before it awaits the next,
and by two bare asyncio clients, which keep nothing: one with httpx2, as most people would write it, and one that
writes HTTP by hand and knows no errors. The best of {rounds} rounds of each, in turn.

{tables}

The record store alone takes {journal:,.0f} finished generations a second.
"""


async def with_workers(
    count: int, concurrency: int, ready: Callable[[], "asyncio.Future[Callable[[int], object]]"]
) -> None:
    """Ask everything, so many at a time; each worker has its own way of asking."""
    left = iter(range(count))

    async def worker() -> None:
        send = await ready()  # type: ignore[misc]
        for number in left:
            found = json.loads(await send(number))  # type: ignore[misc]
            kept[number] = (found["choices"][0]["message"]["content"], found["usage"]["completion_tokens"])

    kept: dict[int, tuple[str, int]] = {}
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    assert len(kept) == count


async def bare_httpx(url: str, model: str, requests: Sequence[Request], concurrency: int) -> None:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, timeout=600, headers={"content-type": "application/json"}) as client:

        async def ready() -> object:
            async def send(number: int) -> bytes:
                content = body(requests[number], SAMPLING, model, ())
                return (await client.post(f"{url}/chat/completions", content=content)).content

            return send

        await with_workers(len(requests), concurrency, ready)  # type: ignore[arg-type]


async def bare_by_hand(url: str, model: str, requests: Sequence[Request], concurrency: int) -> None:
    parts = urlsplit(url)

    async def ready() -> object:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

        async def send(number: int) -> bytes:
            content = body(requests[number], SAMPLING, model, ())
            head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\n"
            kind = f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
            writer.write((head + kind).encode() + content)
            told = (await reader.readuntil(b"\r\n\r\n")).lower()
            return await reader.readexactly(int(told.split(b"content-length:")[1].split(b"\r\n")[0]))

        return send

    await with_workers(len(requests), concurrency, ready)  # type: ignore[arg-type]


def ours(url: str, model: str, requests: Sequence[Request], concurrency: int) -> None:
    names = {model: model} if Path(model).is_dir() else model
    with (
        TemporaryDirectory() as folder,
        OpenAIEngine(model, 0, base_urls=url, concurrency=concurrency, model_name=names) as engine,
    ):
        table = Table(Path(folder), Attempt)
        with Progress("bench", len(requests), "attempts") as progress:
            progress.last_line = float("inf")
            progress.line = lambda: None  # type: ignore[method-assign]
            generate_part(table, 0, requests, attempt, engine, SAMPLING, 0.0, progress)
        assert not any(error for (error,) in table.columns(0, "error"))


def race(url: str, model: str, requests: Sequence[Request], concurrency: int, rounds: int) -> dict[str, float]:
    """Requests a second of each, in its best round."""
    runners: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(url, model, requests, concurrency),
        "httpx2": lambda: asyncio.run(bare_httpx(url, model, requests, concurrency)),
        "by hand": lambda: asyncio.run(bare_by_hand(url, model, requests, concurrency)),
    }
    best = dict.fromkeys(runners, 0.0)
    for _ in range(rounds):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            best[name] = max(best[name], len(requests) / (time.perf_counter() - start))
    print(f"{concurrency} at once: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in best.items()), flush=True)
    return best


def questions(problems: int, attempts: int) -> list[Request]:
    """What `sf sample` asks pocket."""
    task = task_of(Config(task="countdown", task_options={"largest": 15, "smallest_target": 1, "largest_target": 99}))
    prompts = registry.find(registry.PROMPTS, "pocket")
    made = [problem for problem, _ in zip(task.problems(0, "train"), range(problems), strict=False)]
    return list(ask(made, prompts, task, attempts, 0))


def table(rows: dict[int, dict[str, float]]) -> str:
    lines = [
        "| in flight | ours, requests a second | httpx2 | ours / httpx2 | by hand | ours / by hand |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for concurrency, best in rows.items():
        shares = [f"{best[name]:,.0f} | {best['ours'] / best[name]:.2f}" for name in ("httpx2", "by hand")]
        lines.append(f"| {concurrency} | {best['ours']:,.0f} | {' | '.join(shares)} |")
    return "\n".join(lines)


def journal(count: int = 50_000) -> float:
    """Finished generations a second that are written down, each by itself."""
    made = [
        Attempt(f"c/train/{i}/o/0", f"c/train/{i}", "o", 0, "Trying 12. <answer>3 + 4</answer>", 9, "stop", "")
        for i in range(count)
    ]
    best = 0.0
    for _ in range(3):
        with TemporaryDirectory() as folder:
            start = time.perf_counter()
            with Table(Path(folder), Attempt).writing(0) as write:
                for record in made:
                    write(record)
            best = max(best, count / (time.perf_counter() - start))
    return best


@contextmanager
def served(python: str) -> Iterator[str]:
    """The address of `sf serve pocket`, by the vLLM of another Python."""
    with TemporaryDirectory() as folder:
        put_into(Path(folder), python)
        environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        command = [SF, "serve", "pocket", "--port", "8471", "--max-model-len", "1024", "--log", f"{folder}/log"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("serving"), Path(folder, "log").read_text(encoding="utf-8")
            yield "http://127.0.0.1:8471/v1"
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--vllm", help="a Python that has vLLM")
    parser.add_argument("--problems", type=int, default=24, help="problems that vLLM is asked about")
    parser.add_argument("--real-rounds", type=int, default=3, help="rounds with vLLM")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    process = subprocess.Popen([sys.executable, FAKE, "0", str(DELAY)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        sizes = {8: questions(40, 8), 64: questions(160, 8), 256: questions(160, 8)}
        rows = {most: race(url, "fake", work, most, arguments.rounds) for most, work in sizes.items()}
    finally:
        process.kill()
    told = [f"A server that answers everything after {1000 * DELAY:.0f} ms:\n\n{table(rows)}"]
    if arguments.vllm:
        work = questions(arguments.problems, 16)
        with served(arguments.vllm) as url:
            real = {most: race(url, "pocket", work, most, arguments.real_rounds) for most in (64, 256)}
        told.append(
            f"vLLM on this machine, `sf serve pocket`, {len(work):,} attempts of pocket at Countdown, best of {arguments.real_rounds}:\n\n"
            f"{table(real)}"
        )
    flags = f" --vllm {arguments.vllm}" if arguments.vllm else ""
    text = PAGE.format(
        flags=flags,
        cores=os.cpu_count(),
        day=date.today().isoformat(),
        load=load,
        rounds=arguments.rounds,
        tables="\n\n".join(told),
        journal=journal(),
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
