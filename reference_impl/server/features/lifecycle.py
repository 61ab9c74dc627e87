"""Handshake of the legacy era, discovery of the modern one, ping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import SERVER_INFO, negotiate
from reference_impl.protocol.messages import encode_json
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.server.exchange import Exchange

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["LARGEST_INTRODUCTION", "discover", "initialize", "ping"]

LARGEST_INTRODUCTION = 64 * 1024
"""Bytes that a client may say of itself: they are kept as long as the session, and there may be many sessions."""


async def initialize(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Agree on a revision and remember the client (`basic/lifecycle#initialization`)."""
    revision = negotiate(params.get("protocolVersion"), REVISIONS)
    capabilities, client = params.get("capabilities"), params.get("clientInfo")
    if not isinstance(capabilities, dict) or not isinstance(client, dict):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: capabilities and clientInfo must be objects")
    if len(encode_json([capabilities, client])) > LARGEST_INTRODUCTION:
        text = f"Invalid params: capabilities and clientInfo have more than {LARGEST_INTRODUCTION} bytes"
        raise RemoteProtocolError(Code.INVALID_PARAMS, text)
    session = exchange.session
    if session is None:
        raise RemoteProtocolError(Code.INVALID_REQUEST, "initialize opens a legacy session")
    session.revision, session.capabilities, session.client_info = revision, capabilities, client
    session.opened, session.initialized = True, False
    session.log_level = None
    session.roots_changed()
    session.subscriptions.clear()
    result = {
        "protocolVersion": revision.name,
        "capabilities": server.capabilities(revision),
        "serverInfo": server.identity(revision),
    }
    # 2024-11-05 has `instructions` too.
    return result if server.instructions is None else result | {"instructions": server.instructions}


async def ping(_server: AdvancedMCPServer, _exchange: Exchange, _params: dict[str, Any]) -> dict[str, Any]:
    """Answer at once (`basic/utilities/ping`)."""
    return {}


async def discover(server: AdvancedMCPServer, exchange: Exchange, _params: dict[str, Any]) -> dict[str, Any]:
    """Say what this server is (`server/discover`)."""
    result = {
        "supportedVersions": server.supported_versions,
        "capabilities": server.capabilities(exchange.revision),
        "_meta": {SERVER_INFO: server.identity(exchange.revision)},
    }
    return result if server.instructions is None else result | {"instructions": server.instructions}
