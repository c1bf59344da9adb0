"""Server: one address: how much it is asked at once, when it rests, and what it calls the model."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import attrs

from skillfactory_core.engine import Generation, Request, Sampling
from skillfactory_core.engines.chat import Failure, body, parse, read, refusal
from skillfactory_core.engines.connections import Connections
from skillfactory_core.errors import SkillFactoryError

START = 64
"requests in flight at first"
FIRST_WAIT = 0.5
"seconds of the first rest; each later one is twice as long"
LONGEST_WAIT = 60.0
LISTING_SECONDS = 10.0
"in which a server has to list its models: one that hangs is noticed here, not by the long wait for a reply"


@attrs.frozen
class Terms:
    """What holds for all servers of an engine."""

    model: str
    names: str | Mapping[str, str]
    "what the servers call the model, where they do not say so themselves"
    most: int
    "requests in flight to one server"
    timeout: float
    "seconds that one request may take"
    drop: Collection[str]
    key_variable: str
    key: str = attrs.field(repr=False)
    random: Random


class Server:
    """One address. Its limit grows by one per reply until its first failure, then by one per round; failures halve it.

    It grows only where at least half of it is in use: what was not tried says nothing.
    """

    def __init__(self, url: str, terms: Terms) -> None:
        self.url, self.terms = url, terms
        self.connections = Connections(url, terms.key)
        self.limit = float(min(terms.most, START))
        self.steep = True
        self.flying = 0
        self.faults = 0
        "rounds that failed since the last reply"
        self.fault = ""
        self.changed_at = 0.0
        "what was sent before this moment says nothing about the present limit"
        self.rest_until = 0.0
        self.met = False
        "whether it ever answered anything"
        self.name = ""
        "what it calls the model"
        self.known = False
        "whether it was asked for that, and did not go away since"
        self.other = ""
        "what it serves instead of the model"
        self.probing = False

    def free(self, now: float) -> bool:
        return self.known and self.flying < int(self.limit) and self.rest_until <= now

    def succeeded(self) -> None:
        self.faults = 0
        if self.limit / 2 <= self.flying and self.limit < self.terms.most:
            self.limit = min(self.terms.most, self.limit + (1 if self.steep else 1 / self.limit))

    def failed(self, failure: Failure, sent: float, now: float) -> None:
        """Less at once, and a rest; but once for all requests that were under way together."""
        if failure.doubt or failure.cure == "down":
            self.known = False
        if failure.cure in ("busy", "down") and sent >= self.changed_at:
            self.limit, self.steep = max(1.0, self.limit / 2), False
            self.faults, self.fault, self.changed_at = self.faults + 1, failure.reason, now
            self.rest_until = now + back_off(self.faults, self.terms.random)
        self.rest_until = max(self.rest_until, now + failure.rest)

    async def ask(self, request: Request, sampling: Sampling) -> Generation:
        """One generation; raises Failure, or a SkillFactoryError where every other request would fare alike."""
        content = body(request, sampling, self.name, self.terms.drop)
        with self._hiding():
            reply = await self.connections.exchange("POST", "/chat/completions", content, self.terms.timeout)
            self.met = True
            return read(request, reply, self.terms.key_variable)

    async def learn_name(self) -> None:
        """Ask what it serves."""
        with self._hiding():
            reply = await self.connections.exchange("GET", "/models", b"", min(self.terms.timeout, LISTING_SECONDS))
            self.met = True
            listing: dict[str, Any] = {}
            if reply.status == 200:
                listing = parse(reply)
            elif reply.status not in (404, 405, 501):
                raise refusal(reply, self.terms.key_variable)
        self.name, self.other = self.served(listing)
        self.known = bool(self.name)

    def served(self, listing: Mapping[str, Any]) -> tuple[str, str]:
        """(what it calls the model, "") or ("", what it serves instead)."""
        return served_name(listing, self.terms.model, self.terms.names)

    async def close(self) -> None:
        await self.connections.close()

    @contextmanager
    def _hiding(self) -> Iterator[None]:
        """Servers can repeat what they were sent: no error may hold the key."""
        try:
            yield
        except Failure as failure:
            failure.reason = self._hide(failure.reason)
            raise
        except SkillFactoryError as error:
            error.args = (self._hide(str(error)),)
            raise

    def _hide(self, text: str) -> str:
        return text.replace(self.terms.key, "[key]") if self.terms.key else text


def back_off(tries: int, random: Random) -> float:
    """Seconds to wait after that many failures in a row: doubling, with a spread so that not all come back at once."""
    return min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT) * random.uniform(0.75, 1.25)


def served_name(listing: Mapping[str, Any], model: str, names: str | Mapping[str, str]) -> tuple[str, str]:
    """What a server calls the model, or serves instead.

    A run asks for several models: the base, then those it trained. A server that pays no heed to the name it is asked for
    would give figures of the wrong one. So a folder has to be listed by its path, as an id or as vLLM's `root`; a model of
    the Hub may also be the only one listed, unless that has another Hub name as its `root`.
    """
    found = listing.get("data")
    entries = (
        [e for e in found if isinstance(e, dict) and isinstance(e.get("id"), str)] if isinstance(found, list) else []
    )
    ids = [entry["id"] for entry in entries]
    other = " and ".join(f"'{name}'" for name in ids) or "no model that it would name"
    folder = Path(model).is_dir()
    told = names.get(model, "") if isinstance(names, Mapping) else "" if folder else names
    if told:
        return (told, "") if told in ids or not ids else ("", other)
    if model in ids:
        return model, ""
    for entry in entries:
        if folder and any(same_folder(model, entry.get(name)) for name in ("id", "root")):
            return entry["id"], ""
    if folder:
        return "", other
    if not ids:
        return model, ""
    root = entries[0].get("root")
    another = isinstance(root, str) and hub_name(root) and hub_name(model) and root.lower() != model.lower()
    return ("", other) if len(ids) > 1 or another else (ids[0], "")


def same_folder(path: str, other: Any) -> bool:
    return isinstance(other, str) and Path(other).exists() and Path(path).samefile(other)


def hub_name(name: str) -> bool:
    """owner/name, and no path."""
    return name.count("/") == 1 and name[0] not in "/.~" and not name.endswith("/")
