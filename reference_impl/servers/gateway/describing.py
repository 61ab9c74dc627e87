"""How an operation looks as a tool: description, annotations, and the schema of what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.operations import Operation, is_json
from reference_impl.servers.gateway.relaxing import relaxed
from reference_impl.servers.gateway.schemas import Schema, translated

__all__ = ["accepted", "described", "hints", "output_schema"]

_READ = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}
_HINTS: dict[str, dict[str, bool]] = {
    "GET": _READ,
    "HEAD": _READ,
    "OPTIONS": _READ,
    "PUT": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True},
    "PATCH": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False},
    "DELETE": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True},
}
"""What HTTP says of a method (RFC 9110, 9.2): PUT and PATCH overwrite what is there."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+")
_UNKNOWN = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False}
"""Of POST it says nothing, so the cautious hints hold."""


def described(operation: Operation) -> str:
    """Return a tool's description: what the document says, and the operation itself."""
    said = [operation.summary] if operation.summary else []
    if operation.description and operation.description != operation.summary:
        said.append(operation.description)
    words = "\n\n".join(said)
    aged = "Deprecated. " if operation.deprecated else ""
    return f"{aged}{words}\n\n({operation.label})".strip() if words else f"{aged}{operation.label}"


def hints(operation: Operation) -> dict[str, Any]:
    """Return a tool's annotations; every call goes out into the world."""
    titled = {"title": operation.summary} if operation.summary else {}
    return {**titled, **_HINTS.get(operation.method, _UNKNOWN), "openWorldHint": True}


def _successes(operation: Operation) -> list[dict[str, Any]]:
    return [answer for status, answer in operation.answers.items() if status[:1] == "2"]


def output_schema(document: Document, operation: Operation) -> Schema | None:
    """Return the schema of an operation's answers, if all that succeed are JSON objects of one kind; else None."""
    successes = _successes(operation)
    if len(successes) != 1 or operation.method == "HEAD":
        return None
    content = successes[0].get("content") or {}
    if len(content) != 1 or not is_json(next(iter(content))):
        return None
    raw = next(iter(content.values())).get("schema")
    if not isinstance(raw, dict) or not _is_object(document, raw):
        return None

    def make(translate: Callable[[Any], Any]) -> Schema:
        return {**translate(raw), "type": "object"}

    try:
        return relaxed(translated(document, "response", make))
    except DocumentError:
        return None


def _is_object(document: Document, raw: dict[str, Any]) -> bool:
    try:
        node = document.resolved(raw, "a schema")
    except DocumentError:
        return False
    if raw.get("nullable") is True or node.get("nullable") is True:
        return False
    whole = node.get("allOf")
    if "type" not in node and isinstance(whole, list):
        return any(isinstance(part, dict) and _is_object(document, part) for part in whole)
    return node.get("type") == "object" or ("type" not in node and "properties" in node)


def accepted(operation: Operation) -> str:
    """Return the `Accept` of an operation's requests: what its document says that it answers, JSON first."""
    contents = [answer.get("content") or {} for answer in operation.answers.values()]
    kinds = {str(kind).partition(";")[0] for content in contents for kind in content}
    plain = sorted((kind for kind in kinds if _MEDIA_TYPE.fullmatch(kind)), key=_json_first)
    return ", ".join([*plain[:10], "*/*;q=0.1"]) if plain else "application/json, */*;q=0.5"


def _json_first(kind: str) -> tuple[bool, str]:
    return not is_json(kind), kind
