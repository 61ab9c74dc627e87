"""A move that changes a list, by a tool that suites know for it, and sees that everybody hears of it who may.

Of the handshake era that is whoever has a conversation, on the channel that carries it; over Streamable HTTP nobody
need be told who holds no stream of GET. Of the modern era it is every stream of changes that asked.
"""

from __future__ import annotations

from functools import partial

from conformance.expect import Mismatch
from conformance.properties.machines.paging import named
from conformance.properties.machines.play import Play
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step
from conformance.transcript import Entry
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID

__all__ = ["TRIGGERS", "change"]

TRIGGERS = {
    "tools": "test_trigger_tool_change",
    "prompts": "test_trigger_prompt_change",
    "resources": "test_trigger_resource_change",
}
"""What a list holds to the tool that changes it: names that servers have for suites, and for nothing else."""
_LATEST = 5.0
"""Seconds after a change was seen by which it must have been told of: servers gather changes for some milliseconds."""
_FEATURES = {name: feature for feature, name in TRIGGERS.items()}


async def change(play: Play, seat: Seat, step: Step) -> None:
    """Change a list; whoever asked to be told hears of it."""
    feature = _FEATURES.get((step.params or {}).get("name", ""))
    if seat.ended or feature is None:
        return
    peer = seat.peer
    heard, since = len(peer.heard), len(peer.conversation.entries)
    listed = await named(seat, f"{feature}/list")
    answer = await play.ask(seat, step)
    if listed is None or await named(seat, f"{feature}/list") in (listed, None):
        return
    evidence, wait = [answer.entry.index], min(_LATEST, peer.patience.answer)
    told = partial(_tells, f"notifications/{feature}/list_changed", since)
    for opened, _ in seat.listens.values():
        if opened.filter.get(f"{feature}ListChanged"):
            await opened.wait(partial(told, opened.id), wait)
            if not any(map(partial(told, opened.id), opened.heard())):
                raise _untold(feature, f"the stream {opened.id}", evidence)
    if not peer.revision.modern and not peer.over_http:
        await peer.overhear(partial(told, None), wait, heard)
        if not any(map(partial(told, None), peer.heard[heard:])):
            raise _untold(feature, "the conversation", evidence)


def _tells(method: str, since: int, stream: object, entry: Entry) -> bool:
    """Whether an entry of the transcript, from `since` on, tells of a change, on a stream where one is named."""
    if entry.index < since or not entry.is_notification() or entry.value["method"] != method:
        return False
    meta = (entry.value.get("params") or {}).get("_meta") or {}
    return stream is None or meta.get(SUBSCRIPTION_ID) == stream


def _untold(feature: str, who: str, evidence: list[int]) -> Mismatch:
    wanted = f"notifications/{feature}/list_changed for {who}, since the list has changed"
    mismatch = Mismatch(wanted, "nothing of the kind", evidence)
    mismatch.breaks = f"{feature}.changed.notified"
    return mismatch
