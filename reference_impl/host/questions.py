"""What servers ask their host for, answered with consent: samples of a model, forms for the user, directories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reference_impl.client import Handlers, directory_roots
from reference_impl.client.manager import PermissionGate
from reference_impl.client.patience import unhurried
from reference_impl.client.settings import Handler, JsonObject
from reference_impl.host.errors import ModelError
from reference_impl.protocol.errors import Code, RemoteProtocolError

__all__ = ["Elicit", "Questions", "Sampler"]

_REJECTED = -1
"""The code of a sample that the user does not want (`client/sampling#error-handling`)."""
_SHOWN = 2000

Elicit = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Asks the user on behalf of a server, by its name and the `params` of `elicitation/create`; returns the result."""


class Sampler(Protocol):
    """A model that can be asked for a message."""

    async def sample(self, params: JsonObject) -> JsonObject:
        """Answer `sampling/createMessage`. Raises `ModelError`, `RemoteProtocolError`."""
        ...


@dataclass(frozen=True, slots=True)
class Questions:
    """Who answers: what nobody answers is not declared to servers, and refused where they ask all the same.

    `gate` is asked before a model is, and before the user is sent to an address; without it nobody consents to that.
    """

    gate: PermissionGate | None = None
    model: Sampler | None = None
    elicit: Elicit | None = None
    roots: Sequence[Path] = ()

    def handlers(self, server: str) -> Handlers:
        """Return the handlers of one server's questions."""
        return Handlers(
            sampling=self._sampling(server, self.model) if self.model is not None else None,
            elicitation=self._elicitation(server, self.elicit) if self.elicit is not None else None,
            roots=directory_roots(lambda: list(self.roots)) if self.roots else None,
            elicitation_modes=("form", "url"),
        )

    def _sampling(self, server: str, model: Sampler) -> Handler:
        async def sample(params: JsonObject) -> JsonObject:
            context = {"messages": params.get("messages"), "system": params.get("systemPrompt")}
            with unhurried():
                if not await self._allowed("sampling/createMessage", server, context):
                    raise RemoteProtocolError(_REJECTED, "The user does not want a model to be asked for this")
                try:
                    return await model.sample(params)
                except ModelError as error:
                    raise RemoteProtocolError(Code.INTERNAL_ERROR, str(error)) from error

        return sample

    def _elicitation(self, server: str, elicit: Elicit) -> Handler:
        async def ask(params: JsonObject) -> JsonObject:
            with unhurried():
                if params.get("mode") == "url":
                    context = {"url": params.get("url"), "message": params.get("message")}
                    if not await self._allowed("elicitation/create", server, context):
                        return {"action": "decline"}
                return await elicit(server, params)

        return ask

    async def _allowed(self, operation: str, server: str, context: dict[str, Any]) -> bool:
        said = {name: str(value)[:_SHOWN] for name, value in context.items() if value is not None}
        gate = self.gate
        return gate is not None and await gate.request_permission(operation, server, {**said, "sensitive": True})
