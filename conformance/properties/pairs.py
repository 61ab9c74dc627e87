"""Cases of two calls whose answers are compared, of tools that say they are read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.dialects import misfit
from conformance.expect import Blocked, Inapplicable
from conformance.peer import encode
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.json_schema import Unsatisfiable, valid
from conformance.properties.known import call_message
from conformance.properties.property import Ground
from conformance.surface import ToolCall

__all__ = ["calls_after", "calls_again", "calls_beside", "calls_cut", "known_cuts", "known_pairs"]

Strategies = list[tuple[ToolCall, SearchStrategy[Any]]]
_KNOWN_ID = 10**6 - 100
_MOST, _FIRST = 12, 5
_LONG = "touchstone " * 12
_TELLING = "\u00e9\u4e2d\U0001f600"


def _drawable(ground: Ground, *, with_members: bool) -> Strategies:
    """Return tools that say they are read-only, each with a strategy of its arguments."""
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    found: Strategies = []
    for call in ground.surface.calls():
        if len(found) < _MOST and _read_only(call) and not ground.surface.is_slow(call):
            schema = call.tool.get("inputSchema")
            if with_members and not (isinstance(schema, dict) and schema.get("properties")):
                continue
            try:
                found.append((call, valid(schema)))
            except Unsatisfiable:
                continue
    if not found:
        raise Blocked("no tool says that it is read-only (readOnlyHint) and takes arguments that can be made")
    return found


def _read_only(call: ToolCall) -> bool:
    annotations = call.tool.get("annotations")
    return isinstance(annotations, dict) and annotations.get("readOnlyHint") is True


def _pair(draw: DrawFn, made: Strategies) -> tuple[str, Any, Any]:
    """Draw a tool's name and two sets of arguments: another draw, or one that is nearly the same."""
    call, arguments = draw(st.sampled_from(made))
    one = draw(arguments)
    schema = call.tool.get("inputSchema")
    fitting = [pair for pair in _neighbours(one) if all(misfit(schema, arguments) is None for arguments in pair)]
    chosen = draw(st.sampled_from([None, *fitting]))
    first, second = chosen or (one, draw(arguments))
    return call.tool["name"], first, second


def _neighbours(arguments: Any) -> list[tuple[Any, Any]]:
    """Return pairs that differ in little: names exchanged, 1 for true, a text that goes on."""
    if not isinstance(arguments, dict):
        return []
    found = [(arguments, other) for other in _exchanged(arguments)]
    for name, value in arguments.items():
        if isinstance(value, str | int | bool):
            found += [({**arguments, name: 1}, {**arguments, name: other}) for other in (True, "1")]
        if isinstance(value, str):
            found.append(({**arguments, name: f"{_LONG}a"}, {**arguments, name: f"{_LONG}b"}))
    return [pair for pair in found if encode(pair[0]) != encode(pair[1])]


def _exchanged(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    names = list(arguments)
    return [{**arguments, one: arguments[other], other: arguments[one]} for one, other in pairwise(names)]


def _two_calls(ground: Ground, relation: str, label: Callable[[str], str]) -> SearchStrategy[Case]:
    made = _drawable(ground, with_members=True)

    @st.composite
    def pairs(draw: DrawFn) -> Case:
        name, first, second = _pair(draw, made)
        messages = (call_message(ground, name, first), call_message(ground, name, second))
        return Case(label(name), Expectation.ANSWER, messages[1], relation=relation, first=messages[0])

    return pairs()


def known_pairs(ground: Ground) -> Iterator[Case]:
    """Calls that keepers of answers have taken for one another, of the first tools."""
    for call, _ in _drawable(ground, with_members=True)[:_FIRST]:
        for pair in _neighbours(call.arguments):
            if all(misfit(call.tool.get("inputSchema"), arguments) is None for arguments in pair):
                first, second = (call_message(ground, call.tool["name"], arguments) for arguments in pair)
                label = f"{call.tool['name']} behind another call of it"
                yield Case(label, Expectation.ANSWER, second, relation="after", first=first)


def calls_after(ground: Ground) -> SearchStrategy[Case]:
    """A call, behind another one of the same tool."""
    return _two_calls(ground, "after", lambda name: f"{name} behind another call of it")


def calls_beside(ground: Ground) -> SearchStrategy[Case]:
    """Two calls at once: of two conversations with the same id, or of one where a conversation is a process."""
    return _two_calls(ground, "beside", lambda name: f"{name} while another call of it is under way")


def calls_again(ground: Ground) -> SearchStrategy[Case]:
    """The same call twice."""

    def case(name: str, arguments: Any) -> Case:
        message = call_message(ground, name, arguments)
        return Case(f"{name} called again", Expectation.ANSWER, message, relation="again", first=message)

    made = _drawable(ground, with_members=False)
    return st.one_of([st.builds(case, st.just(call.tool["name"]), arguments) for call, arguments in made])


def known_cuts(ground: Ground) -> Iterator[Case]:
    """A call with a text of characters that are several bytes, cut within each and before the end of the line."""
    for call, _ in _drawable(ground, with_members=False):
        for name, value in call.arguments.items():
            arguments = {**call.arguments, name: _TELLING}
            if isinstance(value, str) and misfit(call.tool.get("inputSchema"), arguments) is None:
                line = encode(call_message(ground, call.tool["name"], arguments, _KNOWN_ID))
                start = line.index(_TELLING.encode())
                for number, at in enumerate((start + 1, start + 3, start + 8, len(line))):
                    message = call_message(ground, call.tool["name"], arguments, _KNOWN_ID + number)
                    yield _cut(call, message, at)
                return


def _cut(call: ToolCall, message: dict[str, Any], at: int) -> Case:
    return Case(f"{call.tool['name']} in two pieces", Expectation.ANSWER, message, relation="cut", cut=at)


def calls_cut(ground: Ground) -> SearchStrategy[Case]:
    """A call whose bytes come in two pieces, cut anywhere: over HTTP in two chunks, in a WebSocket in two frames."""
    made = _drawable(ground, with_members=False)

    @st.composite
    def cuts(draw: DrawFn) -> Case:
        call, strategy = draw(st.sampled_from(made))
        arguments, name = draw(strategy), call.tool["name"]
        told = [{**arguments, key: _TELLING} for key, value in arguments.items() if isinstance(value, str)]
        fitting = [other for other in told if misfit(call.tool.get("inputSchema"), other) is None]
        arguments = draw(st.sampled_from([*fitting, arguments]))
        identifier = draw(st.integers(10**6, 10**9))
        message = call_message(ground, name, arguments, identifier)
        at = draw(st.integers(1, len(encode(message))))
        return _cut(call, message, at)

    return cuts()
