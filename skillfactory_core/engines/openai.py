"""The engine for servers that speak OpenAI's protocol: vLLM, SGLang, llama.cpp and others; one or many of them.

Many requests are in flight at once, in an event loop of their own thread, while this one writes what has arrived.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.errors import SkillFactoryError


class OpenAIEngine(Engine):
    """Chat completions over HTTP, one request per generation."""

    name = "openai"
    summary = "any OpenAI-compatible server (vLLM, SGLang, llama.cpp …), one or many; sf serve starts one"
    # The border of a chunk is a moment with little in flight, so there is none but that of the part.
    chunk = 1 << 20

    def __init__(
        self,
        model: str,
        seed: int,
        base_urls: str | Sequence[str] = "http://127.0.0.1:8000/v1",
        model_name: str | Mapping[str, str] = "",
        concurrency: int = 256,
        timeout: float = 1800,
        retries: int = 10,
        key_variable: str = "OPENAI_API_KEY",
        drop: str | Sequence[str] = (),
        **options: Any,
    ) -> None:
        """
        base_urls: addresses, each with its /v1. model_name: what the servers call the model, where they do not say so themselves; a table
        {model: name} for models that are folders. concurrency: most requests in flight per address. timeout: seconds per request.
        retries: most tries of a request, and of a server that is down. key_variable: NAME of the environment variable with the key.
        drop: parameters that a server does not take.
        """
        from random import Random

        from skillfactory_core.engines.background import Background
        from skillfactory_core.engines.chat import DROPPABLE
        from skillfactory_core.engines.dispatch import Dispatch
        from skillfactory_core.engines.server import Server, Terms

        refuse_keys(options, key_variable)
        super().__init__(model, seed, **options)
        self.terms = Terms(
            model=model,
            names=check("model_name", model_name, str | Mapping, lambda names: True, "a name, or a table of names"),
            most=check("concurrency", concurrency, int, lambda n: n >= 1, "a whole number from 1 on"),
            timeout=check("timeout", timeout, int | float, lambda s: s > 0, "a number of seconds"),
            drop=tuple(
                check("drop", listed(drop), list, lambda d: set(d) <= set(DROPPABLE), f"some of {', '.join(DROPPABLE)}")
            ),
            key_variable=key_variable,
            key=read_key(key_variable),
            random=Random(f"{seed}-openai"),
        )
        urls = check("base_urls", listed(base_urls), list, lambda urls: len(urls) > 0, "one address or several")
        servers = [Server(url, self.terms) for url in dict.fromkeys(map(address, urls))]
        retries = check("retries", retries, int, lambda n: n >= 1, "a whole number from 1 on")
        self.dispatch = Dispatch(servers, self.terms, retries)
        self.background = Background()
        allow_files(len(servers) * self.terms.most)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        from skillfactory_core.engines.chat import check_drop

        check_drop(self.terms.drop, sampling)
        yield from self.dispatch.generations(self.background, requests, sampling)

    def close(self) -> None:
        self.background.finish(self.dispatch.close())
        self.background.close()


def listed(value: Any) -> Any:
    """A text with commas or spaces as a list; a list as it is."""
    return (
        value.replace(",", " ").split()
        if isinstance(value, str)
        else list(value)
        if isinstance(value, tuple)
        else value
    )


def check(name: str, value: Any, kind: Any, fits: Callable[[Any], bool], wanted: str) -> Any:
    """An option that is as it should be."""
    right = isinstance(value, kind) and not isinstance(value, bool)
    if isinstance(value, list):
        right = right and all(isinstance(each, str) for each in value)
    if not right or not fits(value):
        raise SkillFactoryError(f"engine 'openai': {name} is {value!r} and should be {wanted}")
    return value


def address(url: str) -> str:
    """An address as it is used. Whatever could hold a secret is refused, unrepeated: options are written into the run folder."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SkillFactoryError(
            "engine 'openai': an address in base_urls holds a name, a password or a query; give keys in an environment variable "
            "(key_variable is its name), and only http://HOST:PORT/v1 here"
        )
    try:
        whole = parts.scheme in ("http", "https") and bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except (ValueError, UnicodeError):
        whole = False
    if not whole or not url.isascii():
        raise SkillFactoryError(f"engine 'openai': {url!r} in base_urls is no address such as http://127.0.0.1:8000/v1")
    return (url if parts.path.strip("/") else f"{url.rstrip('/')}/v1").rstrip("/")


def refuse_keys(options: Mapping[str, Any], key_variable: Any) -> None:
    """Options are written into the run folder, so a key is refused, unrepeated."""
    named = [
        name for name in options if re.search(r"key|token|secret|password|authorization|header", name, re.IGNORECASE)
    ]
    if named or not (isinstance(key_variable, str) and re.fullmatch(r"[A-Z_][A-Z0-9_]*", key_variable)):
        raise SkillFactoryError(
            f"engine 'openai': {(named or ['key_variable'])[0]} is no place for a key: put it into an environment variable, and the "
            "variable's name, in capitals, into key_variable"
        )


def read_key(variable: str) -> str:
    """The key that the environment holds, if any."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise SkillFactoryError(
            f"the key in the environment variable {variable} has characters that no key has; set it again"
        )
    return key


def allow_files(count: int) -> None:
    """Let this process hold that many connections, as far as the system allows."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [OpenAIEngine]
