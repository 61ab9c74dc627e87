"""`logging/setLevel` of the legacy era (`server/utilities/logging`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import LOG_LEVELS
from reference_impl.server.exchange import Exchange

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["set_level"]


async def set_level(_server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Send log messages of this level and above from now on."""
    level = params.get("level")
    if level not in LOG_LEVELS:
        raise RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: level must be one of {', '.join(LOG_LEVELS)}")
    if exchange.session is not None:
        exchange.session.log_level = level
    return {}
