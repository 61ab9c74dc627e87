"""`serve`: the reference servers by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from door.errors import Exit, Refusal

__all__ = ["SERVERS", "serve_named"]

SERVERS: dict[str, str] = {"everything": "reference_impl.servers.everything"}
"""Name to the module whose `make_server` builds it."""


def serve_named(name: str, transport: str, host: str, port: int) -> int:
    """Serve until the input ends (stdio) or a signal comes (the others, which all listen at one address).

    Raises `Refusal` for an unknown name, a missing library and an address that cannot be listened on.
    """
    if name not in SERVERS:
        raise Refusal(f"there is no server {name!r}; known: {', '.join(SERVERS)}")
    make: Callable[[], Any] = import_module(SERVERS[name]).make_server
    if transport == "stdio":
        from reference_impl.server.run import run_stdio

        run_stdio(make())
        return Exit.PASSED
    if find_spec("uvicorn") is None:
        raise Refusal("serving over HTTP needs uvicorn: install mcp-touchstone[servers]")
    from reference_impl.server.run import run_http

    try:
        run_http(make(), host, port, transport=transport)
    except OSError as error:
        raise Refusal(f"{host}:{port}: {(error.strerror or 'cannot be listened on').lower()}") from None
    return Exit.PASSED
