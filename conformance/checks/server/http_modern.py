"""Checks of `basic/transports/streamable-http` of 2026-07-28: headers that mirror the body, statuses, no sessions."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from conformance.check import check
from conformance.expect import Blocked, Inapplicable, Mismatch, expect, expect_status
from conformance.http_exchanges import exchanges
from conformance.http_reply import HttpRequest
from conformance.links import Answer
from conformance.peer import Peer, encode
from conformance.twins import expect_served, need_served
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.lifecycle import PROTOCOL_VERSION as VERSION_FIELD
from reference_impl.protocol.revisions import LATEST_LEGACY
from reference_impl.protocol.streamable import LAST_EVENT_ID, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID, SSE_TYPE

_MISMATCH = {-32020}


def expect_mismatch(answer: Answer, what: str, codes: frozenset[int] | set[int] = _MISMATCH) -> None:
    """Expect HTTP 400 with HeaderMismatch (or another of `codes`). Raises `Mismatch`."""
    if answer.status != 400 or answer.code not in codes:
        wanted = " or ".join(str(code) for code in sorted(codes, reverse=True))
        raise Mismatch(f"HTTP 400 with error {wanted} for {what}", answer.describe(), [answer.entry.index])


async def need_named(peer: Peer) -> tuple[dict[str, Any], str]:
    """Return a request of a method that has a name in a header, which the server serves, and that name.

    Raises `Inapplicable` if the server offers nothing by name, `Blocked` if nothing of it can be asked for.
    """
    offered = [*peer.surface.tools, *peer.surface.resources, *peer.surface.prompts]
    if not offered:
        raise Inapplicable("the target lists no tools, resources or prompts")
    for method, params, name in _named(peer):
        message = peer.message(method, params)
        answer = await peer.call(message)
        if isinstance(answer.result, dict):
            return peer.message(method, params), name
    raise Blocked("no tool, resource or prompt could be asked for with success")


def _named(peer: Peer) -> Iterator[tuple[str, dict[str, Any], str]]:
    for resource in peer.surface.resources[:2]:
        if isinstance(resource.get("uri"), str):
            yield "resources/read", {"uri": resource["uri"]}, resource["uri"]
    try:
        call = peer.surface.need_call()
        yield "tools/call", call.params, str(call.tool["name"])
    except (Blocked, Inapplicable):
        pass
    try:
        prompt, arguments = peer.surface.need_prompt()
        yield "prompts/get", {"name": prompt["name"], "arguments": arguments}, str(prompt["name"])
    except Blocked:
        pass


@check("http.mcp-method-missing", "http.mirror.required")
async def method_missing(peer: Peer) -> None:
    """A request without Mcp-Method is refused with HeaderMismatch."""
    await need_served(peer)
    answer = await peer.call(peer.message(peer.cheap_method), headers={METHOD: None}, defect="no Mcp-Method")
    expect_mismatch(answer, "a request without Mcp-Method")


@check("http.mcp-method-mismatch", "http.mirror.match")
async def method_mismatch(peer: Peer) -> None:
    """A request whose Mcp-Method names another method is refused with HeaderMismatch."""
    await need_served(peer)
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={METHOD: "tools/list"}, defect="a Mcp-Method of another method"
    )
    expect_mismatch(answer, f"Mcp-Method: tools/list with the body of {peer.cheap_method}")


@check("http.mcp-name-missing", "http.mirror.required")
async def name_missing(peer: Peer) -> None:
    """A request for something by its name, without Mcp-Name, is refused with HeaderMismatch."""
    message, name = await need_named(peer)
    answer = await peer.call(message, headers={NAME: None}, defect="no Mcp-Name")
    expect_mismatch(answer, f"a {message['method']} of {name} without Mcp-Name")


@check("http.mcp-name-mismatch", "http.mirror.match")
async def name_mismatch(peer: Peer) -> None:
    """A request whose Mcp-Name says another name than its body, plainly or encoded, is refused with HeaderMismatch."""
    message, name = await need_named(peer)
    for value in ("touchstone-another", _sentinel("touchstone-another")):
        again = message | {"id": peer.new_id()}
        answer = await peer.call(again, headers={NAME: value}, defect="a Mcp-Name of something else")
        expect_mismatch(answer, f"Mcp-Name: {value} with a body that names {name}")


@check("http.mcp-name-encoded", "http.mirror.decoded")
async def name_encoded(peer: Peer) -> None:
    """A Mcp-Name in the Base64 form is decoded and found equal to the name in the body."""
    message, name = await need_named(peer)
    answer = await peer.call(message, headers={NAME: _sentinel(name)})
    expect(isinstance(answer.result, dict), f"a result for {name} with Mcp-Name encoded", answer.describe())


def _sentinel(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@check("http.header-names", "http.mirror.names")
async def header_names(peer: Peer) -> None:
    """Names of headers may be written in any mixture of cases."""
    await need_served(peer)
    for spell in (str.upper, str.title):
        message = peer.message(peer.cheap_method)
        headers: dict[str, str | None] = {spell(name): value for name, value in peer.headers_for(message).items()}
        answer = await peer.call(message, headers=headers)
        expect(isinstance(answer.result, dict), f"a result with headers such as {spell(METHOD)}", answer.describe())


@check("http.version-header-missing", "http.version.required")
async def version_missing(peer: Peer) -> None:
    """A server without older clients refuses a request that lacks MCP-Protocol-Version."""
    if not peer.modern_only:
        raise Inapplicable("the target speaks older revisions too, so it may take the request for one of those")
    await need_served(peer)
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={PROTOCOL_VERSION: None}, defect="no MCP-Protocol-Version"
    )
    expect_mismatch(answer, "a request without MCP-Protocol-Version")


@check("http.version-mismatch", "http.version.match")
async def version_mismatch(peer: Peer) -> None:
    """A request whose metadata names another version than MCP-Protocol-Version is refused with HeaderMismatch."""
    await need_served(peer)
    message = peer.message(peer.cheap_method, meta={VERSION_FIELD: LATEST_LEGACY.name})
    answer = await peer.call(message, defect="a version in _meta other than in the header")
    # A version without requests that describe themselves is also one that cannot be served so: either rule may win.
    expect_mismatch(answer, f"{LATEST_LEGACY} in _meta under MCP-Protocol-Version: {peer.revision}", {-32020, -32022})


@check("http.status-of-malformed", "http.status.malformed")
async def status_of_malformed(peer: Peer) -> None:
    """A request without metadata, or without a field of it that is required, is refused with HTTP 400."""
    await need_served(peer)
    meta = peer.message(peer.cheap_method)["params"]["_meta"]
    rest = {name: value for name, value in meta.items() if name != CLIENT_CAPABILITIES}
    spoiled: dict[str, dict[str, Any]] = {"no _meta": {}, "no clientCapabilities in _meta": {"_meta": rest}}
    judged = 0
    for what, params in spoiled.items():
        answer = await peer.call(peer.message(peer.cheap_method) | {"params": params}, defect=what)
        if answer.code in (-32602, -32020):
            expect_status(answer.status or 0, {400}, f"a request with {what}")
            judged += 1
    if not judged:
        raise Blocked(f"the server does not refuse it as the revision has it: {answer.describe()}")


@check("http.get-delete-405", "http.legacy.methods")
async def get_delete_405(peer: Peer) -> None:
    """GET and DELETE get HTTP 405."""
    _need_modern_only(peer)
    for method, accept in (("GET", SSE_TYPE), ("DELETE", None)):
        headers = {**peer.headers_for(None), "accept": accept, "content-type": None}
        async with peer.http.opened(HttpRequest(method, headers=headers), peer.patience.answer) as live:
            expect_status(live.head.status or 0, {405}, method)


def _need_modern_only(peer: Peer) -> None:
    if not peer.modern_only:
        raise Inapplicable("the target speaks older revisions too, where this has a meaning")


@check("http.session-ignored", "http.legacy.session")
async def session_ignored(peer: Peer) -> None:
    """A session id in a request is ignored, and no reply carries one."""
    _need_modern_only(peer)
    await need_served(peer)
    await expect_served(peer, {SESSION_ID: "touchstone-no-session"}, "Mcp-Session-Id")
    for exchange in exchanges(peer.conversation):
        given = exchange.header(SESSION_ID)
        if given is not None:
            raise Mismatch("replies without Mcp-Session-Id", f"Mcp-Session-Id: {given}", exchange.evidence)


@check("http.last-event-id-ignored", "http.legacy.resumption")
async def last_event_id_ignored(peer: Peer) -> None:
    """A Last-Event-ID in a request is ignored."""
    _need_modern_only(peer)
    await need_served(peer)
    await expect_served(peer, {LAST_EVENT_ID: "touchstone-0"}, "Last-Event-ID")


@check("http.response-posted", "http.response.refused")
async def response_posted(peer: Peer) -> None:
    """A response that a client posts is refused or ignored, and not answered with a result."""
    body = encode({"jsonrpc": "2.0", "id": peer.new_id(), "result": {}})
    reply = await peer.post(body, defect="a response, which clients do not send")
    refused = reply.status >= 400 or (reply.final is not None and "error" in reply.final.value)
    ignored = reply.status == 202 and not reply.body
    expect(refused or ignored, "an error, or HTTP 202 without a body, for a posted response", reply.describe())
    await peer.fence()
