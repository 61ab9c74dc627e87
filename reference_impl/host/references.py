"""References: arguments of a step that are taken from the result of an earlier one.

    {"$from": "step1", "path": "/structuredContent/rows/0/name"}
    {"$from": "step1", "path": "/structuredContent/count", "template": "{} rows were found"}

Such an object, anywhere in the arguments, is replaced by what stands at `path` (a JSON Pointer, RFC 6901) in the
result of the step `$from`. Without a path it is the structured content, or all text where there is none. A text that
is JSON can be gone into. With `template`, a text comes of it, in which `{}` is the value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reference_impl.host.errors import PlanError

__all__ = ["Reference", "is_reference", "references", "resolved", "text_of"]

_FROM = "$from"
_MEMBERS = frozenset({_FROM, "path", "template"})
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference: to the result of `step`, at `path`, as it is or inside `template`."""

    step: str
    path: str | None = None
    template: str | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Reference:
        """Read a reference. Raises `PlanError` if its form is wrong."""
        if value.keys() - _MEMBERS or not all(isinstance(member, str) for member in value.values()):
            raise PlanError(f"a reference has the texts $from, path and template, not {json.dumps(value)[:200]}")
        path, template = value.get("path"), value.get("template")
        if path and not path.startswith("/"):
            raise PlanError(f"the path {path!r} of a reference does not begin with '/'")
        if template is not None and "{}" not in template:
            raise PlanError(f"the template {template!r} has no {{}} for the value")
        return cls(value[_FROM], path, template)

    def taken(self, result: Any) -> Any:
        """Return what it refers to. Raises `PlanError` if that is not there."""
        value = _main(result) if self.path is None else _at(result, self.path, self.step)
        if self.template is None:
            return value
        return self.template.replace("{}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def is_reference(value: Any) -> bool:
    """Tell whether a value stands for another."""
    return isinstance(value, dict) and _FROM in value


def references(value: Any, depth: int = 0) -> Iterator[Reference]:
    """Yield the references in a value. Raises `PlanError` for one of the wrong form."""
    if depth > _DEEPEST:
        raise PlanError(f"the arguments are nested more than {_DEEPEST} deep")
    if is_reference(value):
        yield Reference.of(value)
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from references(member, depth + 1)


def resolved(value: Any, results: Mapping[str, Any]) -> Any:
    """Return a value with its references replaced, from the results of steps by their ids. Raises `PlanError`."""
    if is_reference(value):
        reference = Reference.of(value)
        return reference.taken(results[reference.step])
    if isinstance(value, dict):
        return {name: resolved(member, results) for name, member in value.items()}
    if isinstance(value, list):
        return [resolved(member, results) for member in value]
    return value


def text_of(result: Any) -> str:
    """Return all text of a tool's result."""
    content = result.get("content") if isinstance(result, dict) else None
    blocks = content if isinstance(content, list) else []
    return "\n".join(_text(block) for block in blocks if isinstance(block, dict)).strip("\n")


def _text(block: dict[str, Any]) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource" | "resource_link"}:
            inner = block.get("resource")
            return f"[{(inner if isinstance(inner, dict) else block).get('uri')}]"
    return f"[{block.get('type')}]"


def _main(result: Any) -> Any:
    structured = result.get("structuredContent") if isinstance(result, dict) else None
    return text_of(result) if structured is None else structured


def _at(value: Any, path: str, step: str) -> Any:
    for word in path.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        value = _member(_opened(value), key, f"the result of {step} has nothing at {path}")
    return value


def _opened(value: Any) -> Any:
    """Go into a text that is JSON: servers without structured content answer so."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _member(value: Any, key: str, missing: str) -> Any:
    match value:
        case dict() if key in value:
            return value[key]
        case list() if key.isascii() and key.isdigit() and int(key) < len(value):
            return value[int(key)]
    raise PlanError(missing)
