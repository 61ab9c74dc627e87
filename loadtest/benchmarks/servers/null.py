"""The fastest server that a client can talk to: it decodes no more than ids, and answers with bytes made beforehand.

`null.py http` serves on a free port of 127.0.0.1, which it prints; `null.py stdio` answers lines. Both end with their
standard input. `loadtest.null_server` is its like for the generator, which needs its markers back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import msgspec


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


_decode = msgspec.json.Decoder(_Request).decode
_NOBODY = {"name": "null", "version": "1"}
_OFFER = {"capabilities": {"tools": {}}, "serverInfo": _NOBODY}
_CALLED = json.dumps({"resultType": "complete", "content": [{"type": "text", "text": "hello"}]}).encode()
_LISTED = json.dumps(
    {
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "public",
        "tools": [{"name": "echo", "inputSchema": {"type": "object"}}],
    }
).encode()


def answer(message: bytes) -> bytes | None:
    """Return the answer to a message, None to one that has none."""
    request = _decode(message)
    if request.id is None:
        return None
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (json.dumps(request.id).encode(), _result(request))


def _result(request: _Request) -> bytes:
    match request.method:
        case "tools/call":
            return _CALLED
        case "tools/list":
            return _LISTED
        case "initialize":
            version = json.loads(bytes(request.params))["protocolVersion"]
            return json.dumps(_OFFER | {"protocolVersion": version}).encode()
        case "server/discover":
            version = json.loads(bytes(request.params))["_meta"]["io.modelcontextprotocol/protocolVersion"]
            return json.dumps(
                {
                    "resultType": "complete",
                    "supportedVersions": [version],
                    "capabilities": {"tools": {}},
                    "ttlMs": 0,
                    "cacheScope": "public",
                    "_meta": {"io.modelcontextprotocol/serverInfo": _NOBODY},
                }
            ).encode()
    return b"{}"


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with a Content-Length, as far as the clients that are measured use it."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(_reply(head, body))


def _reply(head: bytes, body: bytes) -> bytes:
    if not head.startswith(b"post "):
        return b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n"
    said = answer(body)
    if said is None:
        return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    session = b"mcp-session-id: null\r\n" if b'"initialize"' in body else b""
    fields = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return fields % (session, len(said)) + said


async def _serve_http() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the one line that its parent reads
    ended = asyncio.Event()
    loop.add_reader(0, _watch, ended)
    await ended.wait()
    server.close()


def _watch(ended: asyncio.Event) -> None:
    if not os.read(0, 4096):
        ended.set()


def _serve_stdio() -> None:
    rest = b""
    while chunk := os.read(0, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        answers = [said + b"\n" for line in lines if (said := answer(line)) is not None]
        view = memoryview(b"".join(answers))
        while view:
            view = view[os.write(1, view) :]


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        _serve_stdio()
    else:
        import uvloop

        uvloop.run(_serve_http())
