"""What a probe is: attempts, each of which asks the target for something and then looks at a canary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.bench import Bench
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.links import Answer, Gone, Silence
from conformance.loopback import is_loopback
from conformance.peer import Peer
from conformance.security.aims import FORBIDDEN, Aim, Role, aims, unaimed
from conformance.security.evidence import Listener, Traps
from conformance.target import UrlTarget
from conformance.transcript import Entry
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["Attempt", "Caught", "Probe", "Scene", "aimed", "need_near", "told"]

_OPENINGS = 3
"""Openings in a row that may fail before the target is given up."""
_ALL = 1_000_000
_SHOWN = 12


class Caught(Mismatch):
    """A canary moved. `wire` is what was said from the beginning of the attempt; `before` and `after` are what a script
    does beside saying it again, which is all of the script where it would not be enough (`scripted`)."""

    wire: Sequence[Entry] = ()
    before = after = ""
    scripted = False


@dataclass(slots=True)
class Scene:
    """One target under probes at one revision: the connection in use, the traps, and what was learnt on the way.

    `sandbox` is the only directory that the target is meant to touch, where the user named one; `notes` are what a
    reader of the summary has to know; `mute` are aims that once brought no answer, which nobody waits for again.
    """

    bench: Bench
    traps: Traps
    listeners: tuple[Listener, Listener]
    sandbox: Path | None = None
    calls: int = 0
    notes: list[str] = field(default_factory=list)
    mute: set[str] = field(default_factory=set)
    probed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    _peer: Peer | None = None
    _start: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def peer(self) -> Peer:
        """Return the open connection, or a new one. Raises `Blocked` if there is none to be had."""
        for _ in range(_OPENINGS):
            if self._peer is not None:
                return self._peer
            try:
                self._peer = await self._stack.enter_async_context(self.bench.opened("security"))
                self._start = 0
            except (Mismatch, TargetNotStarted) as error:
                why = str(error)
                await self.close()
        if self._peer is None:
            raise Blocked(f"the target could not be opened: {why}")
        return self._peer

    async def close(self) -> None:
        """End the connection; the next call opens another."""
        self._peer = None
        await self._stack.aclose()

    async def begin(self) -> None:
        """Begin an attempt: what is said from here on is its evidence."""
        self._start = len((await self.peer()).conversation.entries)

    async def call(self, aim: Aim, payload: str) -> str:
        """Send a payload and return all that was answered, as JSON; nothing where no answer came."""
        if str(aim) in self.mute:
            return ""
        answer = await self.ask(aim.method, aim.loaded(payload), str(aim))
        return "" if answer is None else brief(answer.message, _ALL)

    async def ask(self, method: str, params: dict[str, Any], who: str = "") -> Answer | None:
        """Send a request and return its answer; None where none came, and then the connection is another."""
        peer = await self.peer()
        self.calls += 1
        try:
            return await peer.request(method, params)
        except (Gone, Silence):
            # That a target dies or hangs is for other properties to tell.
            self.mute.add(who)
            await self.close()
            return None

    def caught(self, expected: str, actual: str, before: str = "", after: str = "") -> Caught:
        """Return the failure, with what was said in this attempt, and what a script does before and after saying it."""
        caught = Caught(expected, actual)
        caught.before, caught.after, caught.scripted = before, after, True
        caught.wire = () if self._peer is None else tuple(self._peer.conversation.entries[self._start :])
        return caught


def need_near(scene: Scene) -> None:
    """Raise `Blocked` for a target on another machine, which reaches nothing that we lay out on this one."""
    target = scene.bench.target
    if isinstance(target, UrlTarget) and not is_loopback(urlsplit(target.url).hostname or ""):
        raise Blocked("the target is on another machine, from where nothing of ours can be reached")


def aimed(scene: Scene, role: Role | None, *methods: str) -> list[Aim]:
    """Return the aims of a role, in requests of those methods if any is named, and note what is probed and what is not.

    Raises `Inapplicable` if there is none, `Blocked` if there may be some among the tools that may not be called.
    """
    every = aims(scene.bench.surface, role, scene.sandbox)
    found = [aim for aim in every if not methods or aim.method in methods]
    scene.probed = sorted({str(aim) for aim in found})
    scene.left = unaimed(scene.bench.surface, found)
    if not found:
        forbidden = [each for each in scene.left if each.endswith(FORBIDDEN)]
        if not forbidden:
            raise Inapplicable("nothing that the target offers takes such an argument")
        raise Blocked(f"nothing that may be called takes such an argument; not probed: {_some(forbidden)}")
    return found


def _some(texts: Sequence[str]) -> str:
    """Return the first of many texts."""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attack at one `place`: `go` raises `Caught` if a canary moved. Where one did, no other is tried there."""

    place: str
    go: Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe. `attempts` raises `Blocked` or `Inapplicable` where there is nothing to attack; those `in_sessions`
    are for the newest revision that has any, the others for the newest of all."""

    id: str
    requirements: tuple[str, ...]
    title: str
    attempts: Callable[[Scene], Awaitable[Sequence[Attempt]]]
    in_sessions: bool = False


def told(scene: Scene) -> str:
    """Say what was done, what it found out beside verdicts, and what was not done."""
    parts = [f"{scene.calls} calls"]
    if scene.probed:
        parts.append(f"probed: {_some(scene.probed)}")
    if scene.left:
        parts.append(f"not probed: {_some(scene.left)}")
    return "; ".join([*parts, *dict.fromkeys(scene.notes)])
