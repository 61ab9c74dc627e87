"""A first look at a target, for those who want to fuzz or load it: its eras, and what it offers at each revision."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio.abc

from conformance.bench import Bench
from conformance.eras import Eras, detect
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.surface import Permission, Surface, ToolCall, gather
from conformance.target import StdioTarget, Target
from conformance.trials import Tried, try_calls
from reference_impl.protocol.revisions import REVISIONS, Revision
from reference_impl.transports.stdio import TargetNotStarted
from reports.text import visible

__all__ = ["Scouted", "Unreachable", "chosen", "find_eras", "scout"]

_MARK = "touchstone 20,240 echoes"


class Unreachable(Exception):  # noqa: N818 - the name says what happened
    """The target could not be started or reached, or took part in no handshake; the message is one line.

    `eras` is what was seen of it, if anything.
    """

    def __init__(self, message: str, eras: Eras | None = None) -> None:
        super().__init__(message)
        self.eras = eras


@dataclass(frozen=True, slots=True)
class Scouted:
    """What was found, by revision name: what the target lists, and the capabilities that it declares.

    `echoes` holds a call whose result repeats one of its arguments, and the name of that argument, where there is one;
    where there is none, `tried` has what became of other calls.
    """

    eras: Eras
    surfaces: dict[str, Surface] = field(default_factory=dict)
    capabilities: dict[str, dict[str, object]] = field(default_factory=dict)
    echoes: dict[str, tuple[ToolCall, str]] = field(default_factory=dict)
    tried: dict[str, Tried] = field(default_factory=dict)


async def find_eras(
    target: Target, patience: Patience, readers: anyio.abc.TaskGroup, kept: AsyncExitStack | None = None
) -> Eras:
    """Detect the eras; `kept` as for `detect`. Raises `Unreachable` if there is none."""
    try:
        eras = await detect(lambda revision: Bench(target, revision, patience, readers), kept)
    except TargetNotStarted as error:
        raise Unreachable(f"the target could not be started: {error}") from None
    if not eras.revisions:
        advice = _advice(target, patience, eras) if eras.silent else _other_words(eras)
        raise Unreachable(f"the target took part in no handshake: {eras.describe()}{advice}", eras)
    return eras


def _advice(target: Target, patience: Patience, eras: Eras) -> str:
    """Say what was tried on a target that gave no answer, what it said beside, and what may help."""
    waited = f" for {patience.start:g} s"
    if not isinstance(target, StdioTarget):
        return f"{waited} after server/discover and initialize; --patience waits longer"
    said = f"; it wrote to standard error: {visible(eras.last_words)}" if eras.last_words else ""
    return (
        f"{waited} from `{shlex.join(target.argv)}`, which was sent server/discover and initialize on its standard "
        f"input{_other_words(eras)}{said}. Does this command serve on standard streams (some want an argument such as "
        "stdio)? A server over HTTP is tested by its URL, and --start starts it; --patience waits longer"
    )


def _other_words(eras: Eras) -> str:
    return f"; it wrote to standard output what is no JSON-RPC: {visible(eras.other_words)}" if eras.other_words else ""


def chosen(eras: Eras, wanted: tuple[str, ...]) -> list[Revision]:
    """Return the revisions to test. Raises `Unreachable` if the target speaks none of those wanted.

    One of the legacy era that is older than what the target answered is offered to it: that it speaks it too, only
    the handshake shows.
    """
    newest = REVISIONS.index(eras.legacy) if eras.legacy is not None else 0
    over = {conversation.transport for conversation in eras.conversations}
    older = [revision for revision in REVISIONS[:newest] if revision.streamable_http or "http" not in over]
    if "sse" in over:
        # There the oldest is what was offered; a server may speak newer ones, which the transport is not part of.
        older = [revision for revision in REVISIONS if not revision.modern and revision != eras.legacy]
    offered = [revision for revision in older if revision.name in wanted]
    revisions = [*offered, *(revision for revision in eras.revisions if not wanted or revision.name in wanted)]
    if not eras.revisions:
        raise Unreachable(f"the target took part in no handshake: {eras.describe()}", eras)
    if not revisions:
        spoken = ", ".join(revision.name for revision in eras.revisions)
        raise Unreachable(f"the target does not speak {', '.join(wanted)}; it speaks {spoken}", eras)
    return revisions


async def scout(
    target: Target,
    patience: Patience,
    permission: Permission,
    wanted: tuple[str, ...] = (),
    eras: Eras | None = None,
) -> Scouted:
    """Look at a target, whose eras may be known already. Raises `Unreachable`."""

    async def look(readers: anyio.abc.TaskGroup) -> Scouted:
        found = eras or await find_eras(target, patience, readers)
        return await _scout(found, lambda revision: bench(revision, readers), wanted)

    def bench(revision: Revision, readers: anyio.abc.TaskGroup) -> Bench:
        made = Bench(target, revision, patience, readers)
        made.surface.permission = permission
        return made

    return await beside_readers(look)


async def _scout(eras: Eras, make_bench: Callable[[Revision], Bench], wanted: tuple[str, ...]) -> Scouted:
    found = Scouted(eras)
    for revision in chosen(eras, wanted):
        bench = make_bench(revision)
        bench.spoken = tuple(eras.revisions)
        try:
            async with bench.opened("scout") as peer:
                await gather(peer)
                found.capabilities[revision.name] = peer.capabilities
                if (echo := await _find_echo(peer)) is not None:
                    found.echoes[revision.name] = echo
                else:
                    found.tried[revision.name] = await try_calls(peer)
        except (Mismatch, TargetNotStarted) as error:
            raise Unreachable(f"the handshake worked once, and then failed: {error}", eras) from None
        found.surfaces[revision.name] = bench.surface
    return found


async def _find_echo(peer: Peer) -> tuple[ToolCall, str] | None:
    """Try whether the tool that looks like one repeats what it is given."""
    try:
        call, member = peer.surface.need_echo()
    except (Blocked, Inapplicable):
        return None
    answer = await peer.request("tools/call", ToolCall(call.tool, {**call.arguments, member: _MARK}).params)
    return (call, member) if _MARK in brief(answer.result, limit=100_000) else None
