"""The properties that hold for every single message, whatever came before it.

Each makes cases from what the target offers; `conformance.properties.oracle` judges how the target takes them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.expect import Blocked, Inapplicable
from conformance.properties import framing
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.json_schema import Unsatisfiable, minimally_invalid, valid
from conformance.properties.messages import ids, near_valid, request
from conformance.properties.property import Ground, Property
from conformance.surface import ToolCall
from reference_impl.protocol.methods import PAGINATED

__all__ = ["PROPERTIES"]

_SOME = 5
"""Listed items of a kind that cases are made for."""
_ID = 7
"""The id of a request whose id is not the point; each conversation replaces ids that it has seen."""


def _sound(ground: Ground) -> list[tuple[str, dict[str, Any]]]:
    """Return sound requests that any target of this kind answers with a result: a label and the message."""
    cheap = "server/discover" if ground.revision.modern else "ping"
    declared = [method for method in PAGINATED if method.partition("/")[0] in ground.capabilities]
    lists = [method for method in declared if method != "resources/templates/list"]
    reads = [{"uri": resource.get("uri")} for resource in ground.surface.resources[:_SOME]]
    return [
        *((method, request(ground.revision, method)) for method in (cheap, *lists)),
        *(("resources/read", request(ground.revision, "resources/read", params)) for params in reads),
    ]


def sound_requests(ground: Ground) -> SearchStrategy[Case]:
    """Sound requests with any legal id."""

    def case(sound: tuple[str, dict[str, Any]], identifier: Any) -> Case:
        expectation = Expectation.ANSWER if sound[0] == "resources/read" else Expectation.RESULT
        return Case(sound[0], expectation, {**sound[1], "id": identifier}, exact_id=True)

    return st.builds(case, st.sampled_from(_sound(ground)), ids())


def near_valid_messages(ground: Ground) -> SearchStrategy[Case]:
    """Requests that are wrong in exactly one known way."""

    def broken(sound: tuple[str, dict[str, Any]]) -> SearchStrategy[Case]:
        wrong = near_valid(sound[1], ground.revision, dual_era=ground.dual_era)
        return wrong.map(lambda item: Case(item.defect, item.expectation, item.message))

    return st.sampled_from(_sound(ground)).flatmap(broken)


def valid_arguments(ground: Ground) -> SearchStrategy[Case]:
    """Calls of each callable tool with arguments that its own input schema allows."""
    return _of_tools(ground, lambda schema: valid(schema).map(lambda value: ("valid arguments", value)))


def invalid_arguments(ground: Ground) -> SearchStrategy[Case]:
    """Calls of each callable tool with arguments that break its input schema in one way."""
    return _of_tools(
        ground,
        lambda schema: minimally_invalid(schema, wrong_root=False).map(lambda item: (item.description, item.value)),
    )


def _of_tools(ground: Ground, arguments: Any) -> SearchStrategy[Case]:
    options, why_not = [], []
    for call in _callable(ground):
        try:
            options.append(st.tuples(st.just(call), arguments(call.tool.get("inputSchema"))))
        except Unsatisfiable as error:
            why_not.append(f"{call.tool['name']}: {error}")
    if not options:
        raise Blocked("; ".join(why_not))

    def case(drawn: tuple[ToolCall, tuple[str, Any]]) -> Case:
        call, (label, value) = drawn
        name = call.tool["name"]
        message = request(ground.revision, "tools/call", {"name": name, "arguments": value}, request_id=_ID)
        return Case(f"{name} with {label}", Expectation.ANSWER, message)

    return st.one_of(options).map(case)


def _callable(ground: Ground) -> list[ToolCall]:
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    calls = [call for call in ground.surface.calls() if not ground.surface.is_slow(call)]
    if not calls:
        raise Blocked("no tool may be called: none has readOnlyHint, none was allowed (--allow NAME)")
    return calls


def odd_framing(ground: Ground) -> SearchStrategy[Case]:
    """Bytes cut anywhere, and lines that are no messages."""
    if ground.transport in _WHOLE:
        raise Inapplicable("over this transport a message comes whole or not at all")
    method = "server/discover" if ground.revision.modern else "ping"

    def framed(identifier: int) -> SearchStrategy[Case]:
        made = framing.framings(request(ground.revision, method, request_id=identifier))
        return made.map(lambda item: Case(item.label, item.expectation, chunks=item.chunks, requests=item.requests))

    # Bytes cannot be given another id afterwards, so it is drawn from so many that none comes twice.
    return st.integers(10**6, 10**9).flatmap(framed)


_WHOLE = ("sse", "ws")
_ECHO = ("base.response.id-echo", "base.response.id-echo-legacy")

PROPERTIES: tuple[Property, ...] = (
    Property(
        "property.requests",
        (*_ECHO, "base.message.json-rpc", "base.response.every-request"),
        "Every sound request, whatever its id, gets exactly one answer: same id, valid by the schema.",
        sound_requests,
    ),
    Property(
        "property.near-valid",
        ("base.response.every-request", "property.survives"),
        "A request that is wrong in one way gets an error or silence, as the rules say, and the target serves on.",
        near_valid_messages,
    ),
    Property(
        "property.arguments.valid",
        ("base.message.json-rpc", "base.response.every-request"),
        "A tool answers arguments that its own schema allows with one response, valid by the schema.",
        valid_arguments,
    ),
    Property(
        "property.arguments.invalid",
        ("base.response.every-request", "property.survives"),
        "A tool answers arguments that its own schema forbids with one response, and the target serves on.",
        invalid_arguments,
    ),
    Property(
        "property.framing",
        ("base.response.every-request", "property.framing.lines"),
        "Messages arrive however their bytes were cut, and lines that are no messages do not stop the target.",
        odd_framing,
    ),
)
