"""What Streamable HTTP says in headers and status codes, as pure functions over header mappings.

Header names are lower case throughout (HTTP compares them without regard to case). Sources:
`basic/transports/streamable-http` of 2026-07-28, `basic/transports` of 2025-03-26 to 2025-11-25.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import Message, Request
from reference_impl.protocol.methods import NAME_REQUIRED, NAMED_BY
from reference_impl.protocol.revisions import Revision

__all__ = [
    "ACCEPT",
    "CACHED",
    "JSON_TYPE",
    "LAST_EVENT_ID",
    "METHOD",
    "NAME",
    "PARAM_PREFIX",
    "PROTOCOL_VERSION",
    "SESSION_ID",
    "SSE_TYPE",
    "accepts",
    "check_mirrored_headers",
    "decode_value",
    "encode_value",
    "header_parameters",
    "host_allowed",
    "media_type",
    "origin_allowed",
    "request_headers",
]

PROTOCOL_VERSION = "mcp-protocol-version"
SESSION_ID = "mcp-session-id"
METHOD = "mcp-method"
NAME = "mcp-name"
PARAM_PREFIX = "mcp-param-"
LAST_EVENT_ID = "last-event-id"

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream"
ACCEPT = f"{JSON_TYPE}, {SSE_TYPE}"

_LOCAL_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{0,5})?", re.IGNORECASE | re.ASCII)
_LOCAL_ORIGIN = re.compile(f"https?://{_LOCAL_HOST.pattern}", re.IGNORECASE | re.ASCII)
"""The whole of an origin, without a user and a path: readers of URLs take `http://[::1].example` for loopback."""
_SENTINEL = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
CACHED: Final = 64
"""Clients repeat themselves: a few values of these headers are all there are."""
_NUMBER = re.compile(r"-?[0-9]{1,64}(?:\.[0-9]{1,64})?")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")


def encode_value(value: str) -> str:
    """Write a string as a header value: as it is, or in the Base64 sentinel (`#value-encoding`)."""
    if _PLAIN.fullmatch(value) and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def decode_value(value: str) -> str:
    """Read a header value back. Raises `RemoteProtocolError` (HeaderMismatch) for a broken sentinel."""
    match = _SENTINEL.fullmatch(value) if value.startswith("=?") else None
    if match is None:
        if value.isascii() and value.isprintable():
            return value
        if any(character != "\t" and not 0x20 <= ord(character) <= 0x7E for character in value):
            raise RemoteProtocolError(Code.HEADER_MISMATCH, "Header mismatch: a header value is not visible ASCII")
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except ValueError:  # no Base64, not even ASCII, or no UTF-8
        raise RemoteProtocolError(Code.HEADER_MISMATCH, "Header mismatch: a Base64 header value is broken") from None


def request_headers(
    message: Message, revision: Revision, *, session: str | None = None, schema: Any = None
) -> dict[str, str]:
    """Return the headers of the POST that carries `message`.

    `session` is the session id of a legacy conversation. `schema` is the called tool's input schema, where it is
    known: its `x-mcp-header` parameters are mirrored (2026-07-28 only).
    """
    headers = {"content-type": JSON_TYPE, "accept": ACCEPT}
    initializes = isinstance(message, Request) and message.method == "initialize"
    if revision.version_header and not initializes:
        headers[PROTOCOL_VERSION] = revision.name
    if session is not None and revision.sessions:
        headers[SESSION_ID] = session
    if revision.mirrored_headers and isinstance(message, Request):
        headers |= _mirror(message, schema)
    return headers


def _mirror(request: Request, schema: Any) -> dict[str, str]:
    params = request.params or {}
    headers = {METHOD: request.method}
    name = params.get(NAMED_BY.get(request.method, ""))
    if isinstance(name, str):
        headers[NAME] = encode_value(name)
    for header, value in _mirrored_parameters(schema, params.get("arguments")).items():
        headers[PARAM_PREFIX + header.lower()] = encode_value(_as_text(value))
    return headers


def header_parameters(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return the `x-mcp-header` annotations of an input schema: header name to property path.

    Only properties reached through `properties` alone count (`server/tools#x-mcp-header`).
    """
    found: dict[str, tuple[str, ...]] = {}
    stack: list[tuple[Any, tuple[str, ...]]] = [(schema, ())]
    while stack:
        node, path = stack.pop()
        properties = node.get("properties") if isinstance(node, dict) else None
        if not isinstance(properties, dict):
            continue
        for name, sub in properties.items():
            if isinstance(sub, dict) and isinstance(sub.get("x-mcp-header"), str):
                found[sub["x-mcp-header"]] = (*path, name)
            stack.append((sub, (*path, name)))
    return found


def _mirrored_parameters(schema: Any, arguments: Any) -> dict[str, Any]:
    if schema is None:
        return {}
    values = {header: _at(arguments, path) for header, path in header_parameters(schema).items()}
    return {header: value for header, value in values.items() if isinstance(value, str | int | float)}


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _as_text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_mirrored_headers(request: Request, header: Callable[[str], str | None], schema: Any = None) -> None:
    """Compare the headers that mirror the body with the body. `header` gives the value of one by its lower-case name.

    Raises `RemoteProtocolError` with HeaderMismatch, HTTP 400 (`#server-validation`). The protocol version header is
    compared where the version is read, since it decides which rules hold.
    """
    method = header(METHOD)
    if method != request.method:
        raise _mismatch("Mcp-Method", method, request.method)
    params = request.params or {}
    name = params.get(NAMED_BY.get(request.method, ""))
    if isinstance(name, str):
        given = header(NAME)
        if request.method in NAME_REQUIRED if given is None else decode_value(given) != name:
            raise _mismatch("Mcp-Name", given, name)
    if schema is None:
        return
    for parameter, path in header_parameters(schema).items():
        given = header(PARAM_PREFIX + parameter.lower())
        _check_parameter(parameter, _at(params.get("arguments"), path), given)


def _check_parameter(header: str, value: Any, given: str | None) -> None:
    if given is None:
        if isinstance(value, str | int | float):
            raise _mismatch(f"Mcp-Param-{header}", given, _as_text(value))
        return
    text = decode_value(given)
    if not isinstance(value, str | int | float):
        raise _mismatch(f"Mcp-Param-{header}", given, "nothing that a header could mirror")
    if text == _as_text(value) or (not isinstance(value, str | bool) and _same_number(text, value)):
        return
    raise _mismatch(f"Mcp-Param-{header}", given, _as_text(value))


def _same_number(text: str, value: float) -> bool:
    return _NUMBER.fullmatch(text) is not None and Decimal(text) == Decimal(str(value))


def _mismatch(header: str, given: str | None, wanted: str) -> RemoteProtocolError:
    if given is None:
        return RemoteProtocolError(Code.HEADER_MISMATCH, f"Header mismatch: {header} is missing")
    return RemoteProtocolError(
        Code.HEADER_MISMATCH, f"Header mismatch: {header} says {given!r}, the body says {wanted!r}"
    )


@lru_cache(CACHED)
def media_type(value: str | None) -> str:
    """Return a Content-Type's type in lower case, without parameters."""
    return (value or "").partition(";")[0].strip().lower()


@lru_cache(CACHED)
def accepts(value: str | None, wanted: str) -> bool:
    """Tell whether an Accept header admits a media type; an absent header admits everything (RFC 9110, 12.5.1)."""
    if value is None:
        return True
    family = wanted.partition("/")[0] + "/*"
    return any(media_type(part) in (wanted, family, "*/*") for part in value.split(","))


def origin_allowed(origin: str | None, host: str | None, allowed: frozenset[str] = frozenset()) -> bool:
    """Judge an Origin header against DNS rebinding (`#security-endpoint`).

    An absent Origin comes from no browser and passes. One that is listed passes; otherwise it must be a web origin on
    this machine's loopback names, in a request that names such a host too.
    """
    if origin is None or origin in allowed:
        return True
    return _LOCAL_ORIGIN.fullmatch(origin) is not None and _is_local(host)


def host_allowed(host: str | None, allowed: frozenset[str] = frozenset()) -> bool:
    """Judge a Host header for a server bound to loopback: one of its names, or one that is listed."""
    return host is not None and (host in allowed or _is_local(host))


@lru_cache(CACHED)
def _is_local(host: str | None) -> bool:
    return host is not None and _LOCAL_HOST.fullmatch(host) is not None
