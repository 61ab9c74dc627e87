"""Which protocols serve under uvicorn: ours where they fit the version that is installed, else uvicorn's own.

Ours build on classes that uvicorn promises nobody to keep. What does not fit is found out before the first client
comes, and said in the log; what is lost then is speed, and the bounds on slow heads and on fragments.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import uvicorn

__all__ = ["choose", "fits"]

_logger = logging.getLogger("reference_impl.server")
_PATIENCE = 5.0
_REQUEST = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n%b\r\n1"
_FIRST = _REQUEST % b""
_REST = _FIRST + _REQUEST % b"connection: close\r\n"


def choose(*, websocket: bool) -> dict[str, Any]:
    """Return the protocols as settings of `uvicorn.Config`."""
    own: Any = {"http": "auto", "ws": "auto" if websocket else "none"}
    try:
        from reference_impl.server.uvicorn_protocol import GuardedHttp, GuardedWebSocket
    except (ImportError, AttributeError) as error:
        _tell(error)
        return dict(own)
    return {"http": GuardedHttp, "ws": GuardedWebSocket if websocket else "none"}


async def fits(config: uvicorn.Config) -> bool:
    """Tell whether the HTTP protocol of a loaded configuration serves requests in this version of uvicorn."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await _talk(config, ours, theirs)
        except Exception as error:  # noqa: BLE001 - whatever uvicorn has changed, it has to serve
            _tell(error)
            return False
    if answer.count(b"HTTP/1.1 200 OK\r\n") != 2 or not answer.endswith(b"\r\n\r\n1"):
        _tell("it does not answer as it should")
        return False
    return True


async def _talk(config: uvicorn.Config, ours: socket.socket, theirs: socket.socket) -> bytes:
    protocol: Any = config.http_protocol_class(config, uvicorn.server.ServerState(), {})  # type: ignore[call-arg]  # asyncio's own has none
    echo = protocol.app = _Echo()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        writer.write(_FIRST)
        await reader.readuntil(b"\r\n\r\n1")
        writer.write(_REST)
        answer = await reader.read()
    finally:
        transport.abort()
        writer.transport.abort()
    if echo.failure is not None:
        raise echo.failure
    return answer


class _Echo:
    """An application that answers with what it gets; `failure` is what kept it from that."""

    failure: Exception | None = None

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        try:
            body = (await receive())["body"]
            fields = [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": body})
        except Exception as error:
            self.failure = error
            raise


def _tell(why: object) -> None:
    _logger.warning("our protocol does not fit uvicorn %s, its own serves: %s", uvicorn.__version__, why)
