"""Judges of what clients make of results that are none, and of schemas in one dialect or another.

What a client thinks of a result shows where it ends because of it, or where it says so by a note.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.notes import ENDED, EXIT, NOTE, called, end_of, noted, refused, silent_after
from conformance.clients.said import Said, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.schemas import FITS, MISFITS, VALIDATES_NOTHING, WEB
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.transcript import Conversation, Direction

_UNSEEN = f"the client went on, and what it made of the result does not show; let it call {NOTE} (docs/clients.md)"
_TWIN = "misfit-output"


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
    call = called(conversation, MISFITS)
    if noted(conversation, MISFITS):
        assert call.answer is not None
        actual = f"{brief(call.answer.value)} taken for good"
        yield Mismatch("a call that failed", actual, _evidence(call))
    elif refused(conversation, MISFITS):
        yield None
    else:
        raise Blocked(_UNSEEN)


# Dialects -------------------------------------------------------------------------------------------


def _validates(twins: Twins) -> None:
    """Raise unless the client refuses what breaks an ordinary schema: then it refuses by ending, or says so."""
    for conversation in twins[_TWIN]:
        if not refused(conversation, MISFITS):
            raise Inapplicable(VALIDATES_NOTHING)


def _misfit(conversation: Conversation, twins: Twins, wanted: str) -> Iterator[Mismatch | None]:
    """Judge whether a misfit is refused as the one in the twin is, and what fits is not."""
    _validates(twins)
    if refused(conversation, FITS):
        raise Blocked("the client refuses what fits the schema, too")
    fine = refused(conversation, MISFITS)
    yield None if fine else Mismatch(wanted, "it taken for good", _evidence(called(conversation, MISFITS)))


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
    end = end_of(conversation)
    if end.startswith(EXIT + b"-"):
        yield Mismatch("an error", f"a client that crashed: {end.decode()}", [called(conversation, FITS).entry.index])
        return
    _validates(twins)
    if refused(conversation, FITS):
        yield None
    elif refused(conversation, MISFITS):
        evidence = [*_evidence(called(conversation, FITS)), *_evidence(called(conversation, MISFITS))]
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
    if not all(end_of(twin).startswith(EXIT) for twin in twins[PLAIN]):
        raise Blocked("the client never ends by itself")
    call = called(conversation, MISFITS)
    assert call.answer is not None
    stopped = end_of(conversation) == ENDED and silent_after(conversation, call.answer.index)
    yield Mismatch("a client that goes on or ends", "one that had to be ended", _evidence(call)) if stopped else None
