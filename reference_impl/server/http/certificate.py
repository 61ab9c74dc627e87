"""Whose certificate a client showed: from the connection, which alone knows it, to the application.

The protocol of a connection leaves the subject in its `state`; applications find it in the TLS extension of ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["CERTIFICATE", "certified"]

CERTIFICATE = "touchstone.certificate"
"""Key of the subject in a connection's state; None there where the client showed no certificate."""

Application = Callable[[Any, Any, Any], Awaitable[None]]


def certified(application: Application, *, demanded: bool) -> Application:
    """Return `application` with the TLS extension filled in.

    Where certificates are `demanded`, nobody is served whose certificate cannot be known: clients would pass for one
    another.
    """

    async def call(scope: Any, receive: Any, send: Any) -> None:
        state = scope.get("state") or {}
        if demanded and scope["type"] != "lifespan" and CERTIFICATE not in state:
            raise RuntimeError("the protocol of this connection does not tell whose certificate it has seen")
        subject = state.get(CERTIFICATE)
        if subject is not None:
            tls = {"client_cert_name": subject}
            scope = {**scope, "extensions": {**(scope.get("extensions") or {}), "tls": tls}}
        await application(scope, receive, send)

    return call
