"""Which eras and revisions a target speaks, found out before anything is judged.

Each era is probed on a connection of its own: some servers exit on any message before `initialize`, and one that was
asked before may answer otherwise. Sources: `basic/transports/stdio#backward-compatibility`,
`basic/transports/streamable-http#backward-compatibility`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.leases import Begun, goes_on
from conformance.links import Answer, Gone
from conformance.peer import Peer
from conformance.target import Target, bears_credentials
from conformance.transcript import NO_JSON, Conversation
from reference_impl.protocol.lifecycle import SERVER_INFO, classify_probe
from reference_impl.protocol.messages import ErrorResponse, MalformedError, Response, parse_value
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, REVISIONS, Era, Revision, revision_named
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["Eras", "detect"]

_OF_SSE = next(revision for revision in REVISIONS if not revision.streamable_http)
"""What a server over HTTP with SSE is offered: the revision that has this transport, and no other."""
_AFTER_THE_OTHER = 3.0
"""Seconds that a probe may stay unanswered after the other era's was answered: silence then means no."""

_UNAUTHORIZED = 401
_WANTS = " (it wants credentials: --token, or --header 'Authorization: ...')"
_TAKES_NOT = " (it does not take the credentials that it was given)"
_PATH = " (is this the path of its MCP endpoint? /mcp is common)"
_HINTS: dict[int | None, str] = {
    403: " (it may want other credentials: --header)",
    404: _PATH,
    405: _PATH,
}
"""What a status most likely asks of the user, where no handshake came of it."""
_LAST_WORDS = 200
_OLDER = " (a server over HTTP with SSE is sse+http://...)"


@dataclass(slots=True)
class Eras:
    """What was found.

    `legacy` is the revision that an offer of the newest one was answered with, `modern` the modern one the target
    named; None where the era is not spoken, and then `why_not` says what came instead. `implementation` is the name and
    version that the target gave; `first_answer` the seconds from connecting to its first answer; `left` says that the
    target ended a conversation, `gated` that it refused one for want of a token (HTTP 401); `begun` are those that go
    on, where they are kept; `last_words` is the end of what a process that gave no answer wrote to standard error,
    `other_words` the beginning of what one wrote that is no JSON-RPC where its messages belong.
    """

    legacy: Revision | None = None
    modern: Revision | None = None
    why_not: dict[Era, str] = field(default_factory=dict)
    conversations: list[Conversation] = field(default_factory=list)
    implementation: str | None = None
    first_answer: float | None = None
    left: bool = False
    gated: bool = False
    begun: dict[Era, Begun] = field(default_factory=dict)
    last_words: str = ""
    other_words: str = ""
    _scopes: dict[Era, anyio.CancelScope] = field(default_factory=dict)

    @property
    def revisions(self) -> list[Revision]:
        """The revisions to test, oldest first."""
        return [revision for revision in (self.legacy, self.modern) if revision is not None]

    @property
    def silent(self) -> bool:
        """Whether neither era was answered at all."""
        return not self.revisions and set(self.why_not.values()) == {_SILENCE}

    def describe(self) -> str:
        """Return in a line why neither era could be opened."""
        reasons = set(self.why_not.values())
        return (
            "; ".join(sorted(reasons))
            if len(reasons) == 1
            else "; ".join(f"{_OPENING[era]} was met with {text}" for era, text in self.why_not.items())
        )


_SILENCE = "silence"
_ECHO = "it sends back what it was sent: this is no MCP server"
_OPENING = {Era.LEGACY: "initialize", Era.MODERN: "server/discover"}


def _said(answer: Answer) -> str:
    """Return an answer in a line; of a web page that it is one."""
    if answer.head and (answer.head.get("content-type") or "").startswith("text/html"):
        return f"HTTP {answer.status}: a web page{'' if answer.status in _HINTS else _PATH}"
    return " ".join(answer.describe().split())


def _hint(answer: Answer, target: Target) -> str:
    if answer.status == _UNAUTHORIZED:
        return _TAKES_NOT if bears_credentials(target) else _WANTS
    elsewhere = answer.head.get("location") if answer.head and 300 <= (answer.status or 0) < 400 else None
    if elsewhere:
        return f" (it redirects to {elsewhere})"
    return _HINTS.get(answer.status, "") + (_OLDER if answer.status in (404, 405) else "")


async def detect(make_bench: Callable[[Revision], Bench], kept: AsyncExitStack | None = None) -> Eras:
    """Probe both eras at the same time. Raises `TargetNotStarted` if there is nothing to start.

    With `kept`, which closes them in the end, conversations on streams that opened an era are left open.
    """
    eras = Eras()
    failures: list[TargetNotStarted] = []

    async def probe(bench: Bench, note: Callable[[Eras, Answer], None]) -> None:
        try:
            await _probe(bench, eras, note, kept)
        except TargetNotStarted as error:
            failures.append(error)

    if make_bench(_OF_SSE).target.transport == "sse":
        await probe(make_bench(_OF_SSE), _note_legacy)
        return _need_started(eras, failures)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(probe, make_bench(LATEST), _note_modern)
        tasks.start_soon(probe, make_bench(LATEST_LEGACY), _note_legacy)
    if eras.left and not eras.revisions and not failures:
        # A program that runs but once at a time, for a lock or a port, lets the second of two probes down.
        await probe(make_bench(LATEST), _note_modern)
        await probe(make_bench(LATEST_LEGACY), _note_legacy)
    return _need_started(eras, failures)


def _need_started(eras: Eras, failures: list[TargetNotStarted]) -> Eras:
    if failures:
        raise failures[0]
    return eras


async def _probe(bench: Bench, eras: Eras, note: Callable[[Eras, Answer], None], kept: AsyncExitStack | None) -> None:
    era, patience = bench.revision.era, bench.patience.start
    eras.why_not[era] = _SILENCE
    peer = None
    with anyio.move_on_after(patience) as scope:
        eras._scopes[era] = scope  # noqa: SLF001 - the probes of one detection share their scopes
        try:
            async with AsyncExitStack() as stack:
                peer = await stack.enter_async_context(bench.unopened("era detection"))
                answer = await _opened(peer)
                eras.why_not[era] = _said(answer) + _hint(answer, bench.target)
                eras.gated = eras.gated or answer.status == _UNAUTHORIZED
                note(eras, answer)
                spoken = eras.modern if bench.revision.modern else eras.legacy
                peer.conversation.revision = spoken.name if spoken else None
                if spoken is not None:
                    # A refusal says nothing of the other era: its handshake may take its time, to connect a database.
                    _hurry_others(eras, era)
                    if kept is not None and goes_on(peer):
                        going_on = stack.pop_all()
                        kept.push_async_exit(going_on)
                        eras.begun[era] = Begun(peer, answer, going_on)
                eras.first_answer = min(eras.first_answer or answer.entry.at, answer.entry.at)
        except Mismatch as mismatch:
            eras.why_not[era] = " ".join(mismatch.actual.split()) + _HINTS.get(getattr(mismatch, "status", None), "")
            eras.left = eras.left or isinstance(mismatch, Gone)
    if eras.why_not.get(era) == _SILENCE and peer is not None and peer.process is not None:
        eras.last_words = " ".join(peer.process.stderr_tail.split())[-_LAST_WORDS:] or eras.last_words
    if peer is not None and not peer.over_http:
        eras.other_words = eras.other_words or _other_words(peer.conversation)
    eras.conversations += bench.conversations


async def _opened(peer: Peer) -> Answer:
    """Ask the first question. Raises `Mismatch` also as soon as it comes back as it was."""
    came: list[Answer | Mismatch] = []

    async def ask() -> None:
        try:
            came.append(await peer.ask_opening())
        except Mismatch as mismatch:
            came.append(mismatch)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        if await peer.overhear(peer.conversation.repeats, math.inf):
            tasks.cancel_scope.cancel()
    echo = next(filter(peer.conversation.repeats, peer.conversation.received()), None)
    if echo is not None:
        raise Mismatch("an answer", _ECHO, [echo.index])
    if isinstance(came[0], Mismatch):
        raise came[0]
    return came[0]


def _other_words(conversation: Conversation) -> str:
    """Return the beginning of what came on a stream of messages and is no JSON, in a line."""
    said = b" ".join(entry.data for entry in conversation.received() if entry.value is NO_JSON)[:_LAST_WORDS]
    return " ".join(said.decode("utf-8", "replace").split())


def _hurry_others(eras: Eras, answered: Era) -> None:
    for era, scope in eras._scopes.items():  # noqa: SLF001 - as above
        if era is not answered:
            scope.deadline = min(scope.deadline, anyio.current_time() + _AFTER_THE_OTHER)


def _note_modern(eras: Eras, answer: Answer) -> None:
    era, names = classify_probe(_parsed(answer))
    if era is Era.MODERN and LATEST.name in names:
        eras.modern = LATEST
        del eras.why_not[Era.MODERN]
        meta = answer.result.get("_meta") if isinstance(answer.result, dict) else None
        _note_implementation(eras, meta.get(SERVER_INFO) if isinstance(meta, dict) else None)


def _note_legacy(eras: Eras, answer: Answer) -> None:
    result = answer.result
    version = revision_named(result.get("protocolVersion")) if isinstance(result, dict) else None
    if version is not None and not version.modern:
        eras.legacy = version
        del eras.why_not[Era.LEGACY]
        _note_implementation(eras, result.get("serverInfo"))


def _note_implementation(eras: Eras, info: Any) -> None:
    if isinstance(info, dict):
        eras.implementation = f"{info.get('name', '?')} {info.get('version', '')}".strip()


def _parsed(answer: Answer) -> Response | ErrorResponse | None:
    try:
        message = parse_value(answer.message)
    except MalformedError:
        return None
    return message if isinstance(message, Response | ErrorResponse) else None
