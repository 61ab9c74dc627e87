"""The monitor of trace context in metadata, whose keys the W3C gave their form (`basic/index#meta`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, literal
from conformance.monitors.traffic import messages, revision_of
from conformance.transcript import Conversation

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_KEY = r"(?:[a-z][_0-9a-z*/-]{0,255}|[a-z0-9][_0-9a-z*/-]{0,240}@[a-z][_0-9a-z*/-]{0,13})"
_STATE = rf"{_KEY}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,256}}"
_PROPERTY = rf"[ \t]*;[ \t]*{_NAME}(?:[ \t]*=[^,;]*)?"
_ENTRY = rf"{_NAME}[ \t]*=[^,;]*(?:{_PROPERTY})*"
_FORMS = {
    "traceparent": re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"),
    "tracestate": re.compile(rf"[ \t]*(?:{_STATE})?[ \t]*(?:,[ \t]*(?:{_STATE})?[ \t]*)*"),
    "baggage": re.compile(rf"[ \t]*{_ENTRY}[ \t]*(?:,[ \t]*{_ENTRY}[ \t]*)*"),
}
"""Key to the form of its value: W3C Trace Context, sections 3.2 and 3.3, and W3C Baggage, section 3.3."""
_LONGEST = 8192


@monitor("base.trace", "base.meta.trace")
def trace(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Trace context in a server's metadata has the form of the headers that it is named after."""
    revision = revision_of(conversation)
    if revision is None or not revision.modern:
        return
    for entry in conversation.received():
        for message in messages(entry):
            for name, value in _meta(message).items():
                if name in _FORMS and not (isinstance(value, str) and len(value) > _LONGEST):
                    fine = isinstance(value, str) and _FORMS[name].fullmatch(value)
                    wanted = f"{name} in the form of the header of that name"
                    yield None if fine else Mismatch(wanted, literal(value), [entry.index])


def _meta(message: dict[str, Any]) -> dict[str, Any]:
    inner = message.get("params") if "method" in message else message.get("result")
    meta = inner.get("_meta") if isinstance(inner, dict) else None
    return meta if isinstance(meta, dict) else {}
