"""Checks of `basic/patterns/subscriptions`: opening a stream of notices, and ending it.

A server that declares nothing that could change may refuse to be listened to. One that does is listened to with a
filter made of its own declarations.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import anyio

from conformance.capabilities import declares
from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_equal
from conformance.links import Silence
from conformance.listening import ACKNOWLEDGED, is_acknowledgement, listening, shown
from conformance.peer import Peer
from conformance.transcript import Entry
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID

_FLAGS = {
    "toolsListChanged": "tools.listChanged",
    "promptsListChanged": "prompts.listChanged",
    "resourcesListChanged": "resources.listChanged",
}
"""Filter member to the capability that stands behind it."""


@check(
    "subscriptions.acknowledged", "subscriptions.acknowledged", "subscriptions.nothing-before", sharing=Sharing.ALONE
)
async def acknowledged(peer: Peer) -> None:
    """A listen request for what is declared is first of all acknowledged, under its own id."""
    wanted = wanted_of(peer)
    async with listening(peer, wanted) as listen:
        first = await listen.first()
        if "resourceSubscriptions" in wanted and "error" in first.value:
            raise Blocked(f"the server lets this resource not be watched: {shown(first)}")
        if not is_acknowledgement(first):
            raise Mismatch(f"{ACKNOWLEDGED} before anything else", shown(first), [first.index])
        expect_equal(_meta(first).get(SUBSCRIPTION_ID), listen.id, "the subscription id")


@check("subscriptions.subset", "subscriptions.subset", sharing=Sharing.ALONE)
async def subset(peer: Peer) -> None:
    """An acknowledgement promises nothing that was not asked for."""
    name, value = next(iter(wanted_of(peer).items()))
    async with listening(peer, {name: value}) as listen:
        first = await listen.first()
        if not is_acknowledgement(first):
            raise Blocked(f"the listen request was not acknowledged: {shown(first)}")
        promised = _object(_params(first).get("notifications"))
        more = {key: item for key, item in promised.items() if key != name and item}
        if more:
            raise Mismatch(f"an acknowledgement of {name} alone", brief(promised), [first.index])


@check("subscriptions.undeliverable", "subscriptions.undeliverable", sharing=Sharing.ALONE)
async def undeliverable(peer: Peer) -> None:
    """Who never has anything to tell refuses to be listened to, or promises nothing."""
    if any(declares(peer.capabilities, path) for path in (*_FLAGS.values(), "resources.subscribe")):
        raise Inapplicable("the target declares that something may change")
    async with listening(peer, {"toolsListChanged": True}) as listen:
        first = await listen.first()
        promised = _params(first).get("notifications") if is_acknowledgement(first) else None
        if _object(promised).get("toolsListChanged"):
            raise Mismatch("an error, or an acknowledgement of nothing", shown(first), [first.index])


@check("subscriptions.cancelled", "subscriptions.cancelled", sharing=Sharing.ALONE)
async def cancelled(peer: Peer) -> None:
    """After the client cancelled it, a subscription is silent and the server serves on."""
    async with listening(peer, wanted_of(peer)) as listen:
        try:
            await listen.first()
        except Silence:
            raise Blocked("the listen request was not acknowledged") from None
        await peer.fence()
        before = len(listen.heard())
        await listen.cancel()
        await peer.fence()
        later = listen.heard()[before:]
        if later:
            raise Mismatch("nothing more about a cancelled subscription", shown(later[0]), [later[0].index])


@check("subscriptions.closed", "subscriptions.ended", "cancellation.server.subscription", sharing=Sharing.ENDING)
async def closed(peer: Peer) -> None:
    """A server that shuts down in order ends its subscriptions first: by a result, or at least by a cancellation."""
    wanted, process = wanted_of(peer), peer.process
    if process is None:
        raise Blocked("only a process that Touchstone started can be told to end")
    async with listening(peer, wanted) as listen:
        first = await listen.first()
        if not is_acknowledgement(first):
            raise Blocked(f"the listen request was not acknowledged: {shown(first)}")
        os.killpg(process.pid, signal.SIGTERM)  # the process leads a group of its own, as `open_process` made it
        with anyio.move_on_after(peer.patience.stop):
            await peer.stream.silent.wait()
        if process.returncode is None or process.returncode < 0:
            raise Blocked("SIGTERM brings the process to no orderly end, in which there were something to close")
        if not any(entry.is_response() or _cancels(entry) for entry in listen.heard()):
            mismatch = Mismatch("a result for subscriptions/listen", peer.stream.gone or "silence", [first.index])
            # The pages disagree on the notification, and a process that ends is a third way (`#lifecycle`).
            mismatch.breaks = "subscriptions.ended"
            raise mismatch


def _cancels(entry: Entry) -> bool:
    return entry.is_notification() and entry.value["method"] == "notifications/cancelled"


def wanted_of(peer: Peer) -> dict[str, Any]:
    """Return a filter for what is declared. Raises `Inapplicable` if nothing is.

    A resource is named where nothing else may change: which of those listed can be watched, the server alone knows.
    """
    wanted: dict[str, Any] = {name: True for name, path in _FLAGS.items() if declares(peer.capabilities, path)}
    if not wanted and declares(peer.capabilities, "resources.subscribe") and peer.surface.resources:
        wanted["resourceSubscriptions"] = [peer.surface.need_resource()["uri"]]
    if not wanted:
        raise Inapplicable("the target declares nothing that may change")
    return wanted


def _params(entry: Entry) -> dict[str, Any]:
    return _object(entry.value.get("params"))


def _meta(entry: Entry) -> dict[str, Any]:
    return _object(_params(entry).get("_meta"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
