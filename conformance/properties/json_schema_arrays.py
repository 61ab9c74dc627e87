"""Arrays from the flat keywords of a schema."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.properties.json_schema_conjunction import Conjunction, both, evaluated, item_schema
from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import Build, Unsatisfiable, identity

# More items than the least: enough to find a defect, few enough to stay quick.
_MORE_ITEMS = 5
# Beyond this many items an instance takes longer to draw than to send.
_MOST_ITEMS = 512


def arrays(terms: Conjunction, build: Build, document: Document) -> SearchStrategy[list[Any]]:
    """Return arrays for the array keywords of a conjunction; raises Unsatisfiable."""
    flat = _evaluated(terms.flat)
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


def _evaluated(flat: dict[str, Any]) -> dict[str, Any]:
    """Read `unevaluatedItems` as `items`; what `contains` finds counts as evaluated."""
    read = evaluated(flat, "items", "unevaluatedItems")
    if read is flat or "contains" not in flat:
        return read
    return {**read, "items": {"anyOf": [flat["contains"], flat["unevaluatedItems"]]}}


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
    beside = {"prefixItems", "items", "unevaluatedItems"}
    is_valid = document.judge({name: flat[name] for name in flat if name not in beside})
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
