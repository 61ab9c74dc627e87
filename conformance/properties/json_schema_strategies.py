"""From a schema document to a strategy: choices taken apart, then one strategy for each type that is left.

What can be built is built; only what the judges of a conjunction are left with (`not`, the other branches of `oneOf`)
is filtered, and at the value concerned. Simple alternatives come first, because Hypothesis shrinks towards them.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy

from conformance.properties.json_schema_arrays import arrays
from conformance.properties.json_schema_conjunction import Conjunction, fold, join, negation
from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import TYPES, Schema, Unsatisfiable, canonical, identity
from conformance.properties.json_schema_objects import objects
from conformance.properties.json_schema_scalars import integers, numbers, strings
from conformance.properties.json_schema_trial import problem_of

# Alternatives of one value that are built: `anyOf` beside `anyOf` multiplies.
_BREADTH = 64
# Conjunctions looked at for one document; a hostile schema would ask for all combinations there are.
_WORK = 1000

# Keywords that speak of one type only. Where `type` is absent they tell which is meant.
_MEANT: dict[str, tuple[str, ...]] = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format", "contentEncoding"),
    "array": ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"),
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "unevaluatedProperties",
    ),
}

_SCALARS = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8)
# A value under a schema that says nothing.
ANYTHING: SearchStrategy[Any] = (
    _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), _SCALARS, max_size=3)
)


@dataclass(slots=True)
class Builder:
    """Builds strategies for the schemas of one document, each once for each depth of recursion left."""

    document: Document
    work: int = _WORK
    _built: dict[tuple[str, int], SearchStrategy[Any] | Unsatisfiable] = field(default_factory=dict)

    def root(self) -> SearchStrategy[Any]:
        """Return the strategy of the whole document, with recursion as deep as it must be and a little deeper."""
        deepest = len(self.document.cyclic) + 1
        for depth in range(deepest + 1):
            try:
                shallow = self.build(self.document.root, depth)
            except Unsatisfiable:
                if depth == deepest:
                    raise
            else:
                return self.build(self.document.root, depth + 2) if self.document.cyclic else shallow
        raise AssertionError("unreachable: the loop returns or raises")

    def build(self, schema: Schema, depth: int) -> SearchStrategy[Any]:
        """Return the strategy of a schema of the document; raises Unsatisfiable."""
        key = canonical(schema), depth
        if key not in self._built:
            try:
                self._built[key] = self.conjunction(fold(schema, self.document, depth), _BREADTH)
            except Unsatisfiable as reason:
                self._built[key] = reason
        result = self._built[key]
        if isinstance(result, Unsatisfiable):
            raise result
        return result

    def conjunction(self, terms: Conjunction, breadth: int) -> SearchStrategy[Any]:
        """Return the strategy of a conjunction, at most `breadth` alternatives of it; raises Unsatisfiable."""
        self.work -= 1
        if self.work < 0:
            raise Unsatisfiable("the schema combines too many alternatives")
        if "enum" in terms.flat:
            return self._enumerated(terms)
        if terms.choices:
            return self._decided(terms, breadth)
        leaf = self._leaf(terms)
        if not terms.also:
            return leaf
        judged = leaf.filter(self.document.judge({"allOf": list(terms.also)}))
        if problem := problem_of(judged):  # a dead branch, better left out than drawn from in vain
            raise Unsatisfiable(problem)
        return judged

    def _enumerated(self, terms: Conjunction) -> SearchStrategy[Any]:
        is_valid = self.document.judge(terms.whole())
        distinct = {identity(value): value for value in terms.flat["enum"] if is_valid(value)}
        if not distinct:
            raise Unsatisfiable("no value of the enumeration satisfies the other keywords")
        return st.sampled_from(list(distinct.values()))

    def _decided(self, terms: Conjunction, breadth: int) -> SearchStrategy[Any]:
        """Take the first choice apart and build what each of its branches leaves."""
        choice, *others = terms.choices
        rest = replace(terms, choices=tuple(others))
        branches = list(_branches(choice, rest))
        built: list[tuple[int, SearchStrategy[Any]]] = []
        reason = Unsatisfiable("no branch can be taken")
        for schema, also in branches:
            if len(built) >= breadth:
                break
            try:
                extended = join(rest, fold(schema, self.document, rest.depth))
                extended = replace(extended, also=extended.also + also)
                built.append((-extended.depth, self.conjunction(extended, max(1, breadth // len(branches)))))
            except Unsatisfiable as problem:
                reason = problem
        if not built:
            raise reason
        built.sort(key=operator.itemgetter(0))  # branches that do not recur are the simple ones
        return st.one_of([strategy for _, strategy in built])

    def _leaf(self, terms: Conjunction) -> SearchStrategy[Any]:
        flat = terms.flat
        types = flat.get("type")
        if types is None:
            types = [name for name in TYPES if any(keyword in flat for keyword in _MEANT.get(name, ()))]
        if not types:
            return ANYTHING
        built: list[SearchStrategy[Any]] = []
        reason = Unsatisfiable("no type is allowed")
        for name in sorted(types, key=TYPES.index):
            try:
                strategy = _TYPED[name](self, terms)
                strategy.validate()
                built.append(strategy)
            except Unsatisfiable as problem:
                reason = problem
            except InvalidArgument as problem:
                reason = Unsatisfiable(str(problem))
        if not built:
            raise reason
        return st.one_of(built)


def _branches(choice: dict[str, Any], rest: Conjunction) -> Iterator[tuple[Schema, tuple[Schema, ...]]]:
    """Yield the ways to satisfy a choice: what to build in, and what to judge afterwards."""
    match choice:
        case {"anyOf": branches}:
            yield from ((branch, ()) for branch in branches)
        case {"oneOf": branches}:
            for index, branch in enumerate(branches):
                others = [other for place, other in enumerate(branches) if place != index]
                yield branch, ({"not": {"anyOf": others}},) if others else ()
        case {"if": condition}:
            yield {"allOf": [condition, choice.get("then", True)]}, ()
            simple = negation(condition)
            yield (
                {"allOf": [choice.get("else", True), True if simple is None else simple]},
                ({"not": condition},),
            )
        case {"dependentSchemas": dependent}:
            for name, schema in dependent.items():
                if name not in rest.flat.get("required", ()):
                    yield {"properties": {name: False}}, ()
                yield {"allOf": [{"required": [name]}, schema]}, ()


def _judged_by_pattern(terms: Conjunction) -> bool:
    """Tell whether a schema that is judged afterwards may hold a pattern."""
    text = canonical(list(terms.also))
    return any(f'"{keyword}"' in text for keyword in ("pattern", "patternProperties", "$ref"))


def _string(_: Builder, terms: Conjunction) -> SearchStrategy[Any]:
    return strings(terms.flat, ascii_only=_judged_by_pattern(terms))


def _array(builder: Builder, terms: Conjunction) -> SearchStrategy[Any]:
    return arrays(terms, builder.build, builder.document)


def _object(builder: Builder, terms: Conjunction) -> SearchStrategy[Any]:
    return objects(terms, builder.build, builder.document)


_TYPED: dict[str, Callable[[Builder, Conjunction], SearchStrategy[Any]]] = {
    "null": lambda _builder, _terms: st.none(),
    "boolean": lambda _builder, _terms: st.booleans(),
    "integer": lambda _builder, terms: integers(terms.flat),
    "number": lambda _builder, terms: numbers(terms.flat),
    "string": _string,
    "array": _array,
    "object": _object,
}
