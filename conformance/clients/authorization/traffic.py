"""What judges of authorization share: the HTTP exchanges of a client, read as what they are for.

Everything is taken from the transcript: where the servers stand is what the client was told there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from conformance.clients.http_stage import PATH
from conformance.expect import Inapplicable
from conformance.transcript import Conversation, Direction, Entry

__all__ = ["SILENT", "Act", "Traffic", "ended", "reading", "traffic"]

SILENT = "the client does not authorize itself: it did nothing about HTTP 401"
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Act:
    """One HTTP exchange: what the client asked, and what it was told (None: nothing any more)."""

    entry: Entry
    reply: Entry | None

    @property
    def index(self) -> int:
        """Where it stands in the transcript."""
        return self.entry.index

    @property
    def evidence(self) -> list[int]:
        """Request and reply, for a mismatch."""
        return [self.entry.index, *([] if self.reply is None else [self.reply.index])]

    @property
    def method(self) -> str:
        """The method of HTTP."""
        return self.entry.head.start.split(" ")[0] if self.entry.head is not None else ""

    @property
    def target(self) -> str:
        """Path and query."""
        return self.entry.head.start.split(" ")[1] if self.entry.head is not None else ""

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def host(self) -> str:
        """Host and port to which it went."""
        return (self.header("host") or "").lower()

    @property
    def status(self) -> int:
        """The status that it was answered with, 0 without one."""
        return (self.reply.head.status or 0) if self.reply is not None and self.reply.head is not None else 0

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of query and form."""
        text = [urlsplit(self.target).query]
        if (self.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
            text.append(self.entry.data.decode("utf-8", "replace"))
        return {name: value for part in text for name, value in parse_qsl(part, keep_blank_values=True)}

    @property
    def told(self) -> dict[str, Any]:
        """The JSON object that it was answered with, or nothing."""
        return _object(self.reply.data) if self.reply is not None else _NOTHING

    @property
    def sent(self) -> dict[str, Any]:
        """The JSON object in its body, or nothing."""
        return _object(self.entry.data)

    @property
    def location(self) -> dict[str, str]:
        """The parameters of the address to which it was redirected."""
        where = self.reply.head.get("location") if self.reply is not None and self.reply.head is not None else None
        return dict(parse_qsl(urlsplit(where or "").query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A header of the request."""
        return self.entry.head.get(name) if self.entry.head is not None else None

    @property
    def bearer(self) -> str | None:
        """The token in its Authorization header."""
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    @property
    def client(self) -> str | None:
        """The client id that it names, as a parameter or by HTTP Basic."""
        scheme, _, blob = (self.header("authorization") or "").partition(" ")
        if "client_id" in self.parameters or scheme.lower() != "basic":
            return self.parameters.get("client_id")
        try:
            return unquote(base64.b64decode(blob, validate=True).decode().partition(":")[0])
        except ValueError:
            return None

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that it asks for; None: it has no such parameter."""
        asked = self.parameters.get("scope")
        return None if asked is None else tuple(asked.split())

    @property
    def at_endpoint(self) -> bool:
        """Whether it went to the MCP endpoint."""
        return self.path == PATH and not self.entry.aside


@dataclass(frozen=True, slots=True)
class Traffic:
    """All exchanges of a client in one scenario, in order."""

    acts: tuple[Act, ...]

    @property
    def server(self) -> str:
        """Host and port of the protected server, "" before it was asked."""
        return next((act.host for act in self.endpoint), "")

    @property
    def endpoint(self) -> Iterator[Act]:
        """What went to the MCP endpoint."""
        return (act for act in self.acts if act.at_endpoint)

    @property
    def refused(self) -> Act | None:
        """The first request that was refused for want of a token."""
        return next((act for act in self.endpoint if act.status == 401), None)

    @property
    def resources(self) -> Iterator[Act]:
        """What was answered by metadata of a protected resource."""
        return (act for act in self.acts if "authorization_servers" in act.told)

    @property
    def authorities(self) -> Iterator[Act]:
        """What was answered by metadata of an authorization server."""
        return (act for act in self.acts if "authorization_endpoint" in act.told)

    @property
    def authorizations(self) -> Iterator[Act]:
        """The authorization requests, wherever they went."""
        return (act for act in self.acts if act.path.endswith("/authorize") and not act.at_endpoint)

    @property
    def tokens(self) -> Iterator[Act]:
        """The token requests, wherever they went."""
        return (act for act in self.acts if act.path.endswith("/token") and act.method == "POST")

    @property
    def registrations(self) -> Iterator[Act]:
        """The requests to be registered, wherever they went."""
        return (act for act in self.acts if act.path.endswith("/register") and act.method == "POST")

    @property
    def dealings(self) -> list[Act]:
        """What was asked of authorization servers beside their metadata."""
        return sorted([*self.registrations, *self.authorizations, *self.tokens], key=lambda act: act.index)

    @property
    def issued(self) -> Iterator[Act]:
        """The token requests that were answered by a token."""
        return (act for act in self.tokens if "access_token" in act.told)

    def before(self, act: Act, earlier: Iterator[Act]) -> list[Act]:
        """Those of some exchanges whose reply came before an exchange began."""
        return [one for one in earlier if one.reply is not None and one.reply.index < act.index]

    def authority(self, act: Act) -> dict[str, Any]:
        """The metadata by which a request to an authorization server was made: the last of its host that were read."""
        known = [one for one in self.before(act, self.authorities) if one.host == act.host]
        return known[-1].told if known else _NOTHING

    @property
    def took_part(self) -> bool:
        """Whether the client asked for anything beside the endpoint once it had been refused."""
        refused = self.refused
        return refused is not None and any(not act.at_endpoint and act.index > refused.index for act in self.acts)


def traffic(conversation: Conversation) -> Traffic:
    """Read a transcript."""
    heads = [entry for entry in conversation.entries if entry.head is not None and entry.exchange]
    replies = {entry.exchange: entry for entry in heads if entry.direction is Direction.SENT}
    requests = (entry for entry in heads if entry.direction is Direction.RECEIVED)
    return Traffic(tuple(Act(entry, replies.get(entry.exchange)) for entry in requests))


def reading(conversation: Conversation) -> Traffic:
    """Read the transcript of a protected server. Raises `Inapplicable` if the client does not authorize itself."""
    seen = traffic(conversation)
    if seen.refused is not None and not seen.took_part:
        raise Inapplicable(SILENT)
    return seen


def ended(conversation: Conversation) -> bool:
    """Whether the client ended by itself: only then it is certain that what it has not done it will not do."""
    last = [entry.data for entry in conversation.entries if entry.direction is Direction.PROCESS]
    return any(data.startswith(b"exit status") for data in last)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data) if data else None
    except ValueError:
        return _NOTHING
    return value if isinstance(value, dict) else _NOTHING
