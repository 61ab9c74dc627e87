"""One visit: a client is started, meets one scenario, and is over when it ends or has nothing more to say."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import anyio
import anyio.abc
from anyio.streams.stapled import MultiListener

from conformance.clients.http_stage import HttpStage
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.scenario import Scenario
from conformance.clients.stdio_stage import StdioStage
from conformance.clients.subject import Ended, Invitation, Subject
from conformance.patience import Patience
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.revisions import Revision

__all__ = ["Visit", "receive"]

_Listener = MultiListener[anyio.abc.SocketStream]
_IDLE = 8.0
"""Seconds without a word after which a client that does not end is taken to be done."""
_FAREWELL = 2.0
"""Seconds that the last bytes of a client which has ended get to arrive."""
_OFFICIAL = "tools_call"
"""The scenario of the official suite that ours resemble: list the tools, call them."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit left. `ended` says how the client went."""

    scenario: Scenario
    revision: Revision
    conversation: Conversation
    ended: Ended


async def receive(
    subject: Subject, scenario: Scenario, revision: Revision, transport: str, patience: Patience
) -> Visit:
    """Run one scenario ("http" or "stdio") with the client. Raises `NotStarted`."""
    conversation = Conversation(transport, scenario.name)
    play = Play(scenario, revision, conversation)
    pulse = Pulse(patience.start, min(_IDLE, patience.answer), patience.check, patience.answer / 3)
    token = secrets.token_hex(8)
    stage = HttpStage(play, pulse) if transport == "http" else StdioStage(play, pulse, token)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no query of Django's
        variables = _variables(scenario, revision)
        if transport == "http":
            url = f"http://127.0.0.1:{port}/mcp"
            invitation = Invitation(url, variables={"MCP_SERVER_URL": url, **variables})
        else:
            invitation = Invitation.by_stand_in(port, token, variables)
        ended = await _host(stage, listener, subject, invitation)
    how = "ended by us" if ended.status is None else f"exit status {ended.status}"
    conversation.record(Direction.PROCESS, how.encode())
    return Visit(scenario, revision, conversation, ended)


def _variables(scenario: Scenario, revision: Revision) -> dict[str, str]:
    """Return what the official suite's contract tells a client, and the name of our own scenario."""
    return {
        "MCP_CONFORMANCE_SCENARIO": _OFFICIAL,
        "MCP_CONFORMANCE_PROTOCOL_VERSION": revision.name,
        "MCP_CONFORMANCE_CONTEXT": "{}",
        "TOUCHSTONE_SCENARIO": scenario.name,
    }


async def _host(stage: HttpStage | StdioStage, listener: _Listener, subject: Subject, invitation: Invitation) -> Ended:
    """Serve whoever connects while the client runs; return how it ended."""
    open_connections = 0

    async def serve(stream: anyio.abc.SocketStream) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            await stage.serve(stream)
        finally:
            open_connections -= 1
            stage.pulse.ring()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        ended = await _run(subject, invitation, stage.pulse)
        with anyio.move_on_after(_FAREWELL):
            await stage.pulse.until(lambda: open_connections == 0)
        tasks.cancel_scope.cancel()
    return ended


async def _run(subject: Subject, invitation: Invitation, pulse: Pulse) -> Ended:
    """Run the client until it ends, or until nothing has come from it for too long."""
    ended = Ended(None)

    async def until_silence(scope: anyio.CancelScope) -> None:
        await pulse.stops()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_silence, tasks.cancel_scope)
        ended = await subject(invitation)
        tasks.cancel_scope.cancel()
    return ended
