"""Checks of `basic/index`: messages, ids and errors on any transport."""

from __future__ import annotations

from functools import partial

from conformance.check import Sharing, check
from conformance.checks.fences import NOTE, all_answered, need_notes_borne, serves_after
from conformance.expect import Mismatch, brief, expect_equal, expect_error, literal
from conformance.links import Answer
from conformance.monitors.traffic import key
from conformance.peer import Peer, encode

_TOGETHER = 10
_LARGEST = 2**53 - 1
"""The largest integer that every JSON library keeps exactly (RFC 8259, section 6)."""
_TEXTS = ("", "é\u2028\u0085中😀", "x" * 300)
_LINE_ENDS = 'line\u2028paragraph\u2029next\u0085quote" backslash\\ astral 😀 last'


@check("base.id.string", "base.response.id-echo", "base.response.id-echo-legacy")
async def string_id(peer: Peer) -> None:
    """A string id that looks like a number comes back as that string."""
    identifier = str(peer.new_id())
    answer = await peer.request(peer.cheap_method, id=identifier)
    expect_equal(_id_of(answer), identifier, "the response id")


@check("base.id.integers", "base.response.id-echo", "base.response.id-echo-legacy")
async def integer_ids(peer: Peer) -> None:
    """Integer ids come back exactly: zero, a negative one, the largest safe one."""
    for identifier in (0, -peer.new_id(), _LARGEST):
        answer = await peer.request(peer.cheap_method, id=identifier)
        if key(_id_of(answer)) != key(identifier):
            raise Mismatch(f"the response id {identifier}", literal(_id_of(answer)), [answer.entry.index])


@check("base.id.texts", "base.response.id-echo", "base.response.id-echo-legacy")
async def text_ids(peer: Peer) -> None:
    """String ids come back exactly: an empty one, a long one, one beyond ASCII."""
    for identifier in _TEXTS:
        answer = await peer.request(peer.cheap_method, id=identifier)
        expect_equal(_id_of(answer), identifier, "the response id")


def _id_of(answer: Answer) -> object:
    return answer.message.get("id") if isinstance(answer.message, dict) else answer.describe()


@check("base.notification.unknown", "base.notification.unknown-ignored", sharing=Sharing.ALONE)
async def unknown_notification(peer: Peer) -> None:
    """An unknown notification is ignored."""
    await peer.notify("notifications/touchstone/unknown", {"anything": [1, None]})
    await serves_after(peer, "an unknown notification")


@check("base.id.null", "base.id.null-not-executed", sharing=Sharing.FRESH)
async def null_id(peer: Peer) -> None:
    """A request whose id is null is refused or ignored, and does no harm."""
    await peer.tell({"jsonrpc": "2.0", "id": None, **_without_id(peer)}, "an id that is null")
    await serves_after(peer, "a request with a null id")
    await peer.fence()  # a target that answers side by side may have overtaken itself once
    for entry in peer.heard:
        if entry.is_response() and entry.value.get("id") is None and "result" in entry.value:
            raise Mismatch("an error or nothing for a request with a null id", brief(entry.value), [entry.index])


def _without_id(peer: Peer) -> dict[str, object]:
    message = peer.message(peer.cheap_method)
    return {name: message[name] for name in ("method", "params") if name in message}


@check("base.method.unknown", "base.error.method-not-found")
async def unknown_method(peer: Peer) -> None:
    """A request for an unknown method gets error -32601."""
    answer = await peer.request("touchstone/no-such-method")
    expect_error(answer, {-32601}, "an unknown method")


@check("base.concurrent", "base.response.every-request", "base.stateless.interleaved")
async def concurrent(peer: Peer) -> None:
    """Requests that are sent without waiting for answers are all answered."""
    identifiers = [f"touchstone-together-{number}" for number in range(_TOGETHER)]
    await all_answered([partial(peer.request, peer.cheap_method, id=identifier) for identifier in identifiers])


@check("base.unicode", "base.encoding.any-character")
async def unicode(peer: Peer) -> None:
    """A string may hold any character, also those that some libraries take for line ends."""
    answer = await peer.request(peer.cheap_method, meta={NOTE: _LINE_ENDS})
    if not isinstance(answer.result, dict):
        await need_notes_borne(peer)
        raise Mismatch(f"a result for {peer.cheap_method}", answer.describe(), [answer.entry.index])


@check("base.batch", "base.batch.not-executed", sharing=Sharing.ALONE)
async def batch(peer: Peer) -> None:
    """An array of requests is not executed, since the revision has no batches."""
    items = [peer.message(peer.cheap_method) for _ in range(2)]
    await peer.stream.hold(encode(items), items, "a batch")
    await serves_after(peer, "a batch")
    for entry in peer.heard:
        answers = entry.value if isinstance(entry.value, list) else [entry.value]
        done = [item for item in answers if isinstance(item, dict) and "result" in item]
        if any(item.get("id") in {each["id"] for each in items} for item in done):
            raise Mismatch("an error or nothing for a batch", brief(entry.value), [entry.index])


@check("base.serves-on", "base.response.every-request", sharing=Sharing.LAST)
async def serves_on(peer: Peer) -> None:
    """The target still answers after everything else was tried on it."""
    await peer.fence()
