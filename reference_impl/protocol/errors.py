"""Error codes as a table, and exceptions that name the culprit.

ProtocolError
├── LocalProtocolError    we were about to break the protocol: a bug on this side
└── RemoteProtocolError   the peer broke it, or asked for what cannot be: carries the answer to give

Sources: JSON-RPC 2.0 section 5.1; `basic/index#error-codes` of 2026-07-28; the schema of each revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from reference_impl.protocol.revisions import ALWAYS, Window

__all__ = [
    "CODES",
    "Code",
    "ErrorCode",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "is_modern_error",
    "reserved_but_undefined",
]


class Code(IntEnum):
    """The codes that JSON-RPC and the specification define."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    RESOURCE_NOT_FOUND = -32002
    URL_ELICITATION_REQUIRED = -32042
    HEADER_MISMATCH = -32020
    MISSING_CLIENT_CAPABILITY = -32021
    UNSUPPORTED_VERSION = -32022


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row: the code, when it may be sent, and the HTTP status the specification ties to it (or None)."""

    code: Code
    window: Window = ALWAYS
    http_status: int | None = None


_MODERN = Window(since="2026-07-28")
_TO_2025_11 = Window(until="2026-07-28")

CODES: dict[int, ErrorCode] = {
    row.code: row
    for row in (
        ErrorCode(Code.PARSE_ERROR),
        ErrorCode(Code.INVALID_REQUEST),
        ErrorCode(Code.METHOD_NOT_FOUND, http_status=404),
        ErrorCode(Code.INVALID_PARAMS),
        ErrorCode(Code.INTERNAL_ERROR),
        ErrorCode(Code.RESOURCE_NOT_FOUND, _TO_2025_11),
        ErrorCode(Code.URL_ELICITATION_REQUIRED, Window("2025-11-25", "2026-07-28")),
        ErrorCode(Code.HEADER_MISMATCH, _MODERN, 400),
        ErrorCode(Code.MISSING_CLIENT_CAPABILITY, _MODERN, 400),
        ErrorCode(Code.UNSUPPORTED_VERSION, _MODERN, 400),
    )
}

_MODERN_ONLY = frozenset({Code.HEADER_MISMATCH, Code.MISSING_CLIENT_CAPABILITY, Code.UNSUPPORTED_VERSION})
_RESERVED = range(-32099, -32019)
"""-32099 to -32020: the specification's own sub-range (`basic/index#error-codes`)."""


def is_modern_error(code: object) -> bool:
    """Tell whether an error code can come only from a server of the modern era (`basic/versioning`)."""
    return isinstance(code, int) and code in _MODERN_ONLY


def reserved_but_undefined(code: int) -> bool:
    """Tell whether a code lies in the specification's sub-range without a meaning in any revision."""
    return code in _RESERVED and code not in CODES


class ProtocolError(Exception):
    """Base of the two that follow."""


class LocalProtocolError(ProtocolError):
    """This side was about to send something that the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol forbids, or that cannot be served.

    `code`, `message` and `data` are the JSON-RPC error to answer with; `http_status` is the status for it over HTTP.
    """

    def __init__(self, code: int, message: str, data: Any = None, http_status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        row = CODES.get(code)
        self.http_status = http_status or (row.http_status if row else None)
