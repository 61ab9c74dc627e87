"""A schema document read once: its dialect found, its references resolved, its keywords written in one form.

The form is a subset of 2020-12: `const` is an `enum`, array-form `items` is `prefixItems`, `dependencies` are split,
every `$ref` points into one flat table, patterns are Python's, annotations are gone. What is generated from it is
judged by the original under its own dialect.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jsonschema
from jsonschema.protocols import Validator
from referencing import Registry, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT7, DRAFT201909, DRAFT202012

from conformance.properties.json_schema_model import Schema, Unsatisfiable
from conformance.properties.json_schema_patterns import is_native, translate

Resolver: TypeAlias = Any  # referencing's resolver, generic in a type that it keeps to itself


@dataclass(frozen=True, slots=True)
class Dialect:
    """Who judges a dialect, and how its references are resolved.

    Keywords beside `$ref` count in all of them: before 2019-09 they do not, but validators in wide use heed them, and
    an instance that satisfies both readings is safe. The judge of the dialect keeps to its letter.
    """

    validator: Any  # a class of jsonschema's; its protocol leaves out `format_checker`
    specification: Specification[Any]


_OLD = Dialect(jsonschema.Draft7Validator, DRAFT7)
_DIALECTS = {
    "2020-12": Dialect(jsonschema.Draft202012Validator, DRAFT202012),
    "2019-09": Dialect(jsonschema.Draft201909Validator, DRAFT201909),
    "draft-07": _OLD,
    # Once open bounds are written as numbers, what these two add to or take from draft-07 is no matter here.
    "draft-06": _OLD,
    "draft-04": _OLD,
}

# Keywords whose value is kept as it is, is a schema, a list of schemas, or an object of schemas.
_VALUES = frozenset(
    (
        *("type", "enum", "required", "dependentRequired", "default", "nullable", "format", "contentEncoding"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties"),
    )
)
_SCHEMAS = frozenset(
    (
        *("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("not", "if", "then", "else"),
    )
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"properties", "dependentSchemas"})


@dataclass(frozen=True, slots=True)
class Document:
    """A schema ready to generate from: `root` and the `definitions` that its references name, in the one form."""

    root: Schema
    definitions: dict[str, Schema]
    cyclic: frozenset[str]
    original: Validator
    native: bool

    def complaints(self, value: Any) -> list[tuple[str | int, ...]]:
        """Return the places of an instance at which the schema rejects it."""
        judge = self.original if self.native else self._validator(self.root)
        return [tuple(error.absolute_path) for error in judge.iter_errors(value)]

    def judge(self, schema: Schema) -> Callable[[Any], bool]:
        """Return the test whether a value is valid under a schema of the one form."""
        if isinstance(schema, bool):
            return lambda _: schema
        return self._validator(schema).is_valid

    def _validator(self, schema: Schema) -> Validator:
        whole = {"$defs": self.definitions, "allOf": [schema]}
        return jsonschema.Draft202012Validator(whole, registry=Registry())

    def judges(self) -> tuple[Callable[[Any], bool], ...]:
        """Return the judges of whole instances: the original too, if Python can run its patterns as they stand."""
        return (self.original.is_valid, self.judge(self.root)) if self.native else (self.judge(self.root),)


def read(schema: Any, dialect: str | None = None, *, sound: bool = False) -> Document:
    """Read a schema document; without `dialect` its `$schema` decides, and else 2020-12.

    A `sound` one is known to be valid: to find that out takes a second for some hundred definitions.

    Raises Unsatisfiable for a schema that is invalid, of an unknown dialect, or that refers to the network.
    """
    if not isinstance(schema, (bool, dict)):
        raise Unsatisfiable("a schema must be an object or a boolean")
    try:
        schema = _number_bounds(schema)
        rules = _DIALECTS[dialect] if sound and dialect else _dialect(schema, dialect)
        reader = _Reader(rules)
        root = reader.read_root(schema)
    except RecursionError:
        raise Unsatisfiable("the schema is nested too deep") from None
    original = rules.validator(schema, registry=Registry())
    return Document(root, reader.definitions, _cyclic(reader.definitions), original, reader.native)


def _dialect(schema: Schema, dialect: str | None) -> Dialect:
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    name = dialect or (_dialect_of(declared) if declared else None)
    if name is not None:
        if name not in _DIALECTS:
            raise Unsatisfiable(f"dialect {declared or name!r} is not supported")
        if problem := _problem(schema, _DIALECTS[name]):
            raise Unsatisfiable(f"not a valid {name} schema: {problem}")
        return _DIALECTS[name]
    # Schemas without `$schema` are often written in draft-07, where a tuple is an array under `items`.
    problem = _problem(schema, _DIALECTS["2020-12"])
    if problem is None:
        return _DIALECTS["2020-12"]
    if _problem(schema, _OLD) is None:
        return _OLD
    raise Unsatisfiable(f"not a valid 2020-12 schema: {problem}")


def _dialect_of(declared: Any) -> str:
    name = str(declared).rstrip("#").removesuffix("/schema")
    return name.rpartition("/")[2]


def _problem(schema: Schema, dialect: Dialect) -> str | None:
    try:
        # Formats are not asserted: whether a pattern is a regular expression depends on the engine.
        dialect.validator.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
    except jsonschema.SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path)
        return f"{error.validator} at /{place}"
    return None


def _number_bounds(value: Any) -> Any:
    """Write draft-04's open bounds (`minimum: 0, exclusiveMinimum: true`) as the numbers of later drafts."""
    if isinstance(value, list):
        return [_number_bounds(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: _number_bounds(member) for name, member in value.items()}
    for closed, opened in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(result.get(opened), bool) and not isinstance(result.get(closed), dict):
            is_open = result.pop(opened)
            if is_open and closed in result:
                result[opened] = result.pop(closed)
    return result


@dataclass(slots=True)
class _Reader:
    dialect: Dialect
    definitions: dict[str, Schema] = field(default_factory=dict)
    native: bool = True
    _names: dict[int, str] = field(default_factory=dict)

    def read_root(self, schema: Schema) -> Schema:
        resource = self.dialect.specification.create_resource(schema)
        registry: Registry[Any] = Registry().with_resource(resource.id() or "", resource)
        return self.read(schema, registry.resolver(resource.id() or ""))

    def read(self, schema: Schema, resolver: Resolver) -> Schema:
        if isinstance(schema, bool):
            return schema
        if "$id" in schema:
            resolver = resolver.in_subresource(self.dialect.specification.create_resource(schema))
        result: dict[str, Any] = {}
        reference = schema.get("$ref", schema.get("$dynamicRef", schema.get("$recursiveRef")))
        if reference is not None:
            result["$ref"] = f"#/$defs/{self._name(reference, resolver)}"
        for keyword, value in schema.items():
            self._read_keyword(result, keyword, value, resolver)
        if isinstance(schema.get("items"), list) and "additionalItems" in schema:
            result["items"] = self.read(schema["additionalItems"], resolver)
        return result

    def _name(self, reference: str, resolver: Resolver) -> str:
        try:
            found = resolver.lookup(reference)
        except Unresolvable:
            raise Unsatisfiable(f"$ref {reference!r} leads nowhere within the schema, and nothing is fetched") from None
        if not isinstance(found.contents, (bool, dict)):
            raise Unsatisfiable(f"$ref {reference!r} does not lead to a schema")
        key = id(found.contents)
        if key not in self._names:
            name = self._names[key] = str(len(self._names))
            self.definitions[name] = True  # stands in while what it refers to, perhaps itself, is read
            self.definitions[name] = self.read(found.contents, found.resolver)
        return self._names[key]

    def _read_keyword(self, result: dict[str, Any], keyword: str, value: Any, resolver: Resolver) -> None:
        if keyword in _VALUES:
            result[keyword] = value if keyword != "type" or isinstance(value, list) else [value]
        elif keyword in _LISTS or (keyword == "items" and isinstance(value, list)):
            name = "prefixItems" if keyword == "items" else keyword
            result[name] = result.get(name, []) + [self.read(item, resolver) for item in value]
        elif keyword in _SCHEMAS:
            result[keyword] = self.read(value, resolver)
        elif keyword in _MAPS:
            result[keyword] = result.get(keyword, {}) | {
                name: self.read(member, resolver) for name, member in value.items()
            }
        elif (special := _SPECIAL.get(keyword)) is not None:
            special(self, result, value, resolver)

    def read_const(self, result: dict[str, Any], value: Any, _: Resolver) -> None:
        result["allOf"] = [*result.get("allOf", []), {"enum": [value]}]

    def read_pattern(self, result: dict[str, Any], value: str, _: Resolver) -> None:
        result["pattern"] = self._pattern(value)

    def read_pattern_properties(self, result: dict[str, Any], value: dict[str, Any], resolver: Resolver) -> None:
        result["patternProperties"] = {
            self._pattern(pattern): self.read(member, resolver) for pattern, member in value.items()
        }

    def read_dependencies(self, result: dict[str, Any], value: dict[str, Any], resolver: Resolver) -> None:
        for name, dependency in value.items():
            if isinstance(dependency, list):
                result.setdefault("dependentRequired", {})[name] = dependency
            else:
                result.setdefault("dependentSchemas", {})[name] = self.read(dependency, resolver)

    def _pattern(self, pattern: str) -> str:
        self.native = self.native and is_native(pattern)
        return translate(pattern)


_SPECIAL: dict[str, Callable[[_Reader, dict[str, Any], Any, Resolver], None]] = {
    "const": _Reader.read_const,
    "pattern": _Reader.read_pattern,
    "patternProperties": _Reader.read_pattern_properties,
    "dependencies": _Reader.read_dependencies,
}


def _cyclic(definitions: dict[str, Schema]) -> frozenset[str]:
    """Return the definitions that can be reached from themselves."""
    edges = {name: set(_references(schema)) for name, schema in definitions.items()}
    cyclic = set()
    for start, first in edges.items():
        seen: set[str] = set()
        waiting = set(first)
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting |= edges[name] - seen
        if start in seen:
            cyclic.add(start)
    return frozenset(cyclic)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix("#/$defs/")
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
