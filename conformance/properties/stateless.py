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
from conformance.properties.messages import ids, near_valid
from conformance.properties.property import Ground, Property
from conformance.surface import ToolCall
from reference_impl.protocol.lifecycle import request_meta
from reference_impl.protocol.methods import PAGINATED

__all__ = ["PROPERTIES"]

_SOME = 5
"""Listed items of a kind that cases are made for."""
_INFO = {"name": "touchstone", "version": "1"}


def _request(ground: Ground, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return a sound request without id."""
    if ground.revision.modern:
        params = params | {"_meta": request_meta(ground.revision, _INFO)}
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return message | ({"params": params} if params else {})


def _sound(ground: Ground) -> list[tuple[str, dict[str, Any]]]:
    """Return sound requests that any target of this kind answers with a result: a label and the message."""
    cheap = "server/discover" if ground.revision.modern else "ping"
    requests = [(cheap, _request(ground, cheap, {}))]
    for method in PAGINATED:
        if method.partition("/")[0] in ground.capabilities and method != "resources/templates/list":
            requests.append((method, _request(ground, method, {})))
    for resource in ground.surface.resources[:_SOME]:
        requests.append(("resources/read", _request(ground, "resources/read", {"uri": resource.get("uri")})))
    return requests


def _with_id(message: dict[str, Any], identifier: Any) -> dict[str, Any]:
    return {"jsonrpc": message["jsonrpc"], "id": identifier} | message


def sound_requests(ground: Ground) -> SearchStrategy[Case]:
    """Sound requests with any legal id."""

    def case(request: tuple[str, dict[str, Any]], identifier: Any) -> Case:
        expectation = Expectation.ANSWER if request[0] == "resources/read" else Expectation.RESULT
        return Case(request[0], expectation, _with_id(request[1], identifier))

    return st.builds(case, st.sampled_from(_sound(ground)), ids())


def near_valid_messages(ground: Ground) -> SearchStrategy[Case]:
    """Requests that are wrong in exactly one known way."""
    sound = [_with_id(message, 7) for _, message in _sound(ground)]

    def broken(message: dict[str, Any]) -> SearchStrategy[Case]:
        return near_valid(message, ground.revision).map(
            lambda wrong: Case(wrong.defect, wrong.expectation, wrong.message)
        )

    return st.sampled_from(sound).flatmap(broken)


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
        message = _request(ground, "tools/call", {"name": name, "arguments": value})
        return Case(f"{name} with {label}", Expectation.ANSWER, _with_id(message, 7))

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
    del ground
    return framing.framings().map(lambda item: Case(item.label, item.expectation, chunks=item.chunks))


PROPERTIES: tuple[Property, ...] = (
    Property(
        "property.requests",
        ("base.response.id-echo", "base.message.json-rpc"),
        "Every sound request, whatever its id, gets exactly one answer: same id, valid by the schema.",
        sound_requests,
    ),
    Property(
        "property.near-valid",
        ("property.survives",),
        "A request that is wrong in one way gets an error or silence, as the rules say, and the target serves on.",
        near_valid_messages,
    ),
    Property(
        "property.arguments.valid",
        ("base.message.json-rpc", "property.survives"),
        "A tool answers arguments that its own schema allows with one response, valid by the schema.",
        valid_arguments,
    ),
    Property(
        "property.arguments.invalid",
        ("property.survives",),
        "A tool answers arguments that its own schema forbids with one response, and the target serves on.",
        invalid_arguments,
    ),
    Property(
        "property.framing",
        ("property.framing.lines",),
        "Messages arrive however their bytes were cut, and lines that are no messages do not stop the target.",
        odd_framing,
    ),
)
