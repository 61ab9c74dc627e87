"""JSON Schema as targets publish it: its dialect, whether it is valid there, where it refers to, what fits it.

Nothing is ever fetched. Formats are not asserted and patterns that Python cannot read are not judged: both differ
between validators that are equally right. Source: `basic/index#json-schema-usage`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped] # ships no types
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from conformance.accepting import Accepts, acceptor

__all__ = ["dangling", "dialect", "flaw", "is_network", "misfit"]

_READY = 256
"""Validators that are kept: a search holds thousands of values against the schemas of one target."""
_DEFAULT = Draft202012Validator
_DIALECTS: dict[str, Any] = {
    "https://json-schema.org/draft/2020-12/schema": Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": Draft201909Validator,
    "http://json-schema.org/draft-07/schema": Draft7Validator,
    "http://json-schema.org/draft-06/schema": Draft6Validator,
    "http://json-schema.org/draft-04/schema": Draft4Validator,
}


def dialect(schema: Any) -> Any:
    """Return the validator class that a schema asks for, 2020-12 where it does not say; None for a foreign dialect."""
    named = schema.get("$schema") if isinstance(schema, dict) else None
    return _DIALECTS.get(named.rstrip("#")) if isinstance(named, str) else _DEFAULT


def flaw(schema: Any) -> str | None:
    """Say what makes a schema invalid in its own dialect, or return None; a foreign dialect is not judged."""
    return _flaw(json.dumps(schema))


@lru_cache(_READY)
def _flaw(text: str) -> str | None:
    """Say it of a schema given as JSON: several checks look at each tool's, and each server lists many alike."""
    schema = json.loads(text)
    validator = dialect(schema)
    if validator is None:
        return None
    error = next(iter(validator(validator.META_SCHEMA, registry=REGISTRY).iter_errors(schema)), None)
    return None if error is None else f"{_place(error.absolute_path)}: {error.message}"


def misfit(schema: Any, value: Any) -> str | None:
    """Say why a value does not fit a schema; None where it fits or where nobody could tell."""
    try:
        validator, accepts = _ready(json.dumps(schema))
        error = None if validator is None or accepts(value) else next(iter(validator.iter_errors(value)), None)
    except (Unresolvable, re.error, RecursionError):
        return None
    return None if error is None else f"{_place(error.absolute_path)}: {error.message}"


@lru_cache(_READY)
def _ready(text: str) -> tuple[Any, Accepts]:
    """Return the validator of a schema, given as JSON, None if it is invalid or foreign; and who accepts in its place
    what certainly fits."""
    schema = json.loads(text)
    validator = dialect(schema)
    if validator is None or flaw(schema) is not None:
        return None, acceptor({})
    return validator(schema, registry=REGISTRY), acceptor(schema)


def dangling(schema: Any) -> Iterator[str]:
    """The references of a valid schema that lead to nothing inside it (or in the published meta-schemas)."""
    validator = dialect(schema)
    if validator is None or flaw(schema) is not None or not isinstance(schema, dict):
        return
    identifier = next(key for key, value in _DIALECTS.items() if value is validator)
    root: Resource[Any] = specification_with(identifier).create_resource(schema)
    registry: Registry[Any] = REGISTRY.with_resource("", root)
    yield from _dangling(root, registry.resolver_with_root(root))


def _dangling(resource: Resource[Any], resolver: Any) -> Iterator[str]:
    contents = resource.contents
    if isinstance(contents, dict):
        for keyword in ("$ref", "$dynamicRef"):
            reference = contents.get(keyword)
            if isinstance(reference, str) and not _resolves(reference, resolver):
                yield reference
    for inner in resource.subresources():
        yield from _dangling(inner, resolver.in_subresource(inner))


def _resolves(reference: str, resolver: Any) -> bool:
    try:
        resolver.lookup(reference)
    except (Unresolvable, ValueError):
        return False
    return True


def is_network(reference: str) -> bool:
    """Whether a reference names a host that a validator would have to ask."""
    return re.match(r"(?i)(https?|ftp)://|//", reference) is not None


def _place(path: Any) -> str:
    return "".join(f"/{step}" for step in path) or "the root"
