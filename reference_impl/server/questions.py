"""What may be asked of a client: forms that any client can draw, pages that any browser can open, conversations that
any model can go on with. A handler that asks otherwise hears of it at once (`client/elicitation`, `client/sampling`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from reference_impl.protocol.revisions import Revision

__all__ = ["check_form", "check_messages", "check_url"]

_FIELDS = ("string", "number", "integer", "boolean")
_LOCAL = ("localhost", "127.0.0.1", "::1")


def check_form(schema: dict[str, Any], revision: Revision) -> None:
    """Check that a schema is a flat form (`client/elicitation#requested-schema`): an object of strings, numbers and
    booleans, and since 2025-11-25 of choices of several. Raises `ValueError`."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        raise ValueError("the schema of a form must be of type object, and have properties")
    for name, field in properties.items():
        kind = field.get("type") if isinstance(field, dict) else None
        if kind not in _FIELDS and not (kind == "array" and revision.url_elicitation and _is_choice(field)):
            raise ValueError(f"the field {name} of a form must be a string, number or boolean, or a choice of several")


def _is_choice(field: dict[str, Any]) -> bool:
    items = field.get("items")
    return isinstance(items, dict) and ("enum" in items or "anyOf" in items)


def check_url(url: str) -> None:
    """Check that a page can be visited safely: https, or a page of this machine's own, and no credentials in its
    address (`client/elicitation#safe-url-handling`). Raises `ValueError`."""
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)):
        raise ValueError("a page to visit needs an https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL of a page to visit must hold no credentials")


def check_messages(messages: list[dict[str, Any]]) -> None:
    """Check that every use of a tool is answered in the next message, which holds nothing but the results
    (`client/sampling#tool-use-and-result-balance`). Raises `ValueError`."""
    awaited: set[Any] = set()
    for message in messages:
        blocks = _blocks(message)
        results = {block.get("toolUseId") for block in blocks if block.get("type") == "tool_result"}
        if results and (message.get("role") != "user" or len(results) < len(blocks)):
            raise ValueError("a message with tool results comes from the user and holds nothing else")
        if results != awaited:
            raise ValueError("every use of a tool needs its result in the message after it, and no result is without")
        uses = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
        if uses and message.get("role") != "assistant":
            raise ValueError("only the assistant uses tools")
        awaited = set(uses)
    if awaited:
        raise ValueError("the last message uses tools whose results are missing")


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    return [block for block in blocks if isinstance(block, dict)]
