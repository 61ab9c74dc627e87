"""The fastest honest answer: a server that does nothing, to learn how much load the generator itself can make.

`python -m loadtest.null_server` serves Streamable HTTP (`/mcp`), HTTP with SSE (`/sse`) and WebSocket (`/ws`) on a free
port of 127.0.0.1 and prints the port; with `--stdio` it answers lines. It reads just enough of a request to answer it:
its id, and the params, which it sends back as text so that every marker is in the answer. It ends with its standard
input.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from msgspec import Raw, Struct

__all__ = ["NullProtocol", "answer", "main", "serve"]


class _Request(Struct, frozen=True):
    id: int | str | None = None
    method: str = ""
    params: Raw = Raw(b"null")


_decoder = msgspec.json.Decoder(_Request)
_LISTED = b',"tools":[{"name":"echo","inputSchema":{"type":"object"}}]'
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
    more = _LISTED if request.method == "tools/list" else b""
    return head + b'{"resultType":"complete","content":[{"type":"text","text":%b}]%b}}' % (text, more)


_EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: endpoint\ndata: /messages?%d\n\n"
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-protocol: mcp\r\nsec-websocket-accept: %b\r\n\r\n"
)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_streams: dict[bytes, Any] = {}
_numbers = itertools.count(1)


def read_frame(buffer: bytes) -> tuple[int, bytes, bytes] | None:
    """Return opcode, payload and the rest of a buffer that holds a whole masked frame (RFC 6455, section 5.2)."""
    if len(buffer) < 2:
        return None
    wide = {126: 2, 127: 8}.get(buffer[1] & 127, 0)
    start = 6 + wide
    size = int.from_bytes(buffer[2 : 2 + wide], "big") if wide else buffer[1] & 127
    if len(buffer) < start + size:
        return None
    key = (buffer[start - 4 : start] * (size // 4 + 1))[:size]
    masked = int.from_bytes(buffer[start : start + size], "big") ^ int.from_bytes(key, "big")
    return buffer[0] & 15, masked.to_bytes(size, "big"), buffer[start + size :]


def frame(opcode: int, payload: bytes) -> bytes:
    """Return an unmasked frame."""
    size = len(payload)
    if size < 126:
        return bytes((128 | opcode, size)) + payload
    wide, width = (126, 2) if size < 65536 else (127, 8)
    return bytes((128 | opcode, wide)) + size.to_bytes(width, "big") + payload


class NullProtocol(asyncio.Protocol):
    """HTTP/1.1 with a Content-Length and nothing else: what our own users send; and what they upgrade it to."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: Any = None
        self._framed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._buffer += data
        if self._framed:
            self._frames()
            return
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            if head.startswith(b"get "):
                self._open(self._buffer[:end])
                return
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if head.startswith(b"post /messages?"):
                self._post(head.partition(b"?")[2].partition(b" ")[0], answer(body))
            else:
                self._send(answer(body))

    def _open(self, head: bytes) -> None:
        """Begin a stream of events, or a WebSocket."""
        self._buffer = b""
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        key = {name.lower(): value.strip() for name, _, value in lines}.get(b"sec-websocket-key")
        if key is None:
            number = next(_numbers)
            _streams[b"%d" % number] = self._transport
            self._transport.write(_EVENTS % number)
            return
        self._framed = True
        self._transport.write(_SWITCH % base64.b64encode(hashlib.sha1(key + _GUID).digest()))  # noqa: S324 - RFC 6455

    def _post(self, stream: bytes, body: bytes | None) -> None:
        self._transport.write(_ACCEPTED)
        if body is not None:
            _streams[stream].write(b"event: message\ndata: %b\n\n" % body)

    def _frames(self) -> None:
        while (found := read_frame(self._buffer)) is not None:
            opcode, payload, self._buffer = found
            if opcode == 8:
                self._transport.close()
            elif opcode == 1 and (said := answer(payload)) is not None:
                self._transport.write(frame(1, said))

    def connection_lost(self, _: Exception | None) -> None:
        """Forget a stream."""
        for name in [name for name, transport in _streams.items() if transport is self._transport]:
            del _streams[name]

    def _send(self, body: bytes | None) -> None:
        if body is None:
            self._transport.write(_ACCEPTED)
            return
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def serve(make: Callable[[], asyncio.Protocol]) -> None:
    """Serve connections on a free port, which is printed, until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0)
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


def _run(serving: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


def main() -> None:
    """Serve until standard input ends."""
    if "--stdio" in sys.argv[1:]:
        _serve_stdio()
    else:
        _run(serve(NullProtocol))


if __name__ == "__main__":
    main()
