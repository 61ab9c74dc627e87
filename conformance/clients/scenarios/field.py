"""Servers as the field has them: with what is allowed and seldom, and with what is forbidden and happens all the same.

Each is ordinary but for one oddity, which comes with the answer to the first request of a kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.clients.offer import EMPTY_SCHEMA, Offer, complete, usual_offer
from conformance.clients.reply import Message, Noise, Raw, Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, legacy
from conformance.clients.scenarios.pages import follows
from reference_impl.protocol.revisions import Revision

__all__ = [
    "CIRCLE",
    "CRLF_EVENTS",
    "LARGE_RESULT",
    "LOUD",
    "NOISY",
    "ODD_TOOL",
    "PIECED_EVENTS",
    "ROUND",
    "SOUND",
    "TELLING",
]

_LIST, _CALL = "tools/list", "tools/call"
_LARGE = 1 << 20
"""Bytes: sixteen times the longest line that some readers take."""
_LOUD = 1 << 18
"""Bytes: four times what a pipe holds that nobody reads."""
ROUND = "round"
"""The cursor that leads to the page on which it stands."""
_PAGES = 20
"""After so many the list ends all the same."""
_CHANGED: Message = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
_ODD = {
    "name": "choose",
    "description": "Takes one of two.",
    "inputSchema": {"anyOf": [EMPTY_SCHEMA, {"type": "null"}]},
}
SOUND = ("greet", "add_numbers")
"""The tools beside the one whose schema is none."""


def _streamable(revision: Revision) -> bool:
    return revision.streamable_http


def _first(method: str, bend: Callable[[Turn], Reply]) -> Callable[[Scene], Behaviour]:
    """Return what begins a behaviour that bends the answer to the first request of a method."""

    def begin(_: Scene) -> Behaviour:
        done = False

        def reply(turn: Turn) -> Reply | None:
            nonlocal done
            if done or not turn.is_request or turn.method != method:
                return None
            done = True
            return bend(turn)

        return Behaviour(reply=reply)

    return begin


def _large(turn: Turn) -> Reply:
    result = {"content": [{"type": "text", "text": "x" * _LARGE}]}
    return turn.result(complete(turn.scene.revision, result, caches=False))


def _telling(turn: Turn) -> Reply:
    return replace(turn.usual(), before=(_CHANGED,))


def _declares_changes(result: dict[str, Any]) -> dict[str, Any]:
    return result | {"capabilities": result["capabilities"] | {"tools": {"listChanged": True}}}


def _tells(scene: Scene) -> Behaviour:
    return replace(_first(_CALL, _telling)(scene), opening=_declares_changes)


def _loud(turn: Turn) -> Reply:
    return replace(turn.usual(), before=(Noise(b"debug: nothing to see here\n" * (_LOUD // 27)),))


def _noisy(turn: Turn) -> Reply:
    return replace(turn.usual(), before=(Raw(b"cache: 3 entries loaded\n"),))


def _as_event(turn: Turn, *pieces: bytes) -> Reply:
    usual = turn.usual()
    return replace(usual, response=None, before=tuple(Raw(piece) for piece in pieces), streams=True)


def _crlf(turn: Turn) -> Reply:
    return _as_event(turn, b"event: message\r\ndata: " + json.dumps(turn.usual().response).encode() + b"\r", b"\n\r\n")


def _pieced(turn: Turn) -> Reply:
    lines = json.dumps(turn.usual().response, indent=1).encode().split(b"\n")
    return _as_event(turn, b"".join(b"data:" + line + b"\n" for line in lines) + b"\n")


def _odd_offer(revision: Revision) -> Offer:
    usual = usual_offer(revision)
    return replace(usual, tools=((_ODD, *usual.tools[0]), *usual.tools[1:]))


def _circle(scene: Scene) -> Behaviour:
    pages = 0

    def reply(turn: Turn) -> Reply | None:
        nonlocal pages
        if not turn.is_request or turn.method != _LIST or turn.params.get("cursor") not in (None, ROUND):
            return None
        pages += 1
        tools = {"tools": [{"name": "greet", "inputSchema": EMPTY_SCHEMA}]}
        more = {"nextCursor": ROUND} if pages < _PAGES else {}
        return turn.result(complete(scene.revision, tools | more, caches=True))

    return Behaviour(reply=reply)


LARGE_RESULT = Scenario(
    "large-result",
    "answers the first call with a text of a megabyte",
    _first(_CALL, _large),
    transports=("stdio", "http", "sse"),
    apart=True,
)
TELLING = Scenario(
    "told-amid-call",
    "tells that its tools have changed while it is called for the first time",
    _tells,
    binds=legacy,
    apart=True,
)
LOUD = Scenario(
    "loud",
    "writes a quarter of a megabyte to standard error before it answers the first list of tools",
    _first(_LIST, _loud),
    transports=("stdio",),
    apart=True,
)
NOISY = Scenario(
    "noisy",
    "writes a line that is no message to standard output before it answers the first list of tools",
    _first(_LIST, _noisy),
    transports=("stdio",),
    apart=True,
)
CRLF_EVENTS = Scenario(
    "crlf-events",
    "ends the lines of its streams of events with CR LF, cut between the two",
    _first(_LIST, _crlf),
    binds=_streamable,
    transports=("http",),
    apart=True,
)
PIECED_EVENTS = Scenario(
    "pieced-events",
    "sends an event without a type, whose message is spread over several lines of data",
    _first(_LIST, _pieced),
    binds=_streamable,
    transports=("http",),
    apart=True,
)
ODD_TOOL = Scenario(
    "odd-tool",
    "lists a tool whose inputSchema is not of type object before others that are in order",
    lambda _: Behaviour(offer=_odd_offer),
    apart=True,
)
CIRCLE = Scenario(
    "cursor-circle",
    f"gives the same tool and the same cursor on each page of its list, {_PAGES} times",
    _circle,
    needs=follows,
    apart=True,
)
