"""Checks of `basic/index`: messages, ids and errors on any transport."""

from __future__ import annotations

from conformance.check import Sharing, check
from conformance.expect import expect_equal, expect_error
from conformance.peer import Peer


@check("base.id.string", "base.response.id-echo")
async def string_id(peer: Peer) -> None:
    """A string id that looks like a number comes back as that string."""
    identifier = str(peer.new_id())
    answer = await peer.request(peer.cheap_method, id=identifier)
    expect_equal(answer.message.get("id"), identifier, "the response id")


@check("base.method.unknown", "base.error.method-not-found")
async def unknown_method(peer: Peer) -> None:
    """A request for an unknown method gets error -32601."""
    answer = await peer.request("touchstone/no-such-method")
    expect_error(answer, {-32601}, "an unknown method")


@check("base.serves-on", "base.robust.serves-on", sharing=Sharing.LAST)
async def serves_on(peer: Peer) -> None:
    """The target still answers after everything else was tried on it."""
    await peer.fence()
