"""How we answer what a server asks, as a user and a model would who agree to everything."""

from __future__ import annotations

from typing import Any

from conformance.samples import simplest
from reference_impl.protocol.tasks import RELATED_TASK

__all__ = ["answer_to", "related_to", "with_relation"]


def answer_to(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result for an elicitation, a sampling or a request for roots; None for any other method.

    A form is filled with the simplest values that fit it, and declined where there are none.
    """
    params = request.get("params")
    asked = params if isinstance(params, dict) else {}
    match request.get("method"):
        case "elicitation/create":
            content = simplest(asked.get("requestedSchema"))
            fits = "requestedSchema" in asked and isinstance(content, dict)
            return {"action": "accept", "content": content} if fits else {"action": "decline"}
        case "sampling/createMessage":
            text = {"type": "text", "text": "A sample."}
            return {"role": "assistant", "content": text, "model": "touchstone", "stopReason": "endTurn"}
        case "roots/list":
            return {"roots": []}
    return None


def related_to(message: dict[str, Any]) -> Any:
    """Return what a message or result names as its task (2025-11-25 `#related-task-metadata`); None if nothing."""
    params = message.get("params")
    meta = (params if isinstance(params, dict) else message).get("_meta")
    return meta.get(RELATED_TASK) if isinstance(meta, dict) else None


def with_relation(result: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return a result that names the task which the request names, if it names one."""
    named = related_to(request)
    return result if named is None else {**result, "_meta": {RELATED_TASK: named}}
