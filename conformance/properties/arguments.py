"""Calls of tools with arguments that their own input schemas allow, and with some that they forbid.

Each draw brings its kin: calls near it, which cost next to nothing to make, and smaller ones for when it fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.dialects import misfit
from conformance.expect import Blocked, Inapplicable
from conformance.properties.case import Case, Kin
from conformance.properties.expectation import Expectation
from conformance.properties.json_schema import Unsatisfiable, minimally_invalid, valid
from conformance.properties.json_schema_breaks import Break, confirmed
from conformance.properties.json_schema_document import Document, read
from conformance.properties.json_schema_model import Invalid, pointer
from conformance.properties.known import call_message, known_calls, promise_of
from conformance.properties.property import Ground
from conformance.properties.smaller import smaller
from conformance.properties.variants import Variants
from conformance.properties.ways import way_of_keyword
from conformance.surface import ToolCall

__all__ = ["callable_tools", "invalid_arguments", "known_arguments", "valid_arguments"]


def valid_arguments(ground: Ground) -> SearchStrategy[Case]:
    """Calls of each callable tool with arguments that its own input schema allows."""
    return _of_tools(ground, lambda calls: valid(calls.schema).map(calls.valid))


def known_arguments(ground: Ground) -> Iterator[Case]:
    """Calls of each callable tool with values that broke servers in the field."""
    tools = callable_tools(ground)
    by_name = {call.tool["name"]: _Calls(ground, call) for call in tools}
    for case in known_calls(ground, tools):
        if case.message is None:
            yield case
        else:
            yield by_name[case.message["params"]["name"]].known(case)


def invalid_arguments(ground: Ground) -> SearchStrategy[Case]:
    """Calls of each callable tool with arguments that break its input schema in one way."""
    return _of_tools(ground, lambda calls: minimally_invalid(calls.schema, wrong_root=False).map(calls.invalid))


def callable_tools(ground: Ground) -> list[ToolCall]:
    """Return the calls that may be made and are quick. Raises `Inapplicable` without tools, `Blocked` without one."""
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    calls = [call for call in ground.surface.calls() if not ground.surface.is_slow(call)]
    if not calls:
        raise Blocked("no tool may be called: none has readOnlyHint, none was allowed (--allow NAME)")
    return calls


def _of_tools(ground: Ground, made: Callable[[_Calls], SearchStrategy[Case]]) -> SearchStrategy[Case]:
    options, why_not = [], []
    for call in callable_tools(ground):
        try:
            options.append(made(_Calls(ground, call)))
        except Unsatisfiable as error:
            why_not.append(f"{call.tool['name']}: {error}")
    if not options:
        raise Blocked("; ".join(why_not))
    return st.one_of(options)


class _Calls:
    """The calls of one tool."""

    def __init__(self, ground: Ground, call: ToolCall) -> None:
        self.schema = call.tool.get("inputSchema")
        self._ground = ground
        self._name = call.tool["name"]
        self._fits, self._fails = (promise_of(call.tool, fits=fits) for fits in (True, False))
        self._variants = Variants(self.schema)
        # Who reads texts of a certain form may mind what no validator does.
        self._formless = not any(word in json.dumps(self.schema) for word in ('"format"', '"pattern"', '"content'))

    def valid(self, arguments: Any) -> Case:
        """Return the call with arguments that the schema allows."""
        kin = Kin(lambda random: map(self._valid, self._variants.valid(arguments, random)))
        return replace(self._valid(arguments), kin=kin)

    def _valid(self, arguments: Any) -> Case:
        message = call_message(self._ground, self._name, arguments)
        label, kin = f"{self._name} with valid arguments", Kin(smaller=lambda: self._smaller_valid(arguments))
        return Case(label, Expectation.ANSWER, message, promise=self._fits, kin=kin)

    def _smaller_valid(self, arguments: Any) -> Iterator[Case]:
        return (self._valid(near) for near in smaller(arguments) if self._allows(near))

    def _allows(self, arguments: Any) -> bool:
        if self._variants.accepts(arguments):
            return True
        try:
            return self._formless and isinstance(arguments, dict) and misfit(self.schema, arguments) is None
        except (OverflowError, ArithmeticError):  # a validator that cannot count so far
            return False

    def known(self, case: Case) -> Case:
        """Return a case that is tried as it is with smaller ones, should it fail."""

        def less() -> Iterator[Case]:
            label = f"{self._name} with valid arguments"
            for near in smaller(case.message["params"]["arguments"]):
                if self._allows(near):
                    message = call_message(self._ground, self._name, near)
                    yield self.known(replace(case, label=label, message=message))

        return replace(case, kin=Kin(smaller=less))

    @cached_property
    def _document(self) -> Document:
        return read(self.schema)

    def invalid(self, drawn: Invalid) -> Case:
        """Return the call with arguments that the schema forbids."""
        case = self._invalid(drawn, drawn.value)
        return replace(case, kin=Kin(lambda random: self._relatives(drawn.instance, random)))

    def _relatives(self, instance: Any, random: Random) -> Iterator[Case]:
        return (self._near(*found) for found in self._variants.broken(self._document, instance, random))

    def _near(self, way: Break, value: Any) -> Case:
        kin = Kin(
            smaller=lambda: self._smaller_invalid(way, value),
            holds=lambda: confirmed(self._document, way, value),
        )
        return replace(self._invalid(way, value), kin=kin)

    def _smaller_invalid(self, way: Break, value: Any) -> Iterator[Case]:
        label = f"{way.keyword} broken at {pointer(way.path) or 'the root'}"
        for near in smaller(value):
            if isinstance(near, dict) and confirmed(self._document, way, near):
                yield self._near(replace(way, description=label), near)

    def _invalid(self, broken: Break | Invalid, value: Any) -> Case:
        message, way = call_message(self._ground, self._name, value), way_of_keyword(broken.keyword)
        label = f"{self._name} with {broken.description}"
        return Case(label, Expectation.ANSWER, message, promise=self._fails, way=way)
