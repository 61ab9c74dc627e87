"""An HTTP server that writes whatever bytes a test wants, on a free port of this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from conformance.http_link import HttpLink
from conformance.target import HttpTarget
from conformance.transcript import Conversation
from reference_impl.transports.http import HttpPool, Origin


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)


Serve = Callable[[Got, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(got: Got, result: Any = None, **headers: str) -> bytes:
    message = {"jsonrpc": "2.0", "id": got.message.get("id"), "result": {} if result is None else result}
    return reply(json.dumps(message).encode(), **headers)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """Serve; gives the URL. Every connection is closed with the block."""
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while (got := await _read(reader)) is not None:
                await serve(got, writer)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp?a=b"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(_gone(writer) for writer in writers))


async def _gone(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Got | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Got(method, path, headers, body)


@asynccontextmanager
async def linked(serve: Serve, **headers: str) -> AsyncIterator[HttpLink]:
    """A link to such a server."""
    async with listening(serve) as url:
        pool = HttpPool(Origin.of(url))
        try:
            yield HttpLink(HttpTarget(url, headers), Conversation("http", "test"), pool)
        finally:
            await pool.aclose()
