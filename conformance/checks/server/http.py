"""Checks of Streamable HTTP that hold in every revision: what a POST may look like, and who gets whose answer."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from functools import partial

import anyio

from conformance.check import check
from conformance.checks.fences import NOTE, need_notes_borne
from conformance.expect import Blocked, expect
from conformance.http_reply import HttpReply
from conformance.links import Answer, Gone
from conformance.peer import Peer, encode
from conformance.together import together
from conformance.twins import expect_served, need_another, need_served
from reference_impl.protocol.streamable import JSON_TYPE, METHOD, SSE_TYPE

_LARGE = 1 << 20
_CLIENTS = 4
_ROUNDS = 3
_MOST = 0.75
"""The part of a slow call for which somebody who is blocked by it waits at least."""
_SLOW_SECONDS = 1.0
_PINGS = 300
_NEAR_SECONDS = 0.2
"""A network whose idle round trip takes longer than this is too slow to see who waits for whom."""
_TRIPS = 8
"""Round trips of which one has to be as quick: others are slow where a machine is busy, which is not the network."""


@check("http.accept-any-order", "http.accept.order")
async def accept_any_order(peer: Peer) -> None:
    """The two media types of Accept may come in any order and with weights."""
    await need_served(peer)
    for value in (f"{SSE_TYPE}, {JSON_TYPE}", f"{JSON_TYPE};q=0.9, {SSE_TYPE};q=0.8", f"{JSON_TYPE},{SSE_TYPE}"):
        await expect_served(peer, {"accept": value}, f"Accept: {value}")


@check("http.content-type-charset", "http.content-type.charset")
async def content_type_charset(peer: Peer) -> None:
    """A content type of application/json may have a charset parameter."""
    await need_served(peer)
    for value in (f"{JSON_TYPE}; charset=utf-8", f"{JSON_TYPE};charset=UTF-8"):
        await expect_served(peer, {"content-type": value}, f"Content-Type: {value}")


@check("http.malformed-json", "http.malformed")
async def malformed_json(peer: Peer) -> None:
    """A POST whose body is no JSON is refused, and the server serves on."""
    headers = {METHOD: peer.cheap_method} if peer.revision.mirrored_headers else {}
    for body in (b'{"jsonrpc": "2.0", "id": 1, "method": ', b"\xff\xfe", b""):
        reply = await peer.post(body, headers, defect="a body that is no JSON")
        expect(_refused(reply), "a 4xx status or a JSON-RPC error for a body that is no JSON", reply.describe())
    await peer.fence()


def _refused(reply: HttpReply) -> bool:
    if 400 <= reply.status < 500:
        return True
    return reply.status == 200 and any("error" in entry.value for entry in reply.messages if entry.is_response())


@check("http.large-body", "http.large")
async def large_body(peer: Peer) -> None:
    """A request of one MiB is served, or refused with 413, and the server serves on."""
    await need_served(peer)
    message = peer.message(peer.cheap_method, meta={NOTE: "a" * _LARGE})
    try:
        answer = await peer.call(message)
    except Gone as gone:
        await peer.fence()
        raise Blocked(f"the connection ended before the answer could be read: {gone.actual}") from None
    served = isinstance(answer.result, dict) or answer.status == 413
    if not served:
        await need_notes_borne(peer)
    expect(served, "a result or HTTP 413 for a request of one MiB", answer.describe())
    await peer.fence()


@check("http.batch-refused", "http.batch.refused")
async def batch_refused(peer: Peer) -> None:
    """An array of requests, which the revision does not have, is refused and not served."""
    await need_served(peer)
    batch = [peer.message(peer.cheap_method), peer.message(peer.cheap_method)]
    headers = {METHOD: peer.cheap_method} if peer.revision.mirrored_headers else {}
    reply = await peer.post(encode(batch), headers, defect="a batch")
    expect(_refused(reply), "an error for a batch", reply.describe())


@check("http.connection-each", "http.connection.any", "http.connection.modern")
async def connection_each(peer: Peer) -> None:
    """Requests that belong together may each come on a TCP connection of their own."""
    await need_served(peer)
    for _ in range(5):
        await expect_served(peer, {"connection": "close"}, "a connection of its own")


@check("http.isolation", "http.isolation.collision")
async def isolation(peer: Peer) -> None:
    """Clients that use the same request id at the same time each get the answer to their own request."""
    call, member = peer.surface.need_echo()

    async def ask(client: Peer, identifier: int, marker: str) -> Answer:
        params = {"name": call.tool["name"], "arguments": {**call.arguments, member: marker}}
        return await client.request("tools/call", params, id=identifier)

    alone = await ask(peer, peer.new_id(), "touchstone-alone")
    if "touchstone-alone" not in json.dumps(alone.result):
        raise Blocked(f"the tool {call.tool['name']} does not repeat its argument {member}, so answers look alike")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(need_another(peer)) for _ in range(_CLIENTS)]
        for _ in range(_ROUNDS):
            identifier = peer.new_id()
            markers = [f"touchstone-{identifier}-{number}" for number in range(_CLIENTS)]
            asked = zip(clients, markers, strict=True)
            answers = await together(*(partial(ask, client, identifier, marker) for client, marker in asked))
            for answer, marker in zip(answers, markers, strict=True):
                text = json.dumps(answer.message, default=repr)
                foreign = [other for other in markers if other in text and other != marker]
                expect(not foreign, f"an answer with the marker {marker} and no other client's", answer.describe())
                if marker not in text:
                    raise Blocked(f"a call was not served beside others: {answer.describe()}")


async def _need_near(peer: Peer) -> None:
    """Raise `Blocked` if no round trip is quick."""
    for _ in range(_TRIPS):
        started = anyio.current_time()
        await peer.fence()
        if anyio.current_time() - started <= _NEAR_SECONDS:
            return
    raise Blocked(f"a round trip takes more than {_NEAR_SECONDS:g} s even while nothing else runs")


@check("http.slow-call-blocks-nobody", "http.concurrency")
async def slow_call_blocks_nobody(peer: Peer) -> None:
    """While one client's call takes its time, another client's requests are answered."""
    call = peer.surface.need_slow(_SLOW_SECONDS)
    async with need_another(peer) as other:
        await _need_near(other)
        done = anyio.Event()

        async def slow() -> float:
            begun = anyio.current_time()
            await peer.request("tools/call", call.params)
            done.set()
            return anyio.current_time() - begun

        async def quick() -> float:
            longest = 0.0
            for _ in range(_PINGS):
                if done.is_set():
                    break
                begun = anyio.current_time()
                await other.fence()
                longest = max(longest, anyio.current_time() - begun)
            return longest

        seconds, longest = await together(slow, quick)
    if seconds < _SLOW_SECONDS / 2:
        raise Blocked(f"the call of {call.tool['name']} took only {seconds:.2f} s")
    actual = f"an answer that took {longest:.1f} s of the {seconds:.1f} s of the call"
    # On a machine that is slow both take longer; who is blocked waits for nearly all of the call.
    bound = max(_SLOW_SECONDS / 2, _MOST * seconds)
    expect(longest < bound, "another client's requests answered during the call", actual)
