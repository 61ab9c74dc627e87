"""A monitor of features that fail although the request was right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch
from conformance.monitors.traffic import Asked, requests
from conformance.transcript import Conversation
from reference_impl.protocol.methods import PAGINATED

_NO_CODE = 0
"""What servers give that pass an exception on as an error: neither a code of JSON-RPC nor one of the protocol's."""
_ROWS = {
    "prompts/get": "prompts.failure.code",
    "resources/read": "resources.failure.code",
    "completion/complete": "completion.failure.code",
}


@monitor("features.failure-code", *_ROWS.values())
def failure_code(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What is listed and yet cannot be got, read or completed is refused with an error code that says why, not 0."""
    asked = requests(conversation)
    offered = _offered(asked)
    for request in asked:
        row, error = _ROWS.get(str(request.message["method"])), _told(request, "error")
        if row is None or error is None or request.answer is None or request.entry.defect:
            continue
        if _named(request) in offered:
            mismatch = Mismatch(
                f"error -32603, or another that says why, from {request.message['method']} of what is listed",
                f"code {error.get('code')!r}",
                [request.entry.index, request.answer.index],
            )
            mismatch.breaks = row
            yield mismatch if error.get("code") == _NO_CODE else None


def _offered(asked: tuple[Asked, ...]) -> set[str]:
    """The names of prompts and the URIs of resources and templates that lists of this conversation held."""
    found: set[str] = set()
    for request in asked:
        result, member = _told(request, "result"), PAGINATED.get(str(request.message["method"]))
        items: Any = result.get(member) if result is not None and member not in (None, "tools") else None
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                found |= {item[key] for key in ("name", "uri", "uriTemplate") if isinstance(item.get(key), str)}
    return found


def _named(request: Asked) -> object:
    """What a request is about."""
    reference = request.params.get("ref")
    about = reference if isinstance(reference, dict) else request.params
    named = about.get("uri", about.get("name"))
    return named if isinstance(named, str) else None


def _told(request: Asked, member: str) -> dict[str, Any] | None:
    value = request.answer.value.get(member) if request.answer and request.answer.is_message else None
    return value if isinstance(value, dict) else None
