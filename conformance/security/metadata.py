"""What models read of a server: instructions to them that people do not look for, and texts that change behind them.

Invisible characters are the business of the check `audit.text`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.expect import Inapplicable, brief
from conformance.peer import Peer
from conformance.security.probe import Attempt, Probe, Scene
from conformance.surface import Surface, gather

__all__ = ["CHANGES", "INSTRUCTIONS"]

_HIDDEN = re.compile(
    r"<\s*/?\s*(important|system|secret|instructions?|hidden)\s*>"
    r"|<!--.*?-->"
    r"|ignore (all |any )?(the )?(previous|prior|above|other) (instructions|rules|tools|messages)"
    r"|(do not|don't|never) (tell|inform|notify|(mention|show|reveal) (this|it) to) the (user|human)"
    r"|without (telling|informing|asking|notifying) the (user|human)"
    r"|(before|instead of) (using|calling) any other tool"
    r"|(~|\$HOME)?/\.(ssh|aws|cursor|kube)/",
    re.IGNORECASE | re.DOTALL,
)
_KINDS = ("tools", "prompts", "resources", "templates")


async def instruction_attempts(scene: Scene) -> Sequence[Attempt]:
    """Read everything that a model is shown."""
    peer = await scene.peer()
    shown = [("the server", peer.opening), *_items(scene.bench.surface)]

    def judged(name: str, item: dict[str, Any]) -> Attempt:
        async def go(scene: Scene) -> None:
            for text in _texts({key: value for key, value in item.items() if key in _READ}):
                if (found := _HIDDEN.search(text)) is not None:
                    raise scene.caught(
                        f"{name} to describe itself, and to give no orders behind its user's back",
                        brief(_around(found)),
                    )

        return Attempt(name, go)

    return [judged(name, item) for name, item in shown]


_READ = frozenset({"title", "description", "instructions", "inputSchema", "outputSchema", "arguments"})


def _around(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - 60) : found.end() + 60]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def _items(surface: Surface) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in _KINDS[:2]:
        for item in getattr(surface, kind):
            yield str(item.get("name")), item


async def change_attempts(scene: Scene) -> Sequence[Attempt]:
    """List everything again, on the same connection and on a new one (of a command: in a new process)."""
    peer = await scene.peer()
    if not any(getattr(scene.bench.surface, kind) for kind in _KINDS):
        raise Inapplicable("the target lists nothing")
    first = await _seen(peer)

    async def again(scene: Scene) -> None:
        await scene.begin()
        after = await _seen(await scene.peer())
        if not any(str(entry.value.get("method")).endswith("list_changed") for entry in peer.heard if entry.is_message):
            _compare(scene, first, after, "in the second listing")

    async def elsewhere(scene: Scene) -> None:
        async with scene.bench.opened("security") as other:
            _compare(scene, first, await _seen(other), "on a new connection")

    return [Attempt("listings", again), Attempt("listings", elsewhere)]


async def _seen(peer: Peer) -> dict[str, tuple[str, str]]:
    """Return, by name, the hash of what each tool and prompt is said to be, and that text."""
    kept, peer.surface = peer.surface, Surface(peer.surface.permission)
    try:
        await gather(peer)
        texts = {name: json.dumps(item, sort_keys=True) for name, item in _items(peer.surface)}
    finally:
        peer.surface = kept
    return {name: (hashlib.sha256(text.encode()).hexdigest(), text) for name, text in texts.items()}


def _compare(scene: Scene, before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]], when: str) -> None:
    for name in before.keys() & after.keys():
        if before[name][0] != after[name][0]:
            old, new = before[name][1], after[name][1]
            at = next((place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), 0)
            start = max(0, at - 40)
            actual = f"{when} it is another: {brief(old[start:], 80)} became {brief(new[start:], 80)}"
            raise scene.caught(f"{name} to be what people agreed to", actual)


INSTRUCTIONS = Probe(
    "security.metadata.instructions",
    ("security.metadata.honest",),
    "Descriptions tell what something does, and give models no orders that people are not meant to see.",
    instruction_attempts,
)
CHANGES = Probe(
    "security.metadata.changes",
    ("security.metadata.constant",),
    "Tools and prompts stay what they were when people agreed to them, from listing to listing and after a restart.",
    change_attempts,
)
