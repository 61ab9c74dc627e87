"""Judges of what clients make of results that are none, and of schemas in one dialect or another.

What a client thinks of a result shows where it ends because of it, or where it says so by a note.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.notes import NOTE, notes
from conformance.clients.said import Said, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.schemas import FITS, MISFITS, WEB
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.transcript import Conversation, Direction

_UNSEEN = f"the client went on, and what it made of the result does not show; let it call {NOTE} (docs/clients.md)"
_EXIT = b"exit status "
_ENDED = b"ended by us"
_TWIN = "misfit-output"


def _called(conversation: Conversation, name: str) -> Said:
    """Return the call of a tool. Raises `Blocked` without one that was answered."""
    for item in said(conversation):
        if item.method == "tools/call" and item.params.get("name") == name and item.answer is not None:
            return item
    raise Blocked(f"the client did not call the tool {name}")


def _end(conversation: Conversation) -> bytes:
    """How the client ended."""
    ends = [entry.data for entry in conversation.entries if entry.data.startswith((_EXIT, _ENDED))]
    return ends[-1] if ends else b""


def _silent_after(conversation: Conversation, index: int) -> bool:
    """Whether the client asked for nothing more."""
    return not any(item.is_request and item.entry.index > index for item in said(conversation))


def _noted(conversation: Conversation, name: str) -> bool | None:
    """Whether the client says that it took the result of a tool; None where it says nothing."""
    for note in notes(conversation):
        if name in (note.what.get("took"), note.what.get("refused")):
            return note.what.get("took") == name
    return None


def _refused(conversation: Conversation, name: str) -> bool:
    """Whether the client refused the result of a tool. Raises `Blocked` where it did not call it."""
    call = _called(conversation, name)
    assert call.answer is not None
    told = _noted(conversation, name)
    if told is not None:
        return not told
    failed = _end(conversation).startswith(_EXIT) and _end(conversation) != _EXIT + b"0"
    return failed and _silent_after(conversation, call.answer.index)


def _evidence(call: Said) -> list[int]:
    return [call.entry.index, *([call.answer.index] if call.answer is not None else [])]


@judge("client.result-content", "tools.results.validated", scenario="broken-result")
def result_content(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What is no tool result counts as a failed call."""
    yield from _not_taken(conversation)


@judge("client.output-schema", "tools.output.validated", scenario=_TWIN)
def output_schema(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Structured content that breaks the tool's outputSchema is not taken for a good result."""
    yield from _not_taken(conversation)


def _not_taken(conversation: Conversation) -> Iterator[Mismatch | None]:
    call = _called(conversation, MISFITS)
    if _noted(conversation, MISFITS):
        assert call.answer is not None
        actual = f"{brief(call.answer.value)} taken for good"
        yield Mismatch("a call that failed", actual, _evidence(call))
    elif _refused(conversation, MISFITS):
        yield None
    else:
        raise Blocked(_UNSEEN)


# Dialects -------------------------------------------------------------------------------------------


def _validates(twins: Twins) -> None:
    """Raise unless the client refuses what breaks an ordinary schema: then it refuses by ending, or says so."""
    for conversation in twins[_TWIN]:
        if not _refused(conversation, MISFITS):
            raise Inapplicable("the client does not hold structured content against schemas, as far as it shows")


def _misfit(conversation: Conversation, twins: Twins, wanted: str) -> Iterator[Mismatch | None]:
    """Judge whether a misfit is refused as the one in the twin is, and what fits is not."""
    _validates(twins)
    if _refused(conversation, FITS):
        raise Blocked("the client refuses what fits the schema, too")
    fine = _refused(conversation, MISFITS)
    yield None if fine else Mismatch(wanted, "it taken for good", _evidence(_called(conversation, MISFITS)))


@compared("client.dialect-default", "dialects.default", scenarios=(_TWIN, "misfit-items"))
def dialect_default(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that validates reads a schema without $schema by JSON Schema 2020-12."""
    yield from _misfit(conversation, twins, "structured content refused that breaks prefixItems")


@compared("client.dialect-declared", "dialects.declared", scenarios=(_TWIN, "misfit-draft"))
def dialect_declared(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that validates reads a schema by the dialect that it names."""
    yield from _misfit(conversation, twins, "structured content refused that breaks items as draft-07 has them")


@compared("client.dialect-unknown", "dialects.unsupported", scenarios=(_TWIN, "unknown-dialect"))
def dialect_unknown(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client neither crashes over a dialect that it does not know nor reads it as if it were another."""
    end = _end(conversation)
    if end.startswith(_EXIT + b"-"):
        yield Mismatch("an error", f"a client that crashed: {end.decode()}", [_called(conversation, FITS).entry.index])
        return
    _validates(twins)
    if _refused(conversation, FITS):
        yield None
    elif _refused(conversation, MISFITS):
        evidence = [*_evidence(_called(conversation, FITS)), *_evidence(_called(conversation, MISFITS))]
        yield Mismatch("both results refused", "only that which breaks the schema as read by 2020-12", evidence)
    else:
        raise Blocked("the client went on; an error of its own does not show")


@judge(
    "client.schema-references",
    "dialects.reference.network",
    "dialects.reference.opt-in",
    "tools.schema.references",
    scenario="outside-reference",
)
def schema_references(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No schema is fetched from where a reference leads."""
    fetched = [entry for entry in conversation.beside(WEB) if entry.direction is Direction.RECEIVED]
    for entry in fetched:
        start = entry.head.start if entry.head is not None else "a request"
        yield Mismatch("no request for a schema", start, [entry.index])
    listed = any(item.method == "tools/list" and item.result for item in said(conversation))
    if not listed:
        raise Blocked("the client lists no tools")
    yield None


@compared("client.reference-unresolved", "dialects.reference.unresolved", scenarios=(_TWIN, "outside-reference"))
def reference_unresolved(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A schema with a reference that is not followed lets no value pass."""
    yield from _misfit(conversation, twins, "a result refused whose schema is not known")


@compared("client.schema-bounds", "dialects.bounds", scenarios=(PLAIN, "exploding-schema"))
def schema_bounds(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A schema that explodes when it is applied does not stop a client."""
    if not all(_end(twin).startswith(_EXIT) for twin in twins[PLAIN]):
        raise Blocked("the client never ends by itself")
    call = _called(conversation, MISFITS)
    assert call.answer is not None
    stopped = _end(conversation) == _ENDED and _silent_after(conversation, call.answer.index)
    yield Mismatch("a client that goes on or ends", "one that had to be ended", _evidence(call)) if stopped else None
