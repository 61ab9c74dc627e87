"""Objects from the flat keywords of a schema.

Members that a schema neither names nor mentions are left out, though JSON Schema would allow them: most servers ignore
or refuse what they do not know. They appear where the schema speaks of them (`additionalProperties`,
`patternProperties`, `minProperties`) or where it names no member at all.
"""

import contextlib
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.properties.json_schema_conjunction import Conjunction, both, evaluated, member_schema
from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import Build, Schema, Unsatisfiable
from conformance.properties.json_schema_patterns import ASCII, matching

# More members than are named: enough to find a defect, few enough to stay quick.
_MORE_MEMBERS = 2

Member: TypeAlias = tuple[str, Any]
BuildHere: TypeAlias = Callable[[Schema], SearchStrategy[Any]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to draw objects: the listed members, which of them must be there or come together, and further ones."""

    members: dict[str, SearchStrategy[Any]]
    required: frozenset[str]
    optional: dict[str, frozenset[str]]
    least: int
    most: int
    further: SearchStrategy[Member] | None


def objects(terms: Conjunction, build: Build, document: Document) -> SearchStrategy[dict[str, Any]]:
    """Return objects for the object keywords of a conjunction; raises Unsatisfiable."""
    flat = evaluated(terms.flat, "additionalProperties", "unevaluatedProperties")
    least, most = int(flat.get("minProperties", 0)), int(flat.get("maxProperties", 2**31))
    required = _closure(flat.get("required", ()), flat)
    if len(required) > most:
        raise Unsatisfiable("maxProperties allows fewer members than are required")
    here = partial(build, depth=terms.depth)
    allowed = document.judge(both(*(flat[name] for name in ("propertyNames",) if name in flat)))
    members = _members(flat, required, here, allowed)
    groups = {name: _closure((name,), flat) for name in members if name not in required}
    optional = {name: group for name, group in groups.items() if group <= members.keys()}
    further = None
    if len(required) < most:
        crowded = bool(flat.get("properties")) and least <= len(required) + len(optional)
        further = _further(flat, here, allowed, ascii_only=bool(terms.also), unasked=not crowded)
    if further is None and least > len(required | frozenset().union(*optional.values())):
        raise Unsatisfiable("minProperties demands more members than there are")
    return _objects(_Plan(members, required, optional, least, most, further))


def _members(
    flat: dict[str, Any], required: frozenset[str], build: BuildHere, allowed: Callable[[str], bool]
) -> dict[str, SearchStrategy[Any]]:
    """Return the members that have a name and can be built; raises Unsatisfiable if a required one cannot."""
    members: dict[str, SearchStrategy[Any]] = {}
    for name in dict.fromkeys([*flat.get("properties", ()), *flat.get("required", ()), *_companions(flat)]):
        if not allowed(name):
            if name in required:
                raise Unsatisfiable(f"the name {name!r} is required and not allowed")
            continue
        try:
            members[name] = build(member_schema(flat, name))
        except Unsatisfiable:
            if name in required:
                raise
    return members


def _companions(flat: dict[str, Any]) -> Iterator[str]:
    for name, others in flat.get("dependentRequired", {}).items():
        if name in flat.get("properties", ()) or name in flat.get("required", ()):
            yield from others


def _closure(names: Any, flat: dict[str, Any]) -> frozenset[str]:
    """Return the names together with all that `dependentRequired` demands beside them."""
    result: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        result.add(name)
        waiting |= set(flat.get("dependentRequired", {}).get(name, ())) - result
    return frozenset(result)


def _further(
    flat: dict[str, Any], build: BuildHere, allowed: Callable[[str], bool], *, ascii_only: bool, unasked: bool
) -> SearchStrategy[Member] | None:
    """Return members that are not listed, or None where there are to be none.

    `unasked`: they may come where neither `patternProperties` nor `additionalProperties` speaks of them.
    """
    patterns = flat.get("patternProperties", {})
    listed = {*flat.get("properties", ()), *flat.get("required", ()), *flat.get("dependentRequired", ())}
    kinds = {pattern: (matching(pattern), schema) for pattern, schema in patterns.items() if schema is not False}
    rest = flat.get("additionalProperties", unasked and not patterns)
    if rest is not False:
        kinds[None] = (_free_names(flat, build, ascii_only=ascii_only or bool(patterns)), rest)
    choices: list[SearchStrategy[Member]] = []
    for kind, (names, schema) in kinds.items():

        def fits(name: str, kind: str | None = kind) -> bool:
            # A name that several patterns match has to satisfy all of their schemas: it is not made.
            matched = [pattern for pattern in patterns if re.search(pattern, name)]
            return name not in listed and allowed(name) and matched == ([] if kind is None else [kind])

        with contextlib.suppress(Unsatisfiable):
            choices.append(st.tuples(names.filter(fits), build(schema)))
    return st.one_of(choices) if choices else None


def _free_names(flat: dict[str, Any], build: BuildHere, *, ascii_only: bool) -> SearchStrategy[str]:
    if "propertyNames" in flat:
        return build({"allOf": [{"type": ["string"]}, flat["propertyNames"]]})
    letters = ASCII if ascii_only else st.characters(exclude_categories=["Cs"])
    return st.text(letters, min_size=1, max_size=12)


def _objects(plan: _Plan) -> SearchStrategy[dict[str, Any]]:
    listed = st.fixed_dictionaries(
        {name: member for name, member in plan.members.items() if name in plan.required},
        optional={name: plan.members[name] for name in plan.optional},
    )

    @st.composite
    def drawn_objects(draw: DrawFn) -> dict[str, Any]:
        drawn = draw(listed)
        names = _settled(plan, list(drawn))
        result = {
            name: drawn[name] if name in drawn else draw(member)
            for name, member in plan.members.items()
            if name in names
        }
        if plan.further is not None:
            missing = max(0, plan.least - len(result))
            room = max(missing, min(plan.most - len(result), missing + _MORE_MEMBERS))
            one_of_each = operator.itemgetter(0)
            result |= draw(st.lists(plan.further, min_size=missing, max_size=room, unique_by=one_of_each))
        assume(plan.least <= len(result) <= plan.most)
        return result

    return drawn_objects()


def _settled(plan: _Plan, drawn: list[str]) -> set[str]:
    """Return the listed names an object is to have: those drawn, and what `dependentRequired` and the counts demand."""
    names = set(drawn).union(*(plan.optional.get(name, ()) for name in drawn))
    for name in reversed(drawn):
        needed = name in plan.required or any(name in plan.optional.get(other, ()) for other in names - {name})
        if len(names) > plan.most and not needed:
            names.discard(name)
    for group in plan.optional.values():
        if len(names) < plan.least and len(names | group) <= plan.most:
            names |= group
    return names
