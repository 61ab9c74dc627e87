"""Texts on which a careless regular expression works for ages: URIs for templates, patterns for tools that search.

Evidence is that something cheap, asked for meanwhile, misses a generous deadline twice, though the same request with a
harmless text was answered at once. Over HTTP the cheap request comes on another connection; a process on standard
streams has only the one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from conformance.expect import Blocked, Mismatch
from conformance.peer import Peer
from conformance.security.aims import Aim, Role, aims
from conformance.security.probe import Attempt, Probe, Scene

__all__ = ["PROBE"]

_PATIENCE = 10.0
"""Seconds within which anything cheap is answered."""
_AT_ONCE = 3.0
"""Seconds within which the harmless request is answered, or nothing can be told."""
_LONG = 40
ROLE = Role(re.compile(r"(^|[_-])(pattern|regexp?|glob)$"))
_SUBJECT = Role(re.compile(r"(^|[_-])(text|content|input|string|subject|haystack)$"))
_PATTERNS = ("(a+)+$", "(a|a)*$", "^(([a-z])+.)+[A-Z]([a-z])+$", "{" + "a," * 5000 + "a}")
_TEXTS = ("a," * _LONG + "a/\n", "a" * _LONG + "!", "/" + ",," * _LONG + "\n", "{a" + ",a" * 20_000 + "}")


async def attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each template, and each tool that takes a pattern. Raises `Blocked` if there is neither."""
    surface = scene.bench.surface
    places: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []
    for template in surface.templates:
        if isinstance(uri := template.get("uriTemplate"), str) and "{" in uri:
            start = uri.partition("{")[0]
            places += [(uri, "resources/read", {"uri": f"{start}a"}, {"uri": f"{start}{text}"}) for text in _TEXTS]
    for aim in aims(surface, ROLE, scene.sandbox):
        if aim.method == "tools/call":
            whole = _with_subject(aim, aims(surface, _SUBJECT))
            places += [(str(aim), aim.method, whole.loaded("a"), whole.loaded(pattern)) for pattern in _PATTERNS]
    if not places:
        raise Blocked("there is no resource template, and no tool that may be called takes a pattern")
    scene.probed = sorted({place for place, *_ in places})
    return [
        Attempt(place, partial(_stalled, (method, place), harmless, hostile))
        for place, method, harmless, hostile in places
    ]


def _with_subject(aim: Aim, subjects: Sequence[Aim]) -> Aim:
    """Return the aim with something to search in, where the tool takes that."""
    return aim.beside({each.argument: "a" * _LONG + "!" for each in subjects if each.name == aim.name})


async def _stalled(what: tuple[str, str], harmless: dict[str, Any], hostile: dict[str, Any], scene: Scene) -> None:
    method, place = what
    calm = False
    with _bait(scene.sandbox):
        with anyio.move_on_after(_AT_ONCE):
            calm = await scene.ask(method, harmless) is not None and await _answers(await scene.peer(), _AT_ONCE)
        if calm:
            return await _attack(scene, (method, place), hostile)
    scene.notes.append(f"{place} takes its time even with a harmless text")
    return await scene.close()


@contextmanager
def _bait(sandbox: Path | None) -> Iterator[None]:
    """A file in the sandbox that a careless pattern does not get through."""
    file = None if sandbox is None else sandbox / f"touchstone-{secrets.token_hex(4)}.txt"
    if file is not None:
        file.write_text("a" * _LONG + "!\n", "utf-8")
    try:
        yield
    finally:
        if file is not None:
            file.unlink(missing_ok=True)


async def _attack(scene: Scene, what: tuple[str, str], hostile: dict[str, Any]) -> None:
    """Send the hostile request, and look twice whether the target still answers something cheap."""
    peer = await scene.peer()
    await scene.begin()
    async with _beside(scene, peer) as other, anyio.create_task_group() as tasks:
        scene.calls += 1
        tasks.start_soon(_send, peer, what[0], hostile)
        await anyio.lowlevel.checkpoint()
        missed = [await _answers(other, _PATIENCE) for _ in range(2)]
        tasks.cancel_scope.cancel()
    if not any(missed):
        caught = scene.caught(
            f"{other.cheap_method} to be answered within {_PATIENCE:g} s while {what[1]} works on a hostile text",
            "silence, twice",
        )
        await scene.close()
        raise caught


@asynccontextmanager
async def _beside(scene: Scene, peer: Peer) -> AsyncIterator[Peer]:
    """Another connection to the same process, or the same one where each has a process of its own."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(scene.bench.opened("security")) if peer.over_http else peer


async def _send(peer: Peer, method: str, params: dict[str, Any]) -> None:
    try:
        await peer.request(method, params, timeout=3 * _PATIENCE)
    except Mismatch:
        return


async def _answers(peer: Peer, within: float) -> bool:
    try:
        await peer.request(peer.cheap_method, timeout=within)
    except Mismatch:
        return False
    return True


PROBE = Probe(
    "security.stalls",
    ("security.stalls.none",),
    "No text makes a regular expression of the target work so long that others wait.",
    attempts,
)
