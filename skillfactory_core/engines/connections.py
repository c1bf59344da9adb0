"""Connections: HTTP with one server over connections that are kept open. Every trouble becomes a Failure."""

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from skillfactory_core.engines.chat import Failure, Reply

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 10.0
"in which a server has to take a connection"
IDLE_SECONDS = 4.0
"a connection that was idle for longer is not used again: common servers close theirs after 5"
LOCAL = ("localhost", "127.0.0.1", "::1")
ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]
"a machine that went away without a word is noticed within a minute, even while a long reply is awaited"


class Connections:
    """As many as there are requests in flight. There is no pool: its book-keeping would cost as much as the requests."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.idle: list[Any] = []
        self.headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        self.proxy = proxy_for(url)
        self.ssl: ssl.SSLContext | None = None

    async def exchange(self, method: str, path: str, content: bytes, timeout: float) -> Reply:
        """Send a request and read the whole reply, in `timeout` seconds."""
        import httpcore2

        connection = await self._connection()
        whole = False
        try:
            async with asyncio.timeout(timeout):
                response = await connection.request(
                    method,
                    f"{self.url}{path}",
                    headers=self.headers,
                    content=content,
                    extensions={"timeout": {"connect": CONNECT_SECONDS}},
                )
            whole = True
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.ProxyError) as error:
            raise Failure(f"{self.url} cannot be reached: {said(error)}", "down") from error
        except TimeoutError as error:
            raise Failure(f"{self.url} gave no answer within {timeout:g} s", "busy", doubt=True) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            raise Failure(f"{self.url} broke off: {said(error)}", doubt=True) from error
        finally:
            if whole:
                self.idle.append(connection)
            else:
                await connection.aclose()
        found = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, response.content, found.get(b"retry-after", b"").decode("latin-1"), self.url)

    async def _connection(self) -> Any:
        """One that is open and idle, or a new one."""
        import httpcore2

        while self.idle:
            connection = self.idle.pop()
            if self.proxy or not (connection.is_closed() or connection.has_expired()):
                return connection
            await connection.aclose()
        if self.ssl is None and self.url.startswith("https"):
            self.ssl = httpcore2.default_ssl_context()
        kept: dict[str, Any] = {
            "ssl_context": self.ssl,
            "keepalive_expiry": IDLE_SECONDS,
            "socket_options": ALIVE,
        }
        if self.proxy:
            parts = urlsplit(self.proxy)
            auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
            bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            return httpcore2.AsyncConnectionPool(max_connections=1, proxy=httpcore2.Proxy(bare, auth=auth), **kept)
        from skillfactory_core.engines.stream import Network

        plain = Network() if self.ssl is None else None
        return httpcore2.AsyncHTTPConnection(httpcore2.URL(self.url).origin, network_backend=plain, **kept)

    async def close(self) -> None:
        while self.idle:
            await self.idle.pop().aclose()


def proxy_for(url: str) -> str:
    """The proxy that the environment names for an address; this machine needs none."""
    parts = urlsplit(url)
    if parts.hostname in LOCAL or proxy_bypass(parts.hostname or ""):
        return ""
    return getproxies().get(parts.scheme, "")


def said(error: Exception) -> str:
    """What an error of the network says; some say nothing."""
    return " ".join(str(error).split()) or type(error).__name__
