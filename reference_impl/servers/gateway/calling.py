"""One tool's calls: arguments in, a request with the gateway's own credentials, a result out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference_impl.schemas import Validator
from reference_impl.server import Context, ToolError, ToolResult
from reference_impl.servers.gateway.credentials import Credentials
from reference_impl.servers.gateway.oauth import Tokens
from reference_impl.servers.gateway.redacting import Redactor
from reference_impl.servers.gateway.requests import Endpoint, finished, prepare
from reference_impl.servers.gateway.results import Results
from reference_impl.servers.gateway.upstream import Answer, Upstream

__all__ = ["Gate", "handler"]


@dataclass(frozen=True, slots=True)
class Gate:
    """What all tools of a gateway share."""

    upstream: Upstream
    credentials: Credentials
    tokens: Tokens
    redactor: Redactor


class _Progress:
    """Attempts and bytes as one number that rises: each attempt is worth one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._attempts = 0

    def again(self, message: str) -> None:
        self._attempts += 1
        self._context.log("warning", message, "gateway")
        self._context.progress(self._attempts, None, message)

    def received(self, size: int, total: int | None) -> None:
        share = size / total if total else size / (size + 65_536)
        self._context.progress(self._attempts + min(share, 0.999), None, f"{size} bytes received")


def handler(gate: Gate, endpoint: Endpoint, judge: Validator | None) -> Callable[..., Any]:
    """Return what runs a tool."""
    results = Results(endpoint.operation.label, judge, gate.redactor)

    async def call(context: Context, **arguments: Any) -> ToolResult:
        try:
            return results.of(await _called(gate, endpoint, arguments, _Progress(context)))
        except ToolError as error:
            # Its words may be the upstream's: where a redirect leads, why there is no token.
            raise ToolError(gate.redactor.text(str(error)), error.facts) from None

    return call


async def _called(gate: Gate, endpoint: Endpoint, arguments: dict[str, Any], progress: _Progress) -> Answer:
    """Send a call; once more with another token where the one held was refused, for then nothing was carried out."""
    deadline = gate.upstream.deadline()
    prepared = prepare(endpoint, arguments)
    way = gate.credentials.choose(endpoint.operation.security)
    for anew in (False, True):
        try:
            async with asyncio.timeout(gate.upstream.left(deadline)):
                applied = await gate.credentials.applied(way, gate.tokens.take, anew=anew)
        except TimeoutError:
            raise ToolError(f"{endpoint.operation.label} was not sent: there was no token for it in time") from None
        request = finished(endpoint, prepared, applied)
        answer = await gate.upstream.call(request, deadline, progress.again, progress.received)
        if anew or answer.reply.status != 401 or not gate.credentials.refreshable(way):
            return answer
    raise AssertionError("the second answer counts")
