"""A server of the handshake's era that asks back for all that there is, before it answers the first call of a tool.

Clients are asked for what they declared, and for each kind that they did not declare once, which they are to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from conformance.clients import forms
from conformance.clients.offer import EMPTY_SCHEMA, Offer
from conformance.clients.reply import Message, Reply, Step, Wait
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Listener, Scenario, Scene, Turn, legacy
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

__all__ = ["COMPLETE", "LAST_PING", "NO_PROMPTS", "PAGE", "SCENARIO"]

COMPLETE = "notifications/elicitation/complete"
LAST_PING = "ask-ping-last"
"""The question after the news of things that the client does not know."""
PAGE = "page"
"""The listener at which a page is to be opened."""
NO_PROMPTS: Message = {"tools": {}, "resources": {}}
"""Capabilities without prompts, so that it shows who asks for them all the same."""
_NAMES = ("test_client_elicitation_defaults", "add_numbers", "greet")
"""The first and the second are those that clients for the official suite call."""


def _offer(_: Revision) -> Offer:
    return Offer((tuple({"name": name, "inputSchema": EMPTY_SCHEMA} for name in _NAMES),), capabilities=NO_PROMPTS)


def _request(identifier: str, method: str, params: Message | None = None) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "method": method} | ({} if params is None else {"params": params})


def _elicitations(scene: Scene, declared: Any) -> Iterator[Message]:
    revision = scene.revision
    if not revision.elicitation:
        return
    mode = "form" if revision.url_elicitation else None
    page = forms.page(f"{scene.urls[PAGE]}/open", revision)
    asked = [("form", forms.form(forms.FORM, mode)), ("defaults", forms.form(forms.DEFAULTS_FORM, mode))]
    if revision.url_elicitation:
        asked += [("modeless", forms.form(forms.FORM)), ("url", page)]
    for name, params in asked if declared is not None else asked[:1]:
        yield _request(f"ask-{name}", "elicitation/create", params)


def _samplings(scene: Scene, declared: Any) -> Iterator[Message]:
    asked = {"sample": forms.SAMPLE}
    if declared is not None:
        asked["garbage"] = forms.GARBAGE
        if scene.revision.url_elicitation and "tools" in declared:
            asked |= {"missing": forms.unanswered_tools(), "mixed": forms.mixed_results()}
        elif scene.revision.url_elicitation:
            asked["tools"] = forms.with_tools()
    for name, params in asked.items():
        yield _request(f"ask-{name}", "sampling/createMessage", params)


def _questions(scene: Scene) -> Iterator[Step]:
    declared = scene.conversation.capabilities
    first = [
        *_elicitations(scene, _object(declared.get("elicitation"))),
        *_samplings(scene, _object(declared.get("sampling"))),
        _request("ask-roots", "roots/list"),
    ]
    yield from first
    yield Wait(lambda: scene.answered(*(message["id"] for message in first)))
    if scene.revision.url_elicitation and "elicitation" in declared:
        unknown = {"jsonrpc": "2.0", "method": COMPLETE, "params": {"elicitationId": "touchstone-never-asked"}}
        yield _request("ask-ping", "ping")
        yield from (unknown, unknown)
    yield _request(LAST_PING, "ping")
    if "roots" in declared:
        yield _request("ask-roots-again", "roots/list")


def _object(declared: Any) -> Any:
    """Return a declared capability as an object; None where it was not declared."""
    return declared if isinstance(declared, dict) or declared is None else {}


def _begin(scene: Scene) -> Behaviour:
    asked = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal asked
        if asked or not turn.is_request or turn.method != "tools/call":
            return None
        asked = True
        return replace(turn.usual(), before=tuple(_questions(scene)))

    return Behaviour(reply=reply, offer=_offer, official="elicitation-sep1034-client-defaults")


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "asks",
    "asks for input by forms and by a page, for samples, and for roots, before it answers the first call of a tool;"
    " what the client did not declare it asks for once",
    _begin,
    binds=legacy,
    listeners=(Listener(PAGE),),
    needs=_needs,
)
