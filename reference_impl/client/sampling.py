"""What a conversation for a model must look like once it has used tools.

A model's provider refuses a history that breaks these rules, with words that help nobody: the server is told instead.
Sources: `client/sampling#message-content-constraints` of 2025-11-25, `client/sampling#security-considerations`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["conversation_fault"]

_KINDS = ("text", "image", "audio", "tool_use", "tool_result")


def conversation_fault(messages: Any) -> str | None:
    """Say what is wrong with the `messages` of a sampling request, or None if nothing is."""
    if not isinstance(messages, list) or not all(_is_message(message) for message in messages):
        return "messages must be an array of objects with content and the role user or assistant"
    open_uses: set[str] = set()
    for message in messages:
        blocks = _blocks(message["content"])
        if not all(isinstance(block, dict) and block.get("type") in _KINDS for block in blocks):
            return f"content must be of the types {', '.join(_KINDS)}"
        results = {str(block.get("toolUseId")) for block in blocks if block.get("type") == "tool_result"}
        uses = {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}
        if results and any(block.get("type") != "tool_result" for block in blocks):
            return "Tool results mixed with other content"
        if open_uses - results:
            return "Tool result missing in request"
        if results - open_uses or (uses and message["role"] == "user"):
            return "A tool result without its tool use before it, or a tool use by the user"
        open_uses = uses
    return "Tool result missing in request" if open_uses else None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and value.get("role") in ("user", "assistant") and "content" in value


def _blocks(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]
