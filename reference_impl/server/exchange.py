"""One request being served, and the legacy conversation that it may belong to.

An `Exchange` knows all that a feature may ask of the client's side: revision, capabilities, log level, and the way back
for messages that belong to the request. A `Session` is what a legacy handshake leaves behind; the modern era has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from reference_impl.protocol.calls import Calls
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, Message, Notification, Request, Response
from reference_impl.protocol.revisions import LATEST_LEGACY, Revision

if TYPE_CHECKING:
    from reference_impl.server.tasks.run import TaskRun

__all__ = ["DISPENSABLE", "ClientRefusedError", "Exchange", "Send", "Session"]

Send = Callable[[Message], None]
"""Queues one message for the client; never blocks, never raises."""

DISPENSABLE = frozenset({"notifications/progress", "notifications/message", "notifications/resources/updated"})
"""What a handler may send without end, and a client that does not read can do without: it is not kept for it."""


class ClientRefusedError(Exception):
    """The client answered a request of ours with an error."""

    def __init__(self, answer: ErrorResponse) -> None:
        super().__init__(answer.message)
        self.code = answer.code


@dataclass(slots=True, eq=False)
class Session:
    """A legacy conversation, from `initialize` to its end (`basic/lifecycle`).

    `send` carries messages that belong to no request of the client. `log_level` is None until the client sets one,
    `roots` until it was asked, and again after each of the `roots_changes` that it told of.
    `on_close` is called at the end; `on_silence` ends the session because the client does not answer, and is None
    while it cannot be reached.
    """

    send: Send
    principal: str | None = None
    revision: Revision = LATEST_LEGACY
    capabilities: dict[str, Any] = field(default_factory=dict)
    client_info: dict[str, Any] = field(default_factory=dict)
    opened: bool = False
    initialized: bool = False
    log_level: str | None = None
    roots: list[dict[str, Any]] | None = None
    roots_changes: int = 0
    subscriptions: set[str] = field(default_factory=set)
    calls: Calls[asyncio.Future[Any]] = field(default_factory=Calls)
    running: Calls[Exchange] = field(default_factory=Calls)
    on_close: Callable[[], None] | None = None
    on_silence: Callable[[], None] | None = None

    async def ask(self, method: str, params: dict[str, Any], send: Send, timeout: float) -> Any:
        """Send a request to the client and return the result.

        `send` puts it on the stream of the request that it serves. Raises `ClientRefusedError`, and `TimeoutError`
        after `timeout` seconds; whoever stops waiting tells the client so (`basic/lifecycle#timeouts`).
        """
        identifier = self.calls.new_id()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.calls.open(identifier, future)
        send(Request(identifier, method, params))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except (asyncio.CancelledError, TimeoutError):
            send(Notification("notifications/cancelled", {"requestId": identifier, "reason": "no longer awaited"}))
            raise
        finally:
            self.calls.close(identifier)

    @property
    def tells_of_roots(self) -> bool:
        """Whether the client tells when its roots change, so that they may be remembered."""
        roots = self.capabilities.get("roots")
        return isinstance(roots, dict) and roots.get("listChanged") is True

    def roots_changed(self) -> None:
        """Forget the client's roots: they are others now."""
        self.roots = None
        self.roots_changes += 1

    def answered(self, answer: Response | ErrorResponse) -> None:
        """Take the client's answer to a request of ours; one that nobody awaits is ignored."""
        future = self.calls.close(answer.id)
        if future is None or future.done():
            return
        if isinstance(answer, Response):
            future.set_result(answer.result)
        else:
            future.set_exception(ClientRefusedError(answer))

    def cancel(self, identifier: Any) -> None:
        """Stop serving a request; an id that is unknown or of no type that an id can have is ignored."""
        if isinstance(identifier, str | int) and not isinstance(identifier, bool):
            exchange = self.running.close(identifier)
            if exchange is not None:
                exchange.cancel()

    def close(self) -> None:
        """Stop all that runs and waits."""
        if self.on_close is not None:
            self.on_close()
        for exchange in self.running.drain():
            exchange.cancel()
        self.hang_up()

    def hang_up(self) -> None:
        """Tell those who wait for the client that it will not answer any more."""
        for future in self.calls.drain():
            if not future.done():
                future.set_exception(ConnectionError("the client has gone"))


class Exchange(msgspec.Struct, eq=False):
    """One request being served. `send` is the way back for messages that belong to it. `run` is set where it is served
    as a task, or may become one."""

    request: Request
    revision: Revision
    capabilities: dict[str, Any]
    send: Send
    client_info: dict[str, Any] | None = None
    log_level: str | None = None
    progress_token: str | int | None = None
    progress: float | None = None
    session: Session | None = None
    principal: str | None = None
    open: bool = True
    cancelled: bool = False
    task: asyncio.Task[Any] | None = None
    close_stream: Callable[[], None] | None = None
    run: TaskRun | None = None

    @classmethod
    def legacy(cls, request: Request, session: Session, send: Send) -> Exchange:
        """Return the exchange of a request in a session."""
        meta = (request.params or {}).get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        return cls(
            request,
            session.revision,
            session.capabilities,
            send,
            session.client_info,
            session.log_level,
            token if isinstance(token, str | int) and not isinstance(token, bool) else None,
            session=session,
            principal=session.principal,
        )

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification that belongs to this request; nothing once it is answered or cancelled."""
        if self.open:
            self.send(Notification(method, params))

    def cancel(self) -> None:
        """Stop serving: nothing more is sent for this request, whatever its handler does about it."""
        if not self.cancelled and self.task is not None:
            self.task.cancel()
        self.open, self.cancelled = False, True

    def require(self, capability: str, member: str | None = None) -> None:
        """Check that the client declared a capability, and in it `member`.

        Raises `RemoteProtocolError`: MissingRequiredClientCapability in the modern era (`basic/index#meta`); earlier
        revisions have no code of their own for it.
        """
        declared = self.capabilities.get(capability)
        if isinstance(declared, dict) and (member is None or member in declared):
            return
        if capability == "elicitation" and member == "form" and declared == {}:
            return  # an empty object means form mode (`client/elicitation#capabilities`)
        needed: dict[str, Any] = {capability: {} if member is None else {member: {}}}
        code = Code.MISSING_CLIENT_CAPABILITY if self.revision.modern else Code.INVALID_REQUEST
        message = f"The client did not declare the capability {capability}{'.' + member if member else ''}"
        raise RemoteProtocolError(code, message, {"requiredCapabilities": needed} if self.revision.modern else None)
