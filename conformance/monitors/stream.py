"""The monitor of standard output: nothing but messages, one a line, as long as the process lives."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import revision_of
from conformance.transcript import NO_JSON, Conversation, Direction, Entry

_ENVELOPE = frozenset({"jsonrpc", "method", "result", "error"})
_SHOWN = 120
_PURITY, _FRAMING = "stdio.stdout.messages-only", "stdio.line.no-newline"
_SPREAD = "a message spread over several lines"


@monitor("stdio.stdout", _PURITY, _FRAMING)
def stdout(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every line on standard output is one JSON-RPC message."""
    if conversation.transport == "http":
        return
    revision = revision_of(conversation)
    arrays = revision is not None and revision.batching
    we_batched = any(isinstance(entry.value, list) for entry in conversation.sent())
    ended = [entry.index for entry in conversation.entries if entry.direction is Direction.PROCESS]
    for entry in conversation.received():
        if _is_utf_8(entry.data) and not _cut_off(entry, ended):
            wrong = _pollution(entry, arrays=arrays or we_batched)
            when = "before anything was sent" if not _spoken_before(conversation, entry) else f"at {entry.at:.3f} s"
            yield _found(wrong, when, entry) if wrong else None


def _found(wrong: str, when: str, entry: Entry) -> Mismatch:
    mismatch = Mismatch("a JSON-RPC message on one line", f"{wrong} {when}", [entry.index])
    mismatch.breaks = _FRAMING if wrong.startswith(_SPREAD) else _PURITY
    return mismatch


def _pollution(entry: Entry, *, arrays: bool) -> str | None:
    """Return what a line is, if it is no message."""
    if isinstance(entry.value, dict):
        return None if entry.value.keys() & _ENVELOPE else f"JSON that is no message, {brief(entry.value, _SHOWN)},"
    if isinstance(entry.value, list) and arrays:
        return None
    shown = repr(entry.data[:_SHOWN])[1:]
    if entry.value is not NO_JSON:
        return f"JSON that is no message, {shown},"
    if entry.data.strip() in (b"{", b"[", b"[{"):
        return f"{_SPREAD}, {shown},"
    return f"the bytes {shown}"


def _is_utf_8(data: bytes) -> bool:
    """Bytes that are no UTF-8 are the finding of the monitor of the encoding."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _cut_off(entry: Entry, ended: list[int]) -> bool:
    """Whether this may be the beginning of a message that was under way when the process was stopped."""
    return entry.value is NO_JSON and entry.index + 1 in ended and entry.data.startswith(b"{")


def _spoken_before(conversation: Conversation, entry: Entry) -> bool:
    return any(earlier.direction is Direction.SENT for earlier in conversation.entries[: entry.index])
