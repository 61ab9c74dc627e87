"""The fastest honest answer: a server that does nothing, to learn how much load the generator itself can make.

`python -m loadtest.null_server` serves HTTP on a free port of 127.0.0.1 and prints the port; with `--stdio` it answers
lines. It reads just enough of a request to answer it: its id, and the params, which it sends back as text so that
every marker is in the answer. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import msgspec
from msgspec import Raw, Struct

__all__ = ["NullProtocol", "answer", "main"]


class _Request(Struct, frozen=True):
    id: int | str | None = None
    method: str = ""
    params: Raw = Raw(b"null")


_decoder = msgspec.json.Decoder(_Request)
_INITIALIZED = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "null", "version": "1"},
}


def answer(message: bytes) -> bytes | None:
    """Return the answer to a request, None for a notification."""
    request = _decoder.decode(message)
    if request.id is None:
        return None
    head = b'{"jsonrpc":"2.0","id":%b,"result":' % json.dumps(request.id).encode()
    if request.method == "initialize":
        version = json.loads(bytes(request.params)).get("protocolVersion")
        return head + json.dumps(_INITIALIZED | {"protocolVersion": version}).encode() + b"}"
    text = msgspec.json.encode(bytes(request.params).decode())
    return head + b'{"resultType":"complete","content":[{"type":"text","text":%b}]}}' % text


class NullProtocol(asyncio.Protocol):
    """HTTP/1.1 with a Content-Length and nothing else: what our own users send."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._send(answer(body))

    def _send(self, body: bytes | None) -> None:
        assert self._transport is not None
        if body is None:
            self._transport.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            return
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def _serve_http() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(NullProtocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the one line that its parent reads
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), _watch, ended)
    await ended.wait()
    server.close()


def _watch(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        ended.set()


def _serve_stdio() -> None:
    rest = b""
    while chunk := os.read(0, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        answers = [each for line in lines if (each := answer(line)) is not None]
        if answers:
            _write_all(b"\n".join(answers) + b"\n")


def _write_all(data: bytes) -> None:
    view: Any = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    """Serve until standard input ends."""
    if "--stdio" in sys.argv[1:]:
        _serve_stdio()
    else:
        asyncio.run(_serve_http())


if __name__ == "__main__":
    main()
