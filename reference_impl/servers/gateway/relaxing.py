"""What is promised of answers: the types that a document names, and no more.

Documents promise what their APIs do not keep. Of the examples in one of the best of them (GitHub's), a fifth do not fit
the schemas beside them: a member is missing, or null, or has a value that came later. A promise that breaks on a sound
answer is worse than a smaller one, so everything may be null or missing, and values may be new; types are held.
"""

from __future__ import annotations

from typing import Any

from reference_impl.servers.gateway.schemas import Schema

__all__ = ["relaxed"]

_TEXTS = ("title", "description", "deprecated")
_ONE = ("items", "additionalProperties")
_LISTS = ("allOf", "anyOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "$defs")


def relaxed(schema: Schema) -> Schema:
    """Return the schema of an object whose types are as in `schema`, and nothing else."""
    return {**_relaxed(schema), "type": "object"}


def _relaxed(node: Any) -> Any:
    if not isinstance(node, dict):
        return True
    made: Schema = {key: node[key] for key in (*_TEXTS, "$ref") if key in node}
    if "type" in node:
        kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
        made["type"] = kinds if "null" in kinds else [*kinds, "null"]
    for key in _ONE:
        if isinstance(node.get(key), dict):
            made[key] = _relaxed(node[key])
    for key in _LISTS:
        if key in node:
            made[key] = [_relaxed(item) for item in node[key]]
    if "oneOf" in node and "anyOf" not in node:
        made["anyOf"] = [_relaxed(item) for item in node["oneOf"]]  # relaxed, several may fit
    for key in _MAPS:
        if key in node:
            made[key] = {name: _relaxed(item) for name, item in node[key].items()}
    return made
