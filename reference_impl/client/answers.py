"""What a server may ask its client for, and the answers: the same whether it asks by a request of its own (to
2025-11-25) or inside a result (2026-07-28).

Sources: `client/sampling`, `client/elicitation`, `client/roots`, `basic/patterns/mrtr`.
"""

from __future__ import annotations

import logging
from typing import Any

from reference_impl.client.errors import InputRefused, InvalidAnswer
from reference_impl.client.settings import Handlers, JsonObject
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, Request, Response
from reference_impl.protocol.methods import INPUT_METHODS
from reference_impl.protocol.revisions import Revision

__all__ = ["Answers"]

_logger = logging.getLogger(__name__)


class Answers:
    """Answers a server's questions through the handlers that the user gave."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    async def to_request(self, request: Request, revision: Revision) -> Response | ErrorResponse:
        """Answer a request of a legacy server; whatever goes wrong becomes the error of the answer."""
        if request.method == "ping":
            return Response(request.id, {})
        try:
            return Response(request.id, await self._fulfil(request.method, request.params or {}, revision))
        except RemoteProtocolError as error:
            return ErrorResponse(request.id, error.code, error.message, error.data)
        except Exception:  # a handler's fault is told to the server as any server would tell it
            _logger.exception("the handler of %s failed", request.method)
            return ErrorResponse(request.id, Code.INTERNAL_ERROR, "Internal error")

    async def to_inputs(self, wanted: Any, revision: Revision) -> JsonObject:
        """Gather what an `input_required` result asks for: its keys, each with the bare result.

        Raises `InvalidAnswer` if the server asks in a shape the protocol does not know, `InputRefused` if the client
        cannot give it, or its handler refuses: there is no way to tell the server so (`basic/patterns/mrtr`).
        """
        if not isinstance(wanted, dict):
            raise InvalidAnswer("inputRequests is not an object")
        return {key: await self._input(entry, revision) for key, entry in wanted.items()}

    async def _input(self, entry: Any, revision: Revision) -> JsonObject:
        match entry:
            case {"method": str(method)} if method in INPUT_METHODS:
                params = entry.get("params")
            case _:
                raise InvalidAnswer("inputRequests holds what is no request for input")
        try:
            return await self._fulfil(method, params if isinstance(params, dict) else {}, revision)
        except RemoteProtocolError as error:
            raise InputRefused(f"{method}: {error.message}") from error

    async def _fulfil(self, method: str, params: JsonObject, revision: Revision) -> JsonObject:
        handler = self._handlers.named(method)
        if handler is None or (method == "elicitation/create" and not revision.elicitation):
            raise RemoteProtocolError(Code.METHOD_NOT_FOUND, f"Method not found: {method}")
        self._check_declared(method, params)
        return await handler(params)

    def _check_declared(self, method: str, params: JsonObject) -> None:
        """Refuse what goes beyond the declared capability (`client/elicitation#error-handling`, `CreateMessage`)."""
        mode = params.get("mode", "form")
        if method == "elicitation/create" and mode not in self._handlers.elicitation_modes:
            raise RemoteProtocolError(Code.INVALID_PARAMS, f"Elicitation mode {mode!r} was not declared")
        if "tools" not in self._handlers.sampling_features and params.keys() & {"tools", "toolChoice"}:
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Sampling with tools was not declared")
