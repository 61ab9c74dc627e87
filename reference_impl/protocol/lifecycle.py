"""How a conversation learns its revision: the handshake of the legacy era, the metadata of the modern one.

Sources: `basic/lifecycle` (2024-11-05 to 2025-11-25), `basic/versioning` and `basic/index#meta` (2026-07-28).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import msgspec

from reference_impl.protocol.errors import Code, RemoteProtocolError, is_modern_error
from reference_impl.protocol.messages import ErrorResponse, Response
from reference_impl.protocol.revisions import LATEST, Era, Revision, revision_named

__all__ = [
    "CLIENT_CAPABILITIES",
    "CLIENT_INFO",
    "LOG_LEVEL",
    "LOG_LEVELS",
    "PROTOCOL_VERSION",
    "SERVER_INFO",
    "SUBSCRIPTION_ID",
    "RequestMeta",
    "classify_probe",
    "initialize_params",
    "is_modern_request",
    "negotiate",
    "read_request_meta",
    "request_meta",
    "unsupported_version",
]

_PREFIX = "io.modelcontextprotocol/"
PROTOCOL_VERSION = _PREFIX + "protocolVersion"
CLIENT_INFO = _PREFIX + "clientInfo"
CLIENT_CAPABILITIES = _PREFIX + "clientCapabilities"
LOG_LEVEL = _PREFIX + "logLevel"
SERVER_INFO = _PREFIX + "serverInfo"
SUBSCRIPTION_ID = _PREFIX + "subscriptionId"

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LOG_LEVELS: tuple[str, ...] = get_args(LogLevel)
"""Syslog severities, mildest first (RFC 5424, section 6.2.1)."""


def initialize_params(revision: Revision, client_info: dict[str, Any], capabilities: dict[str, Any]) -> dict[str, Any]:
    """Return `params` of an `initialize` request."""
    return {"protocolVersion": revision.name, "capabilities": capabilities, "clientInfo": client_info}


def request_meta(
    revision: Revision, client_info: dict[str, Any] | None = None, capabilities: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the `_meta` entries that every modern request carries."""
    meta: dict[str, Any] = {PROTOCOL_VERSION: revision.name, CLIENT_CAPABILITIES: capabilities or {}}
    return meta if client_info is None else meta | {CLIENT_INFO: client_info}


def negotiate(offered: object, supported: Iterable[Revision]) -> Revision:
    """Return what a legacy server answers to an offered version: the same if supported, else its newest legacy one.

    Raises `RemoteProtocolError` (-32602) if the offer is not a string (`basic/lifecycle#version-negotiation`).
    """
    if not isinstance(offered, str):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "protocolVersion must be a string")
    legacy = [revision for revision in supported if not revision.modern]
    return next((revision for revision in legacy if revision.name == offered), legacy[-1])


def unsupported_version(requested: str, supported: Iterable[Revision]) -> RemoteProtocolError:
    """Return UnsupportedProtocolVersionError (`basic/versioning#protocol-version-negotiation`)."""
    data = {"supported": [revision.name for revision in supported], "requested": requested}
    return RemoteProtocolError(Code.UNSUPPORTED_VERSION, f"Unsupported protocol version: {requested}", data)


def is_modern_request(params: dict[str, Any] | None) -> bool:
    """Tell whether a request describes itself, so that the modern rules hold for it."""
    meta = (params or {}).get("_meta")
    return isinstance(meta, dict) and (PROTOCOL_VERSION in meta or CLIENT_CAPABILITIES in meta)


class RequestMeta(msgspec.Struct, frozen=True):
    """What a modern request says of itself, in `params._meta`."""

    version: str = msgspec.field(name=PROTOCOL_VERSION)
    capabilities: dict[str, Any] = msgspec.field(name=CLIENT_CAPABILITIES)
    client_info: dict[str, Any] | None = msgspec.field(name=CLIENT_INFO, default=None)
    log_level: LogLevel | None = msgspec.field(name=LOG_LEVEL, default=None)
    progress_token: str | int | None = msgspec.field(name="progressToken", default=None)


def read_request_meta(params: dict[str, Any] | None) -> RequestMeta:
    """Read the per-request metadata. Raises `RemoteProtocolError` (-32602, HTTP 400) where a required field is missing
    or a field has the wrong type (`basic/index#meta`)."""
    try:
        return msgspec.convert((params or {}).get("_meta"), RequestMeta)
    except msgspec.ValidationError as error:
        text = f"Invalid params: params._meta: {error}"
        raise RemoteProtocolError(Code.INVALID_PARAMS, text, http_status=400) from None


def classify_probe(answer: Response | ErrorResponse | None) -> tuple[Era, tuple[str, ...]]:
    """Read the answer to a `server/discover` probe: the era, and the versions the server named.

    `None` stands for silence. A discovery result or an error that only a modern server gives means modern; anything
    else, whatever its code, means legacy (`basic/transports/stdio#backward-compatibility`).
    """
    match answer:
        case Response(_, {"supportedVersions": list(versions)}):
            return Era.MODERN, _names(versions)
        case ErrorResponse(_, code, _, data) if is_modern_error(code):
            supported = data.get("supported") if isinstance(data, dict) else None
            return Era.MODERN, _names(supported) or (LATEST.name,)
    return Era.LEGACY, ()


def _names(versions: object) -> tuple[str, ...]:
    return tuple(name for name in versions if revision_named(name)) if isinstance(versions, list) else ()
