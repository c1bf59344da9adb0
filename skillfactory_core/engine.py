"""Engine: what generates text. Requests in, generations out, nothing remembered between them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, Self

import attrs
from attrs.validators import and_, ge, gt, le

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.prompts import Message


@attrs.frozen
class Sampling:
    """Every parameter of sampling. All are always sent: servers fill unset ones from the model's own file."""

    temperature: float = attrs.field(default=0.7, validator=ge(0))
    "0: always the likeliest token"
    top_p: float = attrs.field(default=0.8, validator=and_(gt(0), le(1)))
    "the smallest set of tokens that holds this much probability. 1: off"
    top_k: int = attrs.field(default=20, validator=ge(0))
    "the likeliest tokens that are kept. 0: off"
    repetition_penalty: float = attrs.field(default=1.1, validator=gt(0))
    "divides the scores of tokens already seen. 1: off"
    max_tokens: int = attrs.field(default=4096, validator=ge(1))
    "longest reply; longer ones are cut, and counted"


@attrs.frozen
class Request:
    """One text to generate."""

    key: str
    messages: tuple[Message, ...]
    seed: int
    "of this request's own random stream, so that no other request can change its text"
    prefix: str = ""
    "text that the reply begins with, already written"


@attrs.frozen
class Generation:
    """One generated text."""

    key: str
    text: str
    tokens: int
    finish: str
    "stop, length or error"
    error: str = ""


@attrs.frozen
class Model:
    """A name for a model, as `register_models` gives it."""

    name: str
    path: str
    "a folder or a Hub name"
    summary: str
    settings: str | None = None
    "path of a TOML file with the settings that suit it: [all], then one table per preset"


class Engine:
    """What an engine plugin subclasses. `sf` makes one per model and closes it afterwards."""

    name: ClassVar[str]
    summary: ClassVar[str]
    chunk: int = 256
    "requests per call of `generate`"
    together: bool = False
    """a chunk is one batch, in which the company of a request changes how its numbers are rounded. So a chunk of which anything
    is missing is generated whole, and a resumed run gives the same bytes. Otherwise only what is missing is asked for"""

    def __init__(self, model: str, seed: int, **options: Any) -> None:
        """A subclass names its options, which come from `[engine_options]`, as keyword arguments of its own."""
        if options:
            raise SkillFactoryError(f"engine '{self.name}' has no option '{min(options)}' (sf engines)")
        self.model = model
        self.seed = seed

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        """Yield one generation per request, in any order, as they finish: each is on disk before the next is awaited.

        A request that cannot be answered yields a generation whose finish is `error`. The generator is closed early when too
        many fail or the user interrupts: then nothing may stay in flight.
        """
        raise TypeError(f"engine '{self.name}' does not define generate")

    @classmethod
    def token_ends(cls, model: str) -> Callable[[str], Sequence[int]]:
        """What tells where in a text each token of a model ends: to count them, and to cut there. Loads no weights."""
        from skillfactory_core.engines.transformers import load_tokenizer, token_ends

        return partial(token_ends, load_tokenizer(model))

    def close(self) -> None:
        """Give back memory and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def stream_seed(seed: int, key: str) -> int:
    """The seed of one record's own random stream, 63 bits."""
    return int.from_bytes(sha256(f"{seed}\0{key}".encode()).digest()[:8], "big") >> 1
