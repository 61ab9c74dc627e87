"""Arrays and objects from the flat keywords of a schema.

Members that a schema neither names nor mentions are left out, though JSON Schema would allow them: most servers ignore
or refuse what they do not know. They appear where the schema speaks of them (`additionalProperties`,
`patternProperties`, `minProperties`) or where it names no member at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.properties.json_schema_conjunction import Conjunction, both, item_schema, member_schema
from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import Schema, Unsatisfiable, identity
from conformance.properties.json_schema_patterns import ASCII, matching


class Build(Protocol):
    """Builds the strategy of a schema with so much recursion left; raises Unsatisfiable."""

    def __call__(self, schema: Schema, depth: int) -> SearchStrategy[Any]: ...  # noqa: D102 - said above


# More items than the least, or more members than are named: enough to find a defect, few enough to stay quick.
_MORE_ITEMS = 5
_MORE_MEMBERS = 2
# Beyond this many items an instance takes longer to draw than to send.
_MOST_ITEMS = 512


def arrays(terms: Conjunction, build: Build, document: Document) -> SearchStrategy[list[Any]]:
    """Return arrays for the array keywords of a conjunction; raises Unsatisfiable."""
    flat = _evaluated(terms.flat, "items", "unevaluatedItems")
    least, most = int(flat.get("minItems", 0)), int(flat.get("maxItems", _MOST_ITEMS))
    if "contains" in flat:
        return _containing(flat, terms.depth, build, document)
    if least > min(most, _MOST_ITEMS):
        raise Unsatisfiable(f"no array of {least} items is built")
    head, ends = _head(flat, most, terms.depth, build)
    if least > len(head) and ends:
        raise Unsatisfiable("too few items are possible")
    tail: SearchStrategy[list[Any]] = st.just([])
    # A tuple is not lengthened, unless it must be or the schema says with what.
    if not ends and most > len(head) and (least > len(head) or not head or "items" in flat):
        tail = _tail(flat, (max(0, least - len(head)), most - len(head)), terms.depth, build)
    unique = bool(flat.get("uniqueItems"))
    if not head:
        return tail
    whole = _tuples(head, tail, least)
    return whole.filter(_all_different) if unique else whole


def _head(flat: dict[str, Any], most: int, depth: int, build: Build) -> tuple[list[SearchStrategy[Any]], bool]:
    """Return the strategies of the leading items, and whether the array has to end there."""
    head: list[SearchStrategy[Any]] = []
    for schema in flat.get("prefixItems", ())[:most]:
        try:
            head.append(build(schema, depth))
        except Unsatisfiable:
            return head, True
    return head, False


def _tail(flat: dict[str, Any], sizes: tuple[int, int], depth: int, build: Build) -> SearchStrategy[list[Any]]:
    least, most = sizes
    most = min(most, max(least + _MORE_ITEMS, 20 if most <= 20 else 0))
    try:
        items = build(flat.get("items", True), depth)
    except Unsatisfiable:
        if least:
            raise
        return st.just([])
    return st.lists(items, min_size=least, max_size=most, unique_by=identity if flat.get("uniqueItems") else None)


def _tuples(head: list[SearchStrategy[Any]], tail: SearchStrategy[list[Any]], least: int) -> SearchStrategy[list[Any]]:
    @st.composite
    def tuples(draw: DrawFn) -> list[Any]:
        # The whole head by default: short tuples are valid JSON Schema, but hardly ever what is meant.
        length = len(head) if least >= len(head) or not draw(st.booleans()) else draw(st.integers(least, len(head)))
        leading = [draw(item) for item in head[:length]]
        return leading + draw(tail) if length == len(head) else leading

    return tuples()


def _all_different(items: list[Any]) -> bool:
    return len({identity(item) for item in items}) == len(items)


def _containing(flat: dict[str, Any], depth: int, build: Build, document: Document) -> SearchStrategy[list[Any]]:
    """Return arrays with items that satisfy `contains`, put behind the others."""
    wanted = int(flat.get("minContains", 1))
    offset = len(flat.get("prefixItems", ()))
    others = {name: value for name, value in flat.items() if name not in {"contains", "minContains", "maxContains"}}
    room = int(flat.get("maxItems", _MOST_ITEMS)) - wanted
    is_valid = document.judge({name: flat[name] for name in flat if name not in {"prefixItems", "items"}})
    if room < 0:
        raise Unsatisfiable("contains demands more items than maxItems allows")
    if wanted == 0:
        return arrays(Conjunction(others, depth), build, document).filter(is_valid)
    if room < offset:
        raise Unsatisfiable("contains within prefixItems is not built")
    others |= {"maxItems": room, "minItems": max(offset, int(flat.get("minItems", 0)) - wanted)}
    inside = build(both(item_schema(flat, offset), flat["contains"]), depth)
    found = st.lists(inside, min_size=wanted, max_size=wanted)
    leading = arrays(Conjunction(others, depth), build, document)
    return st.builds(list.__add__, leading, found).filter(is_valid)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to draw objects: the named members, and the names and values of further ones."""

    members: dict[str, SearchStrategy[Any]]
    required: tuple[str, ...]
    optional: dict[str, frozenset[str]]
    least: int
    most: int
    names: SearchStrategy[str] | None
    value: Callable[[str], SearchStrategy[Any]]


def objects(terms: Conjunction, build: Build, document: Document) -> SearchStrategy[dict[str, Any]]:
    """Return objects for the object keywords of a conjunction; raises Unsatisfiable."""
    flat = _evaluated(terms.flat, "additionalProperties", "unevaluatedProperties")
    least, most = int(flat.get("minProperties", 0)), int(flat.get("maxProperties", 2**31))
    required = _closure(flat.get("required", ()), flat)
    if len(required) > most:
        raise Unsatisfiable("maxProperties allows fewer members than are required")
    members = _members(flat, required, partial(build, depth=terms.depth), document)
    groups = {name: _closure((name,), flat) for name in members if name not in required}
    optional = {name: group for name, group in groups.items() if group <= members.keys()}
    names = _further_names(flat, terms, build, least > len(required) + len(optional))
    if names is None and least > len(required | frozenset().union(*optional.values())):
        raise Unsatisfiable("minProperties demands more members than there are")

    def value(name: str) -> SearchStrategy[Any]:
        return build(member_schema(flat, name), terms.depth)

    return _objects(_Plan(members, tuple(n for n in members if n in required), optional, least, most, names, value))


def _members(
    flat: dict[str, Any], required: frozenset[str], build: Callable[[Schema], SearchStrategy[Any]], document: Document
) -> dict[str, SearchStrategy[Any]]:
    """Return the members that have a name and can be built; raises Unsatisfiable if a required one cannot."""
    allowed = document.judge(both(*(flat[name] for name in ("propertyNames",) if name in flat)))
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


def _further_names(
    flat: dict[str, Any], terms: Conjunction, build: Build, demanded: bool
) -> SearchStrategy[str] | None:
    """Return names for members that are not listed, or None where there are to be none."""
    patterns = [pattern for pattern, schema in flat.get("patternProperties", {}).items() if schema is not False]
    free = flat.get("additionalProperties", not patterns and (demanded or not flat.get("properties"))) is not False
    choices = [matching(pattern) for pattern in patterns]
    if free and "propertyNames" in flat:
        choices.append(build({"allOf": [{"type": ["string"]}, flat["propertyNames"]]}, terms.depth))
    elif free:
        letters = ASCII if flat.get("patternProperties") or terms.also else st.characters(exclude_categories=["Cs"])
        choices.append(st.text(letters, min_size=1, max_size=12))
    if not choices:
        return None
    listed = {*flat.get("properties", ()), *flat.get("required", ()), *flat.get("dependentRequired", ())}
    return st.one_of(choices).filter(lambda name: name not in listed)


def _objects(plan: _Plan) -> SearchStrategy[dict[str, Any]]:
    named = st.fixed_dictionaries(
        {name: plan.members[name] for name in plan.required},
        optional={name: plan.members[name] for name in plan.optional},
    )

    @st.composite
    def drawn_objects(draw: DrawFn) -> dict[str, Any]:
        drawn = draw(named)
        names = _settled(plan, list(drawn))
        result = {
            name: drawn[name] if name in drawn else draw(member)
            for name, member in plan.members.items()
            if name in names
        }
        for name in _added(draw, plan, len(result)):
            result[name] = draw(_of(plan, name))
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


def _added(draw: DrawFn, plan: _Plan, already: int) -> list[str]:
    if plan.names is None:
        return []
    missing = max(0, plan.least - already)
    room = max(missing, min(plan.most - already, missing + _MORE_MEMBERS))
    return draw(st.lists(plan.names, min_size=missing, max_size=room, unique=True))


def _of(plan: _Plan, name: str) -> SearchStrategy[Any]:
    try:
        return plan.value(name)
    except Unsatisfiable:  # several patterns match the name and exclude each other
        return st.nothing()


def _evaluated(flat: dict[str, Any], rest: str, unevaluated: str) -> dict[str, Any]:
    """Read `unevaluated...` as `additional...`: by now everything that evaluates is in the flat keywords."""
    if unevaluated not in flat or rest in flat:
        return flat
    return {**flat, rest: flat[unevaluated]}
