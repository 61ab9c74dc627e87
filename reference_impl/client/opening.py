"""How a conversation begins: find out the server's era, agree on a revision, learn what the server offers.

Sources: `basic/versioning#backward-compatibility-with-initialization-based-versions`,
`basic/transports/stdio#backward-compatibility` and `basic/transports/streamable-http#backward-compatibility` of
2026-07-28; `basic/lifecycle#initialization` of 2025-11-25.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from reference_impl.client.caller import Caller
from reference_impl.client.errors import (
    AuthorizationFailed,
    ClientError,
    ConnectionClosed,
    HttpRefused,
    InvalidAnswer,
    NoCommonRevision,
    RequestFailed,
)
from reference_impl.client.grouping import task_group
from reference_impl.client.patience import hurried
from reference_impl.client.settings import CallOptions, JsonObject
from reference_impl.client.wire import Answer
from reference_impl.protocol.lifecycle import SERVER_INFO, classify_probe, initialize_params
from reference_impl.protocol.messages import ErrorResponse, Notification, Response
from reference_impl.protocol.revisions import Era, Revision

__all__ = ["Agreement", "initialize", "open_conversation"]

_DISCOVER = "server/discover"
_INITIALIZE = "initialize"
_UNAUTHORIZED = frozenset({401, 403})

_Outcome = Answer | ClientError


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds for the conversation: the revision, and what the server says of itself."""

    revision: Revision
    capabilities: JsonObject = field(default_factory=dict)
    server_info: JsonObject = field(default_factory=dict)
    instructions: str | None = None

    def offers(self, path: str) -> bool:
        """Tell whether the server declared a capability, such as `tools` or `resources.subscribe`."""
        value: Any = self.capabilities
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value is not None and value is not False


async def open_conversation(caller: Caller) -> Agreement:
    """Agree with a server of unknown era; `settings.era` spares the probe.

    Raises `ConnectionClosed` if the server died of the probe (or anyway), `NoCommonRevision`, `RequestFailed`,
    `InvalidAnswer`.
    """
    settings = caller.settings
    if not settings.modern or (settings.era is Era.LEGACY and settings.legacy):
        return await initialize(caller)
    probe = await _first_decisive_answer(caller)
    if isinstance(probe, Agreement):
        return probe
    era, names = classify_probe(probe)
    if era is Era.LEGACY:
        if not settings.legacy:
            raise NoCommonRevision(())
        return await initialize(caller)
    return await _settle(caller, probe, names)


async def _settle(caller: Caller, probe: Answer | None, names: tuple[str, ...]) -> Agreement:
    """Choose the newest common revision with a modern server, which may still prefer a legacy one."""
    common = [revision for revision in caller.settings.revisions if revision.name in names]
    if not common:
        raise NoCommonRevision(names)
    if not common[-1].modern:
        return await initialize(caller)
    caller.wire.revision = common[-1]
    if isinstance(probe, Response):
        return _discovered(probe.result, common[-1])
    # The probe was refused for its version: ask again in the server's own.
    match await caller.call(_DISCOVER, None, CallOptions()):
        case Response(_, dict(result)):
            return _discovered(result, common[-1])
        case ErrorResponse(_, code, message, data):
            raise RequestFailed(code, message, data)
    raise InvalidAnswer(f"the result of {_DISCOVER} is not an object")


async def _first_decisive_answer(caller: Caller) -> Answer | Agreement | None:
    """Probe, and after a while of silence offer the handshake beside the probe: a modern server may be slow to start.

    Returns the answer to the probe, None where it tells nothing, or the agreement that the handshake reached first.
    """
    send, receive = anyio.create_memory_object_stream[tuple[str, _Outcome | Agreement]](2)
    async with send, receive, task_group() as tasks:
        patience = anyio.CancelScope(deadline=anyio.current_time() + caller.settings.probe_timeout)
        with hurried(patience):  # a probe that waits for its user to log in is not met with silence
            tasks.start_soon(_probe, caller, send)
        with patience:
            return _telling((await receive.receive())[1])
        if not caller.settings.legacy:
            return _telling((await receive.receive())[1])
        tasks.start_soon(_offer_handshake, caller, send)
        return await _race(receive)


async def _race(receive: MemoryObjectReceiveStream[tuple[str, _Outcome | Agreement]]) -> Answer | Agreement | None:
    while True:
        method, outcome = await receive.receive()
        if method == _INITIALIZE:
            if isinstance(outcome, Agreement):
                return outcome
            assert isinstance(outcome, ClientError)
            raise outcome
        answer = _telling(outcome)
        if isinstance(answer, Agreement) or classify_probe(answer)[0] is Era.MODERN:
            return answer


def _telling(outcome: _Outcome | Agreement) -> Answer | Agreement | None:
    """Return what an outcome of the probe tells of the era: a failure is as good as silence, unless it is one that the
    handshake would meet as well."""
    if isinstance(outcome, ConnectionClosed | AuthorizationFailed):
        raise outcome
    if isinstance(outcome, HttpRefused) and outcome.status in _UNAUTHORIZED:
        raise outcome
    return None if isinstance(outcome, ClientError) else outcome


_Report = MemoryObjectSendStream[tuple[str, "_Outcome | Agreement"]]


async def _probe(caller: Caller, report: _Report) -> None:
    caller.wire.revision = caller.settings.modern[-1]
    outcome: _Outcome
    try:
        outcome = await caller.call(_DISCOVER, None, CallOptions())
    except ClientError as error:
        outcome = error
    report.send_nowait((_DISCOVER, outcome))


async def _offer_handshake(caller: Caller, report: _Report) -> None:
    outcome: ClientError | Agreement
    try:
        outcome = await initialize(caller)
    except ClientError as error:
        outcome = error
    report.send_nowait((_INITIALIZE, outcome))


def _discovered(result: JsonObject, revision: Revision) -> Agreement:
    meta = result.get("_meta")
    info = meta.get(SERVER_INFO) if isinstance(meta, dict) else None
    return _agreement(revision, result.get("capabilities"), info, result.get("instructions"))


def _agreement(revision: Revision, capabilities: Any, info: Any, instructions: Any) -> Agreement:
    return Agreement(
        revision,
        capabilities if isinstance(capabilities, dict) else {},
        info if isinstance(info, dict) else {},
        instructions if isinstance(instructions, str) else None,
    )


async def initialize(caller: Caller) -> Agreement:
    """Shake hands with a legacy server: offer the newest legacy revision, take the one that it answers with.

    Raises `NoCommonRevision` if the server wants one that the client does not speak, `RequestFailed`, `InvalidAnswer`.
    """
    settings, wire = caller.settings, caller.wire
    if not settings.legacy:
        raise NoCommonRevision(())
    offered = settings.legacy[-1]
    wire.revision = offered
    params = initialize_params(offered, dict(settings.info), settings.handlers.capabilities(offered))
    answer = await caller.call(_INITIALIZE, params, CallOptions())
    if isinstance(answer, ErrorResponse):
        raise RequestFailed(answer.code, answer.message, answer.data)
    result = answer.result
    if not isinstance(result, dict):
        raise InvalidAnswer(f"the result of {_INITIALIZE} is not an object")
    version = result.get("protocolVersion")
    revision = next((revision for revision in settings.legacy if revision.name == version), None)
    if revision is None:
        raise NoCommonRevision((str(version),))
    wire.revision = revision
    await caller.tell(Notification("notifications/initialized"))
    await wire.established()
    return _agreement(revision, result.get("capabilities"), result.get("serverInfo"), result.get("instructions"))
