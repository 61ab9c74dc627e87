"""Servers whose tools give results that break what they promise, or promise it in schemas that are hard to read.

Each has a tool `fits`, whose result keeps to its schema, a tool `misfits`, whose result does not, and one more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.clients.notes import acknowledged, refused
from conformance.clients.offer import EMPTY_SCHEMA, Offer, complete
from conformance.clients.reply import HttpRequest, RawReply, Reply
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Listener, Scenario, Scene, Turn, modern
from conformance.expect import Blocked, Inapplicable
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

__all__ = [
    "BROKEN_RESULT",
    "EXPLODING_SCHEMA",
    "FITS",
    "MISFITS",
    "MISFIT_DRAFT",
    "MISFIT_ITEMS",
    "MISFIT_OUTPUT",
    "OUTSIDE_REFERENCE",
    "UNKNOWN_DIALECT",
    "VALIDATES_NOTHING",
    "WEB",
]

VALIDATES_NOTHING = "the client does not hold structured content against schemas, as far as it shows"
_TWIN = "misfit-output"
FITS, MISFITS, _AFTER = "fits", "misfits", "farewell"
WEB = "web"
"""The listener at which a schema lies that a reference leads to."""
_LONG = 15.0
"""Seconds of silence after which a client is taken to be stuck: many times what a bounded effort takes."""
_DEPTH = 40
"""Each level doubles the effort of whoever does not remember what it has seen."""

Value = dict[str, Any]


def _object(**properties: Value) -> Value:
    return {"type": "object", "properties": properties, "required": list(properties)}


@dataclass(frozen=True, slots=True)
class _Fault:
    """The schema of both tools (of `misfits`, where `fits` has another), and the values that they give."""

    schema: Value
    right: Value
    wrong: Value
    other: Value | None = None


_COUNT = _object(count={"type": "integer"})
_PAIR = [{"type": "string"}, {"type": "integer"}]
_OUTPUT = _Fault(_COUNT, {"count": 1}, {"count": "many"})
_ITEMS = _Fault(_object(pair={"type": "array", "prefixItems": _PAIR}), {"pair": ["a", 1]}, {"pair": ["a", "b"]})
_DRAFT = _Fault(
    {"$schema": "http://json-schema.org/draft-07/schema#", **_object(pair={"type": "array", "items": _PAIR})},
    {"pair": ["a", 1]},
    {"pair": ["a", "b"]},
)
_DIALECT = _Fault({"$schema": "https://example.invalid/dialect", **_COUNT}, {"count": 1}, {"count": "many"})
_LOCAL = {**_object(count={"$ref": "#/$defs/count"}), "$defs": {"count": {"type": "integer"}}}


def _exploding() -> Value:
    levels = {f"level{number}": {"allOf": [{"$ref": f"#/$defs/level{number + 1}"}] * 2} for number in range(_DEPTH)}
    return {**_object(count={"$ref": "#/$defs/level0"}), "$defs": {**levels, f"level{_DEPTH}": {"type": "integer"}}}


def _tools(fault: _Fault, revision: Revision) -> tuple[Value, ...]:
    schemas = {FITS: fault.schema, MISFITS: fault.other or fault.schema}
    shown = {name: {"outputSchema": schema} for name, schema in schemas.items() if revision.structured_output}
    return tuple({"name": name, "inputSchema": EMPTY_SCHEMA, **shown.get(name, {})} for name in (FITS, MISFITS, _AFTER))


def _structured(value: Value) -> Value:
    return {"content": [{"type": "text", "text": json.dumps(value)}], "structuredContent": value}


def _begin(fault: Callable[[Scene], _Fault], result: Callable[[_Fault], Value]) -> Callable[[Scene], Behaviour]:
    """Return how a server begins whose tool `misfits` gives this result."""

    def begin(scene: Scene) -> Behaviour:
        shown = fault(scene)
        results = {FITS: _structured(shown.right), MISFITS: result(shown)}

        def reply(turn: Turn) -> Reply | None:
            name = turn.params.get("name")
            if turn.is_request and turn.method == "tools/call" and name in results:
                return turn.result(complete(scene.revision, results[name], caches=False))
            return acknowledged(turn)

        def offer(revision: Revision) -> Offer:
            return Offer((_tools(shown, revision),))

        return Behaviour(reply=reply, offer=offer, http=_schema)

    return begin


def _schema(request: HttpRequest) -> RawReply | None:
    if request.listener != WEB:
        return None
    return RawReply(200, (("content-type", "application/schema+json"),), b'{"type": "integer"}')


def _calls(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


def _validates(twins: Sequence[Conversation]) -> str | Inapplicable | None:
    """Whether the client shows that it refuses what breaks an ordinary schema; without that nothing shows."""
    try:
        shows = all(refused(twin, MISFITS) for twin in twins)
    except Blocked as error:
        return error.reason
    return None if shows else Inapplicable(VALIDATES_NOTHING)


def _by_dialect(fault: _Fault, name: str, title: str) -> Scenario:
    begin = _begin(lambda _: fault, lambda shown: _structured(shown.wrong))
    return Scenario(name, title, begin, binds=_names_dialects, needs=_validates, probe=_TWIN)


def _outside(scene: Scene) -> _Fault:
    reference = _object(count={"$ref": f"{scene.urls[WEB]}/schema.json"})
    return _Fault(_LOCAL, {"count": 1}, {"count": "many"}, reference)


def _structures(revision: Revision) -> bool:
    return revision.structured_output


def _names_dialects(revision: Revision) -> bool:
    return revision.argument_errors_are_results


BROKEN_RESULT = Scenario(
    "broken-result",
    "has a tool whose result has a string where content should be",
    _begin(lambda _: _OUTPUT, lambda _: {"content": "done"}),
    needs=_calls,
    apart=True,
)
MISFIT_OUTPUT = Scenario(
    _TWIN,
    "has a tool whose structured content breaks its outputSchema",
    _begin(lambda _: _OUTPUT, lambda shown: _structured(shown.wrong)),
    binds=_structures,
    needs=_calls,
)
MISFIT_ITEMS = _by_dialect(_ITEMS, "misfit-items", "the same, by a keyword that JSON Schema has had since 2020-12")
MISFIT_DRAFT = _by_dialect(_DRAFT, "misfit-draft", "the same, by a keyword of draft-07, which $schema names")
UNKNOWN_DIALECT = _by_dialect(_DIALECT, "unknown-dialect", "has tools whose $schema names a dialect that nobody knows")
OUTSIDE_REFERENCE = Scenario(
    "outside-reference",
    "has a tool whose outputSchema refers to a schema on the web",
    _begin(_outside, lambda shown: _structured(shown.wrong)),
    binds=modern,
    listeners=(Listener(WEB),),
)
EXPLODING_SCHEMA = Scenario(
    "exploding-schema",
    "has a tool whose outputSchema takes those for ever who check each branch of it",
    _begin(lambda _: _Fault(_COUNT, {"count": 1}, {"count": 1}, _exploding()), lambda shown: _structured(shown.wrong)),
    binds=modern,
    needs=_calls,
    idle=_LONG,
)
