"""A server with something of everything: names in capitals, icons in odd places, prompts in two pages, completion,
and changes to listen for, of which it tells only some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.clients.offer import EMPTY_SCHEMA, IDENTITY, Offer, complete
from conformance.clients.reply import Message, Reply, Wait
from conformance.clients.scenario import Behaviour, Listener, Scenario, Scene, Turn
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import SERVER_INFO, SUBSCRIPTION_ID
from reference_impl.protocol.revisions import Revision

__all__ = ["CHANGES", "ICON_PATH", "ICON_PLACES", "SCENARIO", "granted"]

ICON_PATH = "/icon.png"
ICON_PLACES: Mapping[str, str] = {"icon-http": "http", "icon-https": "https", "icon-ws": "ws", "icon-ftp": "ftp"}
"""Listeners, and the scheme of the icon that is said to be there. A connection is all that any of them ever sees."""
CHANGES: Message = {"listChanged": True}
_FOREIGN = ("file:///etc/hostname", "javascript:void(0)", "data:image/png;base64,iVBORw0KGgo=")
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_TEMPLATE = {"uriTemplate": "test://texts/{name}", "name": "texts"}
_ARGUMENT = {"name": "name", "required": False}
_SUGGESTED: tuple[Message | None, ...] = ({"values": ["a"]}, {"values": []}, None)
"""What completions hold, one after the other; the last is refused."""


def _icons(scene: Scene) -> list[Message]:
    places = [scene.urls[name].replace("http", scheme, 1) for name, scheme in ICON_PLACES.items()]
    own = [scene.url.removesuffix("/mcp")] if scene.url else []
    return [{"src": f"{place}{ICON_PATH}"} for place in (*own, *places)] + [{"src": source} for source in _FOREIGN]


def _offer(revision: Revision, icons: list[Message]) -> Offer:
    shown: Message = {"icons": icons} if revision.icons else {}
    completes: Message = {"completions": {}} if revision.completions_capability else {}
    changes = CHANGES if revision.modern else {}
    tools = tuple({"name": name, "inputSchema": EMPTY_SCHEMA, **shown} for name in ("Echo_Upper", "greet"))
    resources = ({"uri": "test://texts/one", "name": "one", **shown},)
    *first, last = ({"name": name, "arguments": [_ARGUMENT], **shown} for name in ("hello", "welcome", "goodbye"))
    return Offer(
        (tools,),
        (resources,),
        ((_TEMPLATE,),),
        (tuple(first), (last,)),
        capabilities={"tools": changes, "resources": changes, "prompts": changes, **completes},
    )


def _begin(scene: Scene) -> Behaviour:
    icons = _icons(scene)
    suggested = iter(_SUGGESTED)

    def opening(result: dict[str, Any]) -> dict[str, Any]:
        if not scene.revision.icons:
            return result
        identity = IDENTITY | {"icons": icons}
        return result | ({"_meta": {SERVER_INFO: identity}} if scene.revision.modern else {"serverInfo": identity})

    def reply(turn: Turn) -> Reply | None:
        if turn.is_request and turn.method == "completion/complete" and scene.revision.completions_capability:
            values = next(suggested, None)
            if values is None:
                return turn.error(Code.INTERNAL_ERROR, "Internal error: no completion")
            return turn.result(complete(scene.revision, {"completion": values}, caches=False))
        if turn.is_request and turn.method == "subscriptions/listen" and scene.revision.modern:
            return Reply(200, before=(granted(turn), Wait(seconds=scene.silence)), awaits=False)
        return None

    return Behaviour(opening=opening, reply=reply, offer=lambda revision: _offer(revision, icons))


def granted(turn: Turn) -> Message:
    """Return the acknowledgement of all wishes for changes of lists but one, and of no others."""
    wishes = turn.params.get("notifications")
    wanted = sorted(name for name in wishes if name.endswith("ListChanged")) if isinstance(wishes, dict) else []
    params = {"notifications": dict.fromkeys(wanted[:-1], True), "_meta": {SUBSCRIPTION_ID: turn.message["id"]}}
    return {"jsonrpc": "2.0", "method": _ACKNOWLEDGED, "params": params}


SCENARIO = Scenario(
    "features",
    "has tools with capitals in their names, icons at odd addresses, prompts in two pages, completions of which the"
    " third fails, and tells of one change less than it is asked to",
    _begin,
    listeners=tuple(Listener(name, watched=True) for name in ICON_PLACES),
)
