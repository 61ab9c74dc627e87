"""What a server may ask its client for, and the answers: the same whether it asks by a request of its own (to
2025-11-25) or inside a result (2026-07-28).

Sources: `client/sampling`, `client/elicitation`, `client/roots`, `basic/patterns/mrtr`.
"""

from __future__ import annotations

import logging
from typing import Any

import anyio

from reference_impl.client.elicitations import UrlElicitations, required_elicitations
from reference_impl.client.errors import InputRefused, InvalidAnswer
from reference_impl.client.forms import filled, form_fault
from reference_impl.client.roots import root_fault
from reference_impl.client.sampling import conversation_fault
from reference_impl.client.settings import Handlers, JsonObject
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, Request, Response, encode_json
from reference_impl.protocol.methods import INPUT_METHODS
from reference_impl.protocol.revisions import Revision

__all__ = ["Answers"]

_logger = logging.getLogger(__name__)


class Answers:
    """Answers a server's questions through the handlers that the user gave. `urls` are the interactions in a browser
    that were agreed to."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self.urls = UrlElicitations()

    async def to_request(self, request: Request, revision: Revision) -> Response | ErrorResponse:
        """Answer a request of a legacy server; whatever goes wrong becomes the error of the answer."""
        if request.method == "ping":
            return Response(request.id, {})
        try:
            result = await self._fulfil(request.method, request.params or {}, revision)
            encode_json(result)  # a result that is none of JSON is the handler's fault, too
            return Response(request.id, result)
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

    async def to_browser(self, data: Any, revision: Revision, patience: float) -> bool:
        """Ask the user for the interactions that a URLElicitationRequiredError names; wait until they are over.

        Returns False where the error names none that may be asked for. Raises `InputRefused` if the user does not
        agree, or the server does not tell within `patience` seconds that all is done.
        """
        questions = required_elicitations(data) if "url" in self._handlers.elicitation_modes else []
        if not questions or self._handlers.elicitation is None:
            return False
        done = [self.urls.begin(question["elicitationId"]) for question in questions]
        for question in questions:
            answer = await self._input({"method": "elicitation/create", "params": question}, revision)
            if answer["action"] != "accept":
                raise InputRefused(f"the user did not agree to open {question['url']}")
        with anyio.move_on_after(patience):
            for over in done:
                await over.wait()
            return True
        raise InputRefused(
            f"the server did not say within {patience:g} s that the user is done in the browser; call again after that"
        )

    async def _input(self, entry: Any, revision: Revision) -> JsonObject:
        match entry:
            case {"method": str(method)} if method in INPUT_METHODS:
                params = entry.get("params")
            case _:
                raise InvalidAnswer("inputRequests holds what is no request for input")
        if self._handlers.named(method) is None:
            raise InputRefused(f"the server asks for {method}, and ClientSettings.handlers has none who answers it")
        try:
            return await self._fulfil(method, params if isinstance(params, dict) else {}, revision)
        except RemoteProtocolError as error:
            raise InputRefused(f"{method}: {error.message}") from error

    async def _fulfil(self, method: str, params: JsonObject, revision: Revision) -> JsonObject:
        handler = self._handlers.named(method)
        if handler is None or (method == "elicitation/create" and not revision.elicitation):
            raise RemoteProtocolError(Code.METHOD_NOT_FOUND, f"Method not found: {method}")
        self._check_declared(method, params)
        if method == "elicitation/create" and isinstance(params.get("elicitationId"), str):
            self.urls.begin(params["elicitationId"])
        return _fitting(method, params, await handler(params))

    def _check_declared(self, method: str, params: JsonObject) -> None:
        """Refuse what goes beyond the declared capability (`client/elicitation#error-handling`, `CreateMessage`)."""
        mode = params.get("mode", "form")
        if method == "elicitation/create" and mode not in self._handlers.elicitation_modes:
            raise RemoteProtocolError(Code.INVALID_PARAMS, f"Elicitation mode {mode!r} was not declared")
        if method == "elicitation/create" and mode == "url" and not isinstance(params.get("url"), str):
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Elicitation by URL names no url")
        if method == "sampling/createMessage":
            self._check_sampling(params)

    def _check_sampling(self, params: JsonObject) -> None:
        if "tools" not in self._handlers.sampling_features and params.keys() & {"tools", "toolChoice"}:
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Sampling with tools was not declared")
        fault = conversation_fault(params.get("messages"))
        if fault is not None:
            raise RemoteProtocolError(Code.INVALID_PARAMS, fault)


def _fitting(method: str, params: JsonObject, result: JsonObject) -> JsonObject:
    """Return a handler's result as it may be sent. Raises `RemoteProtocolError` where it must not be."""
    fault: str | None = None
    match method:
        case "roots/list":
            fault = root_fault(result.get("roots"))
        case "sampling/createMessage" if not {"role", "content", "model"} <= result.keys():
            fault = "role, content and model are required"
        case "elicitation/create":
            result, fault = _elicited(params, result)
    if fault is not None:
        _logger.error("the handler of %s gave an answer that must not be sent: %s", method, fault)
        raise RemoteProtocolError(Code.INTERNAL_ERROR, f"The client's own answer is invalid: {fault}")
    return result


def _elicited(params: JsonObject, result: JsonObject) -> tuple[JsonObject, str | None]:
    """Return what a user said, and what is wrong with it (`client/elicitation#response-actions`)."""
    action = result.get("action")
    if action not in ("accept", "decline", "cancel"):
        return result, f"the action {action!r} is none of accept, decline and cancel"
    bare = {name: value for name, value in result.items() if name != "content"}
    if action != "accept" or params.get("mode", "form") != "form":
        return bare, None  # what was typed before a refusal is nobody's business
    schema, content = params.get("requestedSchema"), result.get("content")
    if content is not None and not isinstance(content, dict):
        return result, "the content is no object"
    content = filled(schema, content or {})
    return bare | {"content": content}, form_fault(schema, content)
