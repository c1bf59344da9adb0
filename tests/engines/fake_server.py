"""A server of OpenAI's protocol over loopback, which counts what it is asked and misbehaves as it is told.

    python tests/engines/fake_server.py PORT SECONDS     answers everything alike after SECONDS; for benches

What it answers depends on the request alone: in tests it says what the scripted world would say.
"""

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from threading import Thread
from typing import Any, Self

import attrs

sys.path.append(str(Path(__file__).parents[1]))

Reply = Callable[[dict[str, Any]], str]


@attrs.frozen
class Seen:
    """One request as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    nth: int
    "how often this one has been seen, itself included"
    number: int
    "how many requests have been seen, itself included"
    at: float

    @property
    def seed(self) -> int:
        return int(self.body.get("seed", -1))


def world(body: dict[str, Any]) -> str:
    """What the scripted world says."""
    from scripted_world import reply

    from skillfactory_core.engine import Request

    messages = [m for m in body["messages"] if m["role"] != "assistant"]
    return reply(Request("", tuple(messages), body["seed"]))


def completion(text: str | None, most: int = 1 << 20, finish: str | None = None) -> bytes:
    words = (text or "").split(" ")
    ended = finish or ("stop" if len(words) <= most else "length")
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": ended}
    if text is not None:
        choice["message"] = {"role": "assistant", "content": " ".join(words[:most])}
    usage = {"prompt_tokens": 9, "completion_tokens": min(len(words), most), "total_tokens": 9 + min(len(words), most)}
    return json.dumps({"object": "chat.completion", "model": "fake", "choices": [choice], "usage": usage}).encode()


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": None}}).encode()


def response(status: int, content: bytes, kind: str = "application/json", **headers: str) -> bytes:
    named = {"content-type": kind, "content-length": str(len(content)), **headers}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def misbehaviour(name: str, right: bytes) -> bytes | None:
    """What is sent in place of the right answer; None: nothing, ever. A name is a word, perhaps with a value after a colon."""
    word, _, value = name.partition(":")
    if word.isdigit():
        if value.startswith("in "):
            value = formatdate(time.time() + float(value[3:]), usegmt=True)
        after = {"retry_after": value} if value and word in ("429", "500", "503") else {}
        text = value if value and not after else f"this is {word}"
        return response(int(word), error(text), **after)
    cut = {"choices": []}
    return {
        "hang": None,
        "half": response(200, right)[: -len(right) // 2],
        "shut": b"",
        "empty": response(200, json.dumps(cut).encode()),
        "no-text": response(200, completion(None, finish="stop")),
        "junk": response(200, b'{"choices": [{"mess'),
        "list": response(200, b"[1, 2]"),
        "latin-1": response(200, completion("caf@").replace(b"@", "é".encode("latin-1"))),
        "utf-16": response(200, right.decode().encode("utf-16")),
        "html": response(200, b"<html>Welcome to the hotel</html>", "text/html"),
        "plain": response(200, right, "text/plain; charset=latin-1"),
        "filter": response(200, completion("no", finish="content_filter")),
        "abort": response(200, completion("", finish="abort")),
        "blank": response(200, completion("")),
        "no-usage": response(200, json.dumps({**json.loads(right), "usage": None}).encode()),
        "noise": b"\x00\x01 what is this\r\n\r\n",
    }[word]


class FakeServer:
    """A server in a thread of its own. `plan` may name a misbehaviour for each request; "" is the right answer."""

    def __init__(
        self,
        reply: Reply = world,
        plan: Callable[[Seen], str] = lambda seen: "",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.reply, self.plan, self.port, self.tls = reply, plan, port, tls
        self.delay = 0.0
        self.models: list[dict[str, Any]] = [{"id": "fake"}]
        self.listing = ""
        "a misbehaviour for the list of models"
        self.counts: Counter[str] = Counter()
        "messages and seed of a request -> how often it came"
        self.seen: list[Seen] = []
        self.flying = self.most_flying = self.connections = self.broken_off = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/v1"

    def start(self) -> Self:
        """Also again, at the same port."""
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.open: set[Any] = set()
        self.server = asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(5)
        return self

    async def _listen(self) -> asyncio.Server:
        server = await self.loop.create_server(
            lambda: Talk(self), "127.0.0.1", self.port, ssl=self.tls, reuse_address=True, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    def stop(self) -> None:
        """Die: every connection is reset, and new ones are refused."""

        async def end() -> None:
            # First nothing more is accepted, then what was accepted is begun: otherwise it would stay open, half begun.
            for listening in self.server.sockets:
                self.loop.remove_reader(listening.fileno())
            await asyncio.sleep(0.005)
            self.server.close()
            for transport in list(self.open):
                transport.abort()
            await asyncio.sleep(0)
            self.loop.call_soon(self.loop.stop)

        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(5)
        self.loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, path: str, headers: dict[str, str], content: bytes, talk: "Talk") -> None:
        if path.endswith("/models"):
            models = json.dumps({"object": "list", "data": self.models}).encode()
            talk.send(misbehaviour(self.listing, models) if self.listing else response(200, models))
        elif path.endswith("/health"):
            talk.send(response(200, b""))
        elif not path.endswith("/v1/chat/completions"):
            talk.send(response(404, error("Not Found")))
        else:
            self._complete(headers, json.loads(content), talk)

    def _complete(self, headers: dict[str, str], body: dict[str, Any], talk: "Talk") -> None:
        key = json.dumps([body["messages"], body.get("seed")])
        self.counts[key] += 1
        seen = Seen(body, headers, self.counts[key], len(self.seen) + 1, time.monotonic())
        self.seen.append(seen)
        name = self.plan(seen)
        right = completion(self.reply(body), body["max_tokens"])
        delay = float(name[5:]) if name.startswith("slow:") else self.delay
        wrong = name and not name.startswith("slow:")
        talk.expect()
        self.loop.call_later(
            delay, talk.send, misbehaviour(name, right) if wrong else response(200, right), bool(wrong)
        )


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: FakeServer) -> None:
        self.server, self.data, self.waiting = server, b"", False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.open.add(transport)
        self.server.connections += 1

    def connection_lost(self, _: Exception | None) -> None:
        self.server.open.discard(self.transport)
        if self.waiting:
            self.waiting = False
            self.server.broken_off += 1
            self.server.flying -= 1

    def expect(self) -> None:
        self.waiting = True
        self.server.flying += 1
        self.server.most_flying = max(self.server.most_flying, self.server.flying)

    def send(self, content: bytes | None, wrong: bool = False) -> None:
        if content is None or self.transport.is_closing():
            return
        self.server.flying -= self.waiting
        self.waiting = False
        self.transport.write(content)
        if wrong and not content.startswith(b"HTTP/1.1 4"):
            # What is not whole can only be told by the end of the connection.
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) >= length:
            self.data = rest[length:]
            self.server.answer(first.split(" ")[1], headers, rest[:length], self)


if __name__ == "__main__":
    fixed = FakeServer(lambda body: "Trying 12. <answer>3 + 4</answer>", port=int(sys.argv[1]))
    fixed.delay = float(sys.argv[2])
    with fixed:
        print(fixed.url, flush=True)
        fixed.thread.join()
