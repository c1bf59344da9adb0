"""Stream: plain TCP for httpcore, straight on asyncio, each request in one write.

httpcore's own goes through anyio and sends head and body apart: a third more work per request, on the machine that may also be
the server's. Whatever is not plain goes that way.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpcore2


class Stream(httpcore2.AsyncNetworkStream):
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.held: list[bytes] = []

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Held until the reply is awaited, which is when the request is whole."""
        self.held.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # Timeouts are the caller's: one for the whole request.
        if self.held:
            self.writer.write(b"".join(self.held))
            self.held.clear()
        try:
            return await self.reader.read(max_bytes)
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error

    async def aclose(self) -> None:
        self.writer.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """Whether the other side ended an idle connection; there is nothing else to know."""
        if info == "is_readable":
            return self.reader.at_eof() or self.reader.exception() is not None
        return None


class Network(httpcore2.AsyncNetworkBackend):
    """Makes them."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> Stream:
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except OSError as error:
            raise httpcore2.ConnectError(error.strerror or str(error)) from error
        for option in socket_options or ():
            writer.get_extra_info("socket").setsockopt(*option)
        return Stream(reader, writer)
