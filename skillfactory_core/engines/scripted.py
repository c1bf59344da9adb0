"""The scripted engine: replays fixed replies. For tests and for plugin authors; deterministic and instant."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.errors import SkillFactoryError

Reply = Callable[[Request], str]


class ScriptedEngine(Engine):
    """Replies from a JSON file {text that the last message contains: [replies]}; the first key that fits is used."""

    name = "scripted"
    summary = "replays replies from a JSON file; for tests"
    chunk = 8

    def __init__(self, model: str, seed: int, reply: Reply | None = None, **options: Any) -> None:
        super().__init__(model, seed, **options)
        self.reply = reply or self._from_file(Path(model))

    def _from_file(self, path: Path) -> Reply:
        try:
            script = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SkillFactoryError(f"script {path} cannot be read: {error}") from error

        def reply(request: Request) -> str:
            asked = request.messages[-1]["content"]
            for key, replies in script.items():
                if key in asked:
                    return str(Random(request.seed).choice(replies))
            raise LookupError(f"script {path} has no reply to {asked[:60]!r}")

        return reply

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        for request in requests:
            try:
                text = self.reply(request)
            except Exception as error:  # noqa: BLE001 - one bad generation never stops a run
                yield Generation(request.key, "", 0, "error", f"{type(error).__name__}: {error}")
                continue
            words = text.split(" ")
            kept = words[: sampling.max_tokens]
            finish = "stop" if kept == words else "length"
            yield Generation(request.key, request.prefix + " ".join(kept), len(kept), finish)

    @classmethod
    def token_ends(cls, model: str) -> Callable[[str], Sequence[int]]:
        """Its tokens are words."""
        return word_ends


def word_ends(text: str) -> list[int]:
    """Where each word ends; spaces stand between words."""
    return [end - 1 for end in accumulate(len(word) + 1 for word in text.split(" "))] if text else []


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [ScriptedEngine]
