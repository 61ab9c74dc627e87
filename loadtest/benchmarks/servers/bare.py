"""The limit: an ASGI application that decodes the request and encodes the answer, and no more.

`bare.py PORT` on uvicorn as it is, `bare.py lean PORT` on uvicorn with the protocol of the reference server's runner.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_HEADERS = ((b"content-type", b"application/json"),)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer any POST as if it called an echo tool."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    event = await receive()
    body = event["body"]
    while event.get("more_body", False):
        event = await receive()
        body += event["body"]
    request = _decode(body)
    result = {"content": [{"type": "text", "text": request["params"]["arguments"]["text"]}]}
    answer = _encode({"jsonrpc": "2.0", "id": request["id"], "result": result})
    headers = (*_HEADERS, (b"content-length", b"%d" % len(answer)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def main() -> None:
    """Serve until a signal."""
    *lean, port = sys.argv[1:]
    protocols: dict[str, Any] = {}
    if lean:
        from reference_impl.server.uvicorn_choice import choose

        protocols = choose(websocket=False)
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "lifespan": "off", "server_header": False}
    uvicorn.run(application, port=int(port), **quiet, **protocols)


if __name__ == "__main__":
    main()
