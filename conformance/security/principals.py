"""Two principals of one server: what only one of them is shown, the other does not get by asking for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from conformance.expect import Inapplicable
from conformance.identities import need_second
from conformance.peer import Peer
from conformance.security.probe import Attempt, Caught, Probe, Scene
from conformance.surface import Surface, gather

__all__ = ["PROBE"]

_SOME = 10


async def attempts(scene: Scene) -> Sequence[Attempt]:
    """Find what one principal lists and the other does not, in both directions."""
    peer = await scene.peer()
    async with need_second(peer) as other:
        mine, others = await _listed(peer), await _listed(other)
    made = [
        *(
            Attempt(str(each["uri"]), partial(_read, str(each["uri"])))
            for each in _missing(mine, others, "resources", "uri")
        ),
        *(
            Attempt(str(each["name"]), partial(_got, str(each["name"])))
            for each in _missing(mine, others, "prompts", "name")
        ),
        *(Attempt(call[0], partial(_called, *call)) for call in _calls(mine, others)),
    ]
    if not made:
        raise Inapplicable("both principals are shown the same tools, resources and prompts")
    scene.probed = [attempt.place for attempt in made]
    return made


async def _listed(peer: Peer) -> Surface:
    """Return what a principal is shown."""
    kept, peer.surface = peer.surface, Surface(peer.surface.permission)
    try:
        await gather(peer)
        return peer.surface
    finally:
        peer.surface = kept


def _missing(mine: Surface, others: Surface, kind: str, key: str) -> list[dict[str, Any]]:
    known = {item.get(key) for item in getattr(others, kind)}
    return [item for item in getattr(mine, kind) if isinstance(item.get(key), str) and item[key] not in known][:_SOME]


def _calls(mine: Surface, others: Surface) -> list[tuple[str, dict[str, Any]]]:
    missing = {str(tool["name"]) for tool in _missing(mine, others, "tools", "name")}
    return [(str(call.tool["name"]), call.params) for call in mine.calls() if call.tool["name"] in missing][:_SOME]


async def _read(uri: str, scene: Scene) -> None:
    await _compare(scene, "resources/read", {"uri": uri}, uri, "contents")


async def _got(name: str, scene: Scene) -> None:
    await _compare(scene, "prompts/get", {"name": name}, name, "messages")


async def _called(name: str, params: dict[str, Any], scene: Scene) -> None:
    await _compare(scene, "tools/call", params, name, "content")


async def _compare(scene: Scene, method: str, params: dict[str, Any], what: str, member: str) -> None:
    """Ask as one and as the other; the same content for both is the evidence."""
    peer = await scene.peer()
    await scene.begin()
    async with need_second(peer) as other:
        scene.calls += 2
        mine, theirs = await peer.request(method, params), await other.request(method, params)
        if _content(mine.result, member) is not None and _content(mine.result, member) == _content(
            theirs.result, member
        ):
            caught = Caught(
                f"{method} of {what} to be refused to a principal to whom it is not listed", theirs.describe()
            )
            caught.wire = tuple(other.conversation.entries)
            raise caught


def _content(result: Any, member: str) -> Any:
    """Return what a result holds, or None for one that is an error or empty."""
    if not isinstance(result, dict) or result.get("isError"):
        return None
    return result.get(member) or None


PROBE = Probe(
    "security.principals",
    ("security.principals.apart",),
    "What is listed to one principal alone is not handed out to another who asks for it by name.",
    attempts,
)
