"""What a target offers to those who put it under load: calls that may be made, out of what a first look found."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from conformance import target as targets
from conformance.scout import Scouted
from conformance.surface import Permission, Surface, ToolCall, free_string, lasting, prompt_arguments
from conformance.trials import Tried, asks, quick_calls
from loadtest.scenario import Offer, Sized, Transport
from loadtest.workload import MARKER, Operation
from reference_impl.protocol.methods import PAGINATED
from reference_impl.protocol.revisions import Revision

__all__ = ["offer_of", "scopes_of"]

_TRANSPORTS: dict[type, Transport] = {
    targets.HttpTarget: "http",
    targets.StdioTarget: "stdio",
    targets.SseTarget: "sse",
    targets.WebSocketTarget: "ws",
}
_SLOW_SECONDS = 1
_TIMES = ("seconds", "duration", "delay", "duration_seconds", "time")
_SIZES = ("size", "bytes", "length", "characters", "chars")
_PROGRESS = ("progress", "long-running", "long_running")
_CHANGING = ("list_changed", "list-changed", "toggle", "add_tool", "register")
_LIMITS = {"enum", "const", "pattern", "format", "maxLength", "default", "examples"}
"""Keywords that say more of a string than that it is one: whoever wrote them wants no text of ours."""


def offer_of(target: targets.Target, scouted: Scouted, revision: Revision, tokens: int = 1) -> Offer:
    """Return what the target offers at a revision that was looked at; `tokens` are made at most, where they can be."""
    surface = scouted.surfaces[revision.name]
    capabilities = dict(scouted.capabilities[revision.name])
    calls = list(surface.calls())
    quick = list(quick_calls(surface))
    tried = scouted.tried.get(revision.name, Tried())
    return Offer(
        revision=revision.name,
        transport=_TRANSPORTS[type(target)],
        capabilities=capabilities,
        cheap=_plain("server/discover" if revision.modern else "ping"),
        tools=tuple(tool["name"] for tool in surface.tools if isinstance(tool.get("name"), str)),
        calls=tuple(_operation(call, surface.permission) for call in calls),
        quick=tuple(_operation(call, surface.permission) for call in quick),
        texts=tuple(_texts(quick)),
        echo=_echo(scouted, revision),
        proven=None if tried.answered is None else _operation(tried.answered, surface.permission),
        refused=tried.refused,
        slow=tuple(_slow(calls)),
        progress=tuple(_operation(call, surface.permission) for call in calls if _named(call, _PROGRESS)),
        asking=tuple(_asking(surface, calls)),
        large=tuple(_large(calls)),
        changing=tuple(_operation(call, surface.permission) for call in calls if _named(call, _CHANGING)),
        lists=tuple(_plain(method) for method in PAGINATED if method.partition("/")[0] in capabilities),
        tokens=_tokens(target, tokens),
        expired=target.identities.expired if isinstance(target, targets.HttpTarget) else None,
        prompts=tuple(_prompts(surface)),
        permitted={tool["name"]: _schema(tool) for tool in surface.tools if surface.permission.grants(tool)},
        resources=tuple(each["uri"] for each in surface.resources if isinstance(each.get("uri"), str)),
    )


def _plain(method: str) -> Operation:
    return Operation(name=method, method=method)


def _echo(scouted: Scouted, revision: Revision) -> Sized | None:
    if revision.name not in scouted.echoes:
        return None
    call, member = scouted.echoes[revision.name]
    arguments = {**call.arguments, member: f"touchstone {MARKER}"}
    return Sized(operation=_call(ToolCall(call.tool, arguments), echoes=True), argument=member)


def _texts(calls: list[ToolCall]) -> Iterator[Sized]:
    for call in calls:
        member = free_string(call.tool.get("inputSchema"))
        if member is not None:
            arguments = {**call.arguments, member: f"touchstone {MARKER}"}
            yield Sized(operation=_call(ToolCall(call.tool, arguments)), argument=member)


def _tokens(target: targets.Target, count: int) -> tuple[str, ...]:
    """Return the token that the target is given anyway, then others that are as good and that it never saw."""
    if not isinstance(target, targets.HttpTarget) or target.token is None:
        return ()
    known, mint, second = target.token, target.identities.mint, target.identities.second
    if mint is None:
        return (known,) if second is None else (known, second)
    scopes = scopes_of(known)
    return (known, *(mint(scopes) for _ in range(count - 1)))


def scopes_of(token: str) -> list[str]:
    """Return the scopes that a JWT claims, unverified; none where it is no JWT (RFC 9068, section 2.2.3)."""
    parts = token.split(".")
    if len(parts) != 3:
        return []
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return []
    scope = claims.get("scope") if isinstance(claims, dict) else None
    return scope.split() if isinstance(scope, str) else []


def _slow(calls: list[ToolCall]) -> Iterator[Sized]:
    for call in calls:
        made = lasting(call, _SLOW_SECONDS)
        argument = None if made is None else next((name for name in _TIMES if name in made.arguments), None)
        if made is not None and argument is not None:
            yield Sized(operation=_call(made), argument=argument)


def _large(calls: list[ToolCall]) -> Iterator[Sized]:
    for call in calls:
        members = _members(call)
        for name in _SIZES:
            if isinstance(members.get(name), dict) and members[name].get("type") in ("integer", "number"):
                yield Sized(operation=_call(ToolCall(call.tool, {**call.arguments, name: 1})), argument=name)
                break


def _asking(surface: Surface, calls: list[ToolCall]) -> Iterator[Operation]:
    for call in calls:
        if asks(surface, call):
            yield _operation(call, surface.permission)


def _prompts(surface: Surface) -> Iterator[Operation]:
    for prompt in surface.prompts:
        if isinstance(prompt.get("name"), str):
            params = {"name": prompt["name"], "arguments": prompt_arguments(prompt)}
            yield Operation(name=f"prompts/get {prompt['name']}", method="prompts/get", params=params)


def _named(call: ToolCall, words: tuple[str, ...]) -> bool:
    return any(word in call.tool["name"].lower() for word in words)


def _operation(call: ToolCall, permission: Permission) -> Operation:
    """Return a call that is different each time, where that is safe: in texts that nobody has a say in."""
    if call.tool["name"] in permission.samples:
        return _call(call)
    members = _members(call)
    varied = {
        name: f"touchstone {MARKER}" if isinstance(value, str) and _is_free(members.get(name)) else value
        for name, value in call.arguments.items()
    }
    return _call(ToolCall(call.tool, varied))


def _is_free(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "string" and not schema.keys() & _LIMITS


def _members(call: ToolCall) -> dict[str, Any]:
    schema = call.tool.get("inputSchema")
    members = schema.get("properties") if isinstance(schema, dict) else None
    return members if isinstance(members, dict) else {}


def _call(call: ToolCall, *, echoes: bool = False) -> Operation:
    name = f"tools/call {call.tool['name']}"
    return Operation(name=name, method="tools/call", params=call.params, echoes=echoes, schema=_schema(call.tool))


def _schema(tool: dict[str, Any]) -> dict[str, Any] | None:
    schema = tool.get("inputSchema")
    return schema if isinstance(schema, dict) else None
