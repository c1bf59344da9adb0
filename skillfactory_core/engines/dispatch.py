"""Dispatch: requests over servers, as many at once as each takes; again where that may help, elsewhere where one is down.

Everything here but `generations` runs in one event loop, so nothing needs a lock. Finished generations go into a queue that another
thread reads; what is in flight or unread never exceeds what the servers take, so a kill cannot lose more than that.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from heapq import heappop, heappush
from queue import SimpleQueue

import attrs

from skillfactory_core.engine import Generation, Request, Sampling
from skillfactory_core.engines.background import Background
from skillfactory_core.engines.chat import Failure
from skillfactory_core.engines.server import Server, Terms, back_off
from skillfactory_core.errors import SkillFactoryError

FIRST_TRIES = 4
"a server that never answered is given up sooner: most likely its address is wrong"

Out = SimpleQueue[Generation | Exception]


@attrs.define
class Job:
    """One request on its way."""

    request: Request
    tries: int = 0


class Dispatch:
    """The requests of one chunk at a time, over some servers."""

    def __init__(self, servers: Sequence[Server], terms: Terms, retries: int) -> None:
        self.servers, self.retries = servers, retries
        self.model, self.random = terms.model, terms.random
        self.ready: deque[Job] = deque()
        self.later: list[tuple[float, int, Job]] = []
        "(when, a number that orders what is due at once, what)"
        self.number = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.sampling = Sampling()
        self.out: Out = SimpleQueue()
        self.full = False
        "whether requests wait until the reader of the queue has read something; then it has to call `launch`"

    def generations(
        self, background: Background, requests: Sequence[Request], sampling: Sampling
    ) -> Generator[Generation, None, None]:
        """Yield the generations of a chunk as they arrive, in the caller's thread; closed early, nothing stays in flight."""
        arrived: Out = SimpleQueue()
        background.call(self.start, requests, sampling, arrived)
        try:
            for _ in requests:
                got = arrived.get()
                if isinstance(got, Exception):
                    raise got
                yield got
                if self.full:
                    background.call(self.launch)
        finally:
            background.finish(self.stop())

    def start(self, requests: Sequence[Request], sampling: Sampling, out: Out) -> None:
        """Begin with a chunk; its generations go to `out`, or an exception that ends it."""
        self.ready.extend(map(Job, requests))
        self.sampling, self.out = sampling, out
        for server in self.servers:
            # A server that was given up, or held another model, gets one more chance.
            server.other = ""
            if server.faults >= self._patience(server):
                server.faults, server.rest_until = self._patience(server) - 1, 0.0
        self.launch()

    async def stop(self) -> None:
        """Let go of everything in flight."""
        self.ready.clear()
        self.later.clear()
        self.out = SimpleQueue()
        if self.timer is not None:
            self.timer.cancel()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.stop()
        for server in self.servers:
            await server.close()

    def launch(self) -> None:
        """Send what can be sent now; called whenever that may have changed."""
        try:
            self._launch(asyncio.get_running_loop())
        except Exception as error:  # noqa: BLE001 - whoever waits for the queue has to hear of it
            self._end(error)

    def _launch(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self.later and self.later[0][0] <= now:
            self.ready.append(heappop(self.later)[2])
        if self.ready:
            self._probe(loop, now)
        # The reader looks at `full` after each reading: set before the queue is measured, it cannot miss that it has to call.
        self.full = True
        while self.ready and self._room() > self.out.qsize() and (server := self._free(now)):
            self._spawn(loop, self._ask(server, self.ready.popleft()))
            server.flying += 1
        self.full = bool(self.ready) and 0 < self._room() <= self.out.qsize()
        if self.ready:
            self._check_hope()
        self._wake_later(loop, now)

    def _probe(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        for server in self.servers:
            if not (server.known or server.other or server.probing) and server.rest_until <= now:
                server.probing = True
                self._spawn(loop, self._learn(server))

    def _room(self) -> int:
        """How many more the servers take, and so how many may lie unread."""
        return sum(int(server.limit) - server.flying for server in self.servers)

    def _free(self, now: float) -> Server | None:
        """The least busy of the servers that take a request now."""
        free = [server for server in self.servers if server.free(now)]
        return min(free, key=lambda server: server.flying / server.limit) if free else None

    def _wake_later(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        moments = [self.later[0][0]] if self.later else []
        if self.ready:
            moments += [server.rest_until for server in self.servers if server.rest_until > now]
        if moments:
            self.timer = loop.call_at(min(moments), self.launch)

    def _spawn(self, loop: asyncio.AbstractEventLoop, work: "asyncio._CoroutineLike[None]") -> None:
        task = loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _ask(self, server: Server, job: Job) -> None:
        loop = asyncio.get_running_loop()
        sent = loop.time()
        try:
            generation = await server.ask(job.request, self.sampling)
        except Failure as failure:
            server.failed(failure, sent, loop.time())
            self._failed(job, failure, loop.time())
        except Exception as error:  # noqa: BLE001 - whoever waits for the queue has to hear of it
            self._end(error)
        else:
            server.succeeded()
            self.out.put(generation)
        finally:
            server.flying -= 1
        self.launch()

    async def _learn(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        sent = loop.time()
        try:
            await server.learn_name()
        except Failure as failure:
            failure.cure = "down" if failure.cure == "down" else "busy"
            server.failed(failure, sent, loop.time())
        except Exception as error:  # noqa: BLE001 - whoever waits for the queue has to hear of it
            self._end(error)
        finally:
            server.probing = False
        self.launch()

    def _failed(self, job: Job, failure: Failure, now: float) -> None:
        # What was never sent was no try; its server counts the round.
        job.tries += failure.cure != "down"
        if failure.cure == "none" or job.tries >= self.retries:
            self._lose(job, failure.reason + (f" ({job.tries} tries)" if job.tries > 1 else ""))
        elif failure.cure == "again":
            self.number += 1
            due = now + max(failure.rest, back_off(job.tries, self.random))
            heappush(self.later, (due, self.number, job))
        else:
            self.ready.appendleft(job)

    def _lose(self, job: Job, reason: str) -> None:
        self.out.put(Generation(job.request.key, "", 0, "error", reason))

    def _end(self, error: Exception) -> None:
        """Nothing more is sent: the reader of the queue gets the reason."""
        self.ready.clear()
        self.later.clear()
        self.out.put(error)

    def _patience(self, server: Server) -> int:
        return self.retries if server.met else min(FIRST_TRIES, self.retries)

    def _check_hope(self) -> None:
        """Where no server is left, say so: for good if none ever answered or all serve another model, else request by request."""
        if not all(server.other or server.faults >= self._patience(server) for server in self.servers):
            return
        reasons = "; ".join(s.fault if not s.other else f"{s.url} serves {s.other}" for s in self.servers)
        if all(server.other for server in self.servers):
            self._end(
                SkillFactoryError(
                    f"no server serves '{self.model}': {reasons}; start one (sf serve {self.model}), name its address in "
                    "engine_options.base_urls, and run the same command again, or go on with --engine transformers"
                )
            )
        elif not any(server.met for server in self.servers):
            self._end(
                SkillFactoryError(
                    f"no server answers: {reasons}; start one (sf serve {self.model}) or give its address with "
                    "-s engine_options.base_urls=http://HOST:PORT/v1, and run the same command again"
                )
            )
        else:
            for job in (*self.ready, *(job for _, _, job in self.later)):
                self._lose(job, f"no server is left: {reasons}")
            self.ready.clear()
            self.later.clear()
