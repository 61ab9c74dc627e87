"""From what happened to a row of the records: outcome, words, evidence, and the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.catalogue import Requirement
from conformance.check import Check, Monitor
from conformance.expect import Mismatch
from conformance.target import StdioTarget, Target, shown
from conformance.transcript import TARGET, Conversation, Direction, Entry
from reference_impl.protocol.methods import METHODS
from reference_impl.protocol.revisions import Revision
from reports.records import Outcome, RequirementRef, Verdict, WireEntry, excerpt

__all__ = ["Judged", "Place", "evidence", "refs", "repeat", "verdict", "wire_entry"]

_ASKING = frozenset(row.name for row in METHODS if row.asks)
_ENTRIES = 12
_BYTES = 1500
_INTERESTING = frozenset(
    {
        *("accept", "content-type", "host", "location", "mcp-method", "mcp-name", "mcp-protocol-version"),
        *("mcp-session-id", "origin", "www-authenticate"),
    }
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a check or monitor, before it is written down.

    `late`: it was stopped at its deadline. `unserved`: the connection was no good for it even before it began.
    """

    outcome: Outcome
    summary: str = ""
    mismatch: Mismatch | None = None
    cause: str = ""
    conversation: Conversation | None = None
    seconds: float = 0.0
    late: bool = False
    unserved: bool = False


def refs(rows: Iterable[Requirement], revision: Revision) -> tuple[RequirementRef, ...]:
    """Return requirements as the records hold them."""
    return tuple(
        RequirementRef(
            id=row.id,
            level=row.level,  # type: ignore[arg-type] # the catalogue has checked that it is one of the levels
            text=row.text,
            page=row.page_in(revision),
            url=row.url(revision),
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a judgement was made: on which target, at which revision, with the tools that the user allowed."""

    target: Target
    revision: Revision
    allowed: frozenset[str] = frozenset()


def verdict(what: Check | Monitor, rows: Sequence[Requirement], place: Place, judged: Judged) -> Verdict:
    """Return the row of one check or monitor at one place; `rows` are the requirements that bind."""
    mismatch, revision, target = judged.mismatch, place.revision, place.target
    rows = [row for row in rows if mismatch is not None and row.id == mismatch.breaks] or rows
    wrong = judged.outcome in ("failed", "broken")
    return Verdict(
        check=what.id,
        title=what.title,
        requirements=refs(rows, revision),
        level=rows[0].level,  # type: ignore[arg-type] # as above
        revision=revision.name,
        transport=target.transport,
        outcome=judged.outcome,
        summary=judged.summary or (f"This does not hold: {what.title}" if mismatch else ""),
        expected=mismatch.expected if mismatch else "",
        actual=mismatch.actual if mismatch else "",
        cause=judged.cause,
        evidence=evidence(judged.conversation, what.id, mismatch) if judged.outcome == "failed" else (),
        repeat=repeat([what.id, *_causes(what, judged)], place) if wrong else "",
        seconds=judged.seconds,
    )


def repeat(identifiers: Sequence[str], place: Place) -> str:
    """Return the command that runs the named checks alone."""
    options = [f"--only {shlex.quote(identifier)}" for identifier in identifiers]
    options += [f"--allow {shlex.quote(tool)}" for tool in sorted(place.allowed)]
    return f"touchstone check {' '.join(options)} --revision {place.revision.name} {_typed(place.target)}"


def _typed(target: Target) -> str:
    """Return the target for a shell, to which the `&` and `?` of a URL mean something."""
    return shown(target) if isinstance(target, StdioTarget) else shlex.quote(shown(target))


def _causes(what: Check | Monitor, judged: Judged) -> list[str]:
    """Return the check in whose traffic a monitor found something: without it there is nothing to see again."""
    conversation, mismatch = judged.conversation, judged.mismatch
    if isinstance(what, Check) or conversation is None or mismatch is None or not mismatch.entries:
        return []
    until = conversation.entries[: min(mismatch.entries) + 1]
    spoken = [entry for entry in until if entry.direction is Direction.SENT and entry.owner]
    if until[-1].is_request():
        # A question of the target's comes while something is under way that lets it ask.
        spoken = _under_way(until) or spoken
    # What answers nothing was most likely set off by the last thing that was wrong.
    asked = [until[-1]] if until[-1].owner not in (None, TARGET) else [entry for entry in spoken if entry.defect]
    return [entry.owner for entry in (asked or spoken)[-1:] if entry.owner]


def _under_way(entries: Sequence[Entry]) -> list[Entry]:
    """The calls among our entries that have no answer yet."""
    answered = {repr(entry.value["id"]) for entry in entries if entry.is_response() and "id" in entry.value}
    calls = (entry for entry in entries if entry.direction is Direction.SENT and entry.owner and entry.is_request())
    return [entry for entry in calls if entry.value["method"] in _ASKING and repr(entry.value["id"]) not in answered]


def evidence(conversation: Conversation | None, who: str, mismatch: Mismatch | None) -> tuple[WireEntry, ...]:
    """Return the slice of the wire that shows a failure: what the mismatch points at, and what its check exchanged."""
    if conversation is None:
        return ()
    pointed = set(mismatch.entries) if mismatch else set()
    chosen = [entry for entry in conversation.entries if entry.index in pointed or entry.owner == who]
    return tuple(wire_entry(entry) for entry in chosen[-_ENTRIES:])


def wire_entry(entry: Entry) -> WireEntry:
    """Return an entry as the records hold it, cut to what a reader wants."""
    text, truncated = excerpt(_text(entry), _BYTES)
    return WireEntry(
        at=round(entry.at, 4), direction=entry.direction.value, text=text, truncated=truncated, note=entry.defect or ""
    )


def _text(entry: Entry) -> str:
    body = entry.data.decode("utf-8", "backslashreplace")
    if entry.head is None:
        return body
    headers = [f"{name}: {value}" for name, value in entry.head.headers if name in _INTERESTING]
    return "\n".join([entry.head.start, *headers, *(["", body] if body else [])])
