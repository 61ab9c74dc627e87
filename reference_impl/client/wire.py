"""What a client's transport offers, whatever carries the bytes: exchanges, messages on their own, and what comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Message,
    Notification,
    Request,
    Response,
    decode_json,
    parse_value,
)
from reference_impl.protocol.revisions import Revision
from reference_impl.transports.messages import MessageChannel

__all__ = ["NEVER_CANCELLED", "Answer", "Deliver", "MessageChannel", "Wire", "read_messages"]

Answer = Response | ErrorResponse
Deliver = Callable[[Request | Notification | Response], None]
"""Takes what the server sends on its own account, and answers that nobody awaits any more; returns at once."""

NEVER_CANCELLED = frozenset({"initialize", "server/discover"})
"""`initialize` must not be cancelled (`basic/utilities/cancellation#behavior-requirements` of 2025-11-25), and a probe
that met silence went to a server that knows no such request."""


@runtime_checkable
class Wire(Protocol):
    """A connection to one server. `revision` decides the rules; whoever opens the conversation sets it."""

    revision: Revision

    async def run(self, deliver: Deliver) -> None:
        """Carry what comes in, until the connection ends. Runs beside everything else."""

    async def exchange(self, request: Request, schema: Any = None) -> Answer:
        """Send a request and wait for its answer. Cancelling the call cancels the request, the transport's way.

        `schema` is a called tool's input schema, for the headers that mirror its arguments. Raises `ConnectionClosed`,
        `SessionLost`, `HttpRefused`, `InvalidAnswer`.
        """
        ...

    async def send(self, message: Notification | Response | ErrorResponse) -> None:
        """Send a message that has no answer. Raises as `exchange` does."""

    async def established(self) -> None:
        """Note that a handshake has been completed: the server may speak on its own account from now on."""

    async def aclose(self) -> None:
        """Leave politely, in bounded time."""


def read_messages(data: bytes | str, revision: Revision) -> list[Message | MalformedError]:
    """Read a message, or the batch that one revision allows in its place; what is malformed stands in the list as such.

    Raises `MalformedError` if `data` is not JSON at all.
    """
    value = decode_json(data)
    members = value if isinstance(value, list) and revision.batching else [value]
    return [_read(member) for member in members]


def _read(value: Any) -> Message | MalformedError:
    try:
        return parse_value(value)
    except MalformedError as error:
        return error
