"""One visit: a client is started, meets one scenario, and is over when it ends or has nothing more to say."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc

from conformance.clients.http_stage import HttpStage
from conformance.clients.listening import Address, listen
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.said import GIVEN_UP
from conformance.clients.scenario import Scenario, Scene
from conformance.clients.sse_stage import PATH, SseStage
from conformance.clients.stdio_stage import StdioStage
from conformance.clients.subject import Ended, Invitation, Subject
from conformance.patience import Patience
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.revisions import Revision

__all__ = ["Visit", "receive"]

_FAREWELL = 2.0
"""Seconds that the last bytes of a client which has ended get to arrive."""
_LAST_BYTES = 0.2
"""Seconds that those of one get that we ended."""
Serve = Callable[[anyio.abc.ByteStream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit left. `ended` says how the client went."""

    scenario: Scenario
    revision: Revision
    conversation: Conversation
    ended: Ended


async def receive(
    subject: Subject, scenario: Scenario, revision: Revision, transport: str, patience: Patience
) -> list[Visit]:
    """Play one scenario to the client, which is started as often as the scenario says. Raises `NotStarted`."""
    scene = Scene(revision, transport, Conversation(transport, scenario.name))
    async with AsyncExitStack() as listening:
        here = await listening.enter_async_context(listen())
        others = {item.name: await listening.enter_async_context(listen(tls=item.tls)) for item in scenario.listeners}
        scene.url = _url(transport, here)
        scene.urls = {name: address.origin for name, address in others.items()}
        play = Play(scenario, scene)
        visits: list[Visit] = []
        for number in range(1, scenario.visits + 1):
            if visits and not play.behaviour.again([visit.conversation for visit in visits]):
                break
            scene.visit = number
            scene.conversation = Conversation(transport, scenario.name)
            visits.append(await _visit(subject, play, {"": here, **others}, patience))
    return visits


async def _visit(subject: Subject, play: Play, addresses: dict[str, Address], patience: Patience) -> Visit:
    """Start the client once, and let it meet the play."""
    scene, scenario = play.scene, play.scenario
    pulse = Pulse(patience.start, min(scenario.idle, patience.answer), patience.check, patience.answer / 3)
    token = secrets.token_hex(8)
    web = HttpStage(play, pulse)  # whatever the transport is, the other listeners speak HTTP
    serving: dict[str, Serve] = {name: partial(web.serve, listener=name) for name in addresses}
    invitation = Invitation(play.behaviour.address(scene.url), variables=_variables(play), kind=scene.transport)
    if scene.transport == "stdio":
        serving[""] = StdioStage(play, pulse, token).serve
        invitation = Invitation.by_stand_in(addresses[""].port, token, _variables(play))
    elif scene.transport == "sse":
        serving[""] = SseStage(play, pulse).serve
    elif scene.transport == "ws":
        serving[""] = _websocket(play, pulse)
    async with anyio.create_task_group() as tasks:
        open_connections = _Connections(pulse)
        for name, address in addresses.items():
            tasks.start_soon(address.serve, partial(open_connections.serve, serving[name]))
        ended = await _run(subject, invitation, play, pulse)
        with anyio.move_on_after(_FAREWELL if ended.status is not None else _LAST_BYTES):
            await pulse.until(lambda: open_connections.count == 0)
        tasks.cancel_scope.cancel()
    for written in filter(None, (ended.said, ended.printed)):
        scene.conversation.record(Direction.STDERR, written.encode())
    how = "ended by us" if ended.status is None else f"exit status {ended.status}"
    scene.conversation.record(Direction.PROCESS, how.encode())
    return Visit(scenario, scene.revision, scene.conversation, ended)


def _url(transport: str, here: Address) -> str:
    """Return where the client finds the server ("" where it starts it)."""
    paths = {"stdio": "", "http": f"{here.origin}/mcp", "sse": f"{here.origin}{PATH}"}
    return paths.get(transport, f"ws://127.0.0.1:{here.port}/ws")


def _websocket(play: Play, pulse: Pulse) -> Serve:
    # The library for it is no dependency of the checks.
    from conformance.clients.websocket_stage import WebSocketStage

    return WebSocketStage(play, pulse).serve


def _variables(play: Play) -> dict[str, str]:
    """Return what the official suite's contract tells a client, and the name of our own scenario."""
    url = play.behaviour.address(play.scene.url)
    return {
        **({"MCP_SERVER_URL": url} if url else {}),
        "MCP_CONFORMANCE_SCENARIO": play.behaviour.official,
        "MCP_CONFORMANCE_PROTOCOL_VERSION": play.scene.revision.name,
        "MCP_CONFORMANCE_CONTEXT": json.dumps({"name": play.behaviour.official, **play.behaviour.context}),
        "TOUCHSTONE_SCENARIO": play.scenario.name,
        **play.behaviour.variables,
    }


@dataclass(slots=True)
class _Connections:
    """How many connections are open."""

    pulse: Pulse
    count: int = 0

    async def serve(self, serve: Serve, stream: anyio.abc.ByteStream) -> None:
        """Serve one, and ring when it is over."""
        self.count += 1
        try:
            await serve(stream)
        finally:
            self.count -= 1
            self.pulse.ring()


async def _run(subject: Subject, invitation: Invitation, play: Play, pulse: Pulse) -> Ended:
    """Run the client until it ends, until nothing has come from it for too long, or until enough was seen."""
    ended = Ended(None)

    async def until_silence(scope: anyio.CancelScope) -> None:
        await pulse.stops(play.behaviour.enough)
        play.conversation.record(Direction.PROCESS, GIVEN_UP)
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_silence, tasks.cancel_scope)
        ended = await subject(invitation)
        tasks.cancel_scope.cancel()
    return ended
