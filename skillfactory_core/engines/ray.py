"""The ray engine: any other engine, in actors on the nodes of a Ray cluster, with Ray Data between them and us.

The journal of the part is the checkpoint: what comes back is on disk before the next is awaited, and a run that goes on asks
for what is missing. Batches are then cut anew, and where the engine in the actors batches (`transformers`), other company
rounds a request's numbers differently: a text depends on its seed and key alone, but for that rounding.
"""

import logging
import math
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skillfactory_core import __version__, hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.engines.ray_actor import EngineActor, Recipe, row_of
from skillfactory_core.engines.ray_feed import Feed, source
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import in_one_line, plugins

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
}
"what Ray says by itself, and to whom: failures come back as errors, and the logs are in Ray's own folder"
SENT = ("SKILLFACTORY_", "HF_HUB_", "TRANSFORMERS_", "TOKENIZERS_", "VLLM_")
"beginnings of the environment variables that actors get too; none is a secret"
LISTEN_SECONDS = 10.0
SHARES = 2
"batches per actor and call, at least: with one each, the last actor would keep all others waiting"


class RayEngine(Engine):
    """`map_batches` over actors that each open an engine once and keep it from call to call."""

    name = "ray"
    summary = "another engine in actors on the nodes of a Ray cluster"
    chunk = 1 << 16

    def __init__(
        self,
        model: str,
        seed: int,
        *,
        address: str | None = None,
        engine: str = "transformers",
        engine_options: Mapping[str, Any] | None = None,
        actors: int | Sequence[int] | None = None,
        cpus: float | None = None,
        gpus: float | None = None,
        batch: int | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`address`: of a cluster to join; None: that of RAY_ADDRESS, or one on this machine, which is started where there is none.
        `engine`, `engine_options`: what each actor holds. `actors`: how many, or the fewest and the most; None: one per GPU or,
        without GPUs, one per node. `cpus`, `gpus`: of each actor. `batch`: requests that an actor gets at once.
        `runtime_env`: Ray's, for nodes that lack something."""
        super().__init__(model, seed, **options)
        from skillfactory_core import registry

        if engine == self.name:
            raise SkillFactoryError("engine 'ray': its actors cannot hold the engine 'ray'; name another (sf engines)")
        self.held: type[Engine] = registry.find(registry.ENGINE, engine)
        few, many = pool_of(actors)
        if batch is not None and not (isinstance(batch, int) and batch > 0):
            raise SkillFactoryError(f"engine 'ray': batch = {batch!r} is not a number of requests")
        self.few, self.many, self.batch = few, many, batch
        self.address, self.cpus, self.gpus = address, cpus, gpus
        self.runtime_env = runtime_env
        # The actors run in another folder.
        where = str(Path(model).resolve()) if Path(model).exists() else model
        self.recipe = Recipe(
            engine=engine,
            model=where,
            seed=seed,
            options=dict(engine_options or {}),
            plugin_files={str(file): file.read_text("utf-8") for file in plugins().files},
            environment={name: value for name, value in os.environ.items() if name.startswith(SENT)},
            version=__version__,
        )
        self.feed: Any = None
        self.rows: Iterator[Any] | None = None

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        if self.rows is None:
            self.start()
        import ray

        missing = {request.key for request in requests}
        rows, size = [row_of(request, sampling) for request in requests], self.batch_size(len(requests))
        try:
            ray.get(self.feed.put.remote([rows[start : start + size] for start in range(0, len(rows), size)]))
            while missing:
                found = self.next_row()
                for row in found:
                    if row["key"] in missing:
                        missing.discard(row["key"])
                        yield Generation(**row)
                self.feed.answered.remote([row["key"] for row in found])
        finally:
            if missing:
                self.stop()

    def batch_size(self, count: int) -> int:
        """Requests per batch: what the held engine takes at once, or less where actors would have nothing to do."""
        return self.batch or max(1, min(self.held.chunk, math.ceil(count / (SHARES * self.many))))

    def next_row(self) -> list[dict[str, Any]]:
        """The next generations that are finished, whosesoever."""
        assert self.rows is not None
        try:
            return [row for group in next(self.rows)["generations"].to_pylist() for row in group]
        except StopIteration:
            raise SkillFactoryError("engine 'ray': the cluster stopped; run the same command again to go on") from None
        except Exception as error:
            raise ray_error(error) from error

    def start(self) -> None:
        """Join or start the cluster and set up the pool; its actors load their model meanwhile."""
        ray = connect(self.address, self.runtime_env)
        self.settle(ray.nodes())
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        self.feed = ray.remote(Feed).options(num_cpus=0, label_selector=here).remote()
        self.rows = iter(self.pool(here).iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))

    def settle(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Sizes that were left open, from what the cluster has."""
        have = [node["Resources"] for node in nodes if node["Alive"]]
        if self.gpus is None:
            self.gpus = 1.0 if any(node.get("GPU") for node in have) else 0.0
        if self.cpus is None:
            self.cpus = 1.0 if self.gpus else min(node.get("CPU", 1.0) for node in have)
        room = sum(room_on(node, self.cpus, self.gpus) for node in have)
        if not self.many:
            self.few = self.many = max(1, room if self.gpus else len(have))
        if room < self.few:
            note = f"{self.few} actors of {self.cpus:g} CPUs and {self.gpus:g} GPUs each, and the cluster has room for {room}"
            print(f"engine 'ray': waits for nodes: it needs {note}", file=sys.stderr)

    def pool(self, here: Mapping[str, str]) -> Any:
        """The dataset that reads the feed and maps it over the actors; it ends when the feed does."""
        import ray
        from ray.data import ActorPoolStrategy, DataContext

        settings = DataContext.get_current()
        settings.enable_progress_bars = False
        # Every row, which holds what was finished at a time, is handed on by itself.
        settings.target_max_block_size = 1
        # Between two calls of `generate` nothing moves.
        settings.execution_no_progress_timeout_s = -1
        settings.max_consecutive_actor_init_deaths = 3
        dataset = ray.data.read_datasource(source(self.feed), override_num_blocks=1, num_cpus=0, label_selector=here)
        return dataset.map_batches(
            EngineActor,
            fn_constructor_args=(self.feed, self.recipe),
            batch_size=1,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(min_size=self.few, max_size=self.many, max_tasks_in_flight_per_actor=1),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )

    def stop(self) -> None:
        """End the actors and what is in flight. The cluster stays: Ray ends one that it started when this process ends."""
        import ray

        self.rows = None
        if self.feed is not None and ray.is_initialized():
            self.feed.end.remote()
        self.feed = None

    def close(self) -> None:
        if self.rows is not None:
            self.stop()


def pool_of(actors: int | Sequence[int] | None) -> tuple[int, int]:
    """(fewest, most) actors; zeros where the cluster decides."""
    if actors is None:
        return 0, 0
    sizes = [actors, actors] if isinstance(actors, int) else list(actors)
    if len(sizes) != 2 or not all(isinstance(size, int) for size in sizes) or not 1 <= sizes[0] <= sizes[1]:
        raise SkillFactoryError(
            f"engine 'ray': actors = {actors!r} is neither a number nor the fewest and the most: [1, 4]"
        )
    return sizes[0], sizes[1]


def room_on(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many actors a node has room for."""
    fits = [node.get(kind, 0.0) // each for kind, each in (("CPU", cpus), ("GPU", gpus)) if each]
    return int(min(fits, default=1))


def connect(address: str | None, runtime_env: Mapping[str, Any] | None) -> Any:
    """Ray, connected to a cluster; one line where that fails."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SkillFactoryError(f"engine 'ray' needs Ray ({error}): pip install 'skillfactory[ray]'") from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    if not ray.is_initialized():
        look_for(address or os.environ.get("RAY_ADDRESS", ""))
        try:
            with hushed():
                ray.init(address, runtime_env=runtime_env, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise SkillFactoryError(f"engine 'ray' finds no cluster at {address}: {in_one_line(error)}") from error
    return ray


def look_for(address: str) -> None:
    """Whether somebody listens at an address, if it is one: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=LISTEN_SECONDS).close()
        except OSError as error:
            raise SkillFactoryError(
                f"engine 'ray' finds no cluster at {address}: {error.strerror or error} (ray start --head starts one)"
            ) from error


@contextmanager
def hushed() -> Iterator[None]:
    """Without file descriptor 2, where the part of Ray that is no Python announces how quiet it will be."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def ray_error(error: Exception) -> SkillFactoryError:
    """The cause of an error of Ray, whose own text fills a screen, in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return SkillFactoryError(f"engine 'ray': {in_one_line(cause)}; run the same command again to go on")


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [RayEngine]
