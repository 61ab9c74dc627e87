"""What the WebSocket transport says in its handshake and in close codes, for both sides.

No transport of the specification but a custom one (`basic/transports#custom-transports`): one JSON-RPC message a text
frame, under the sub-protocol `mcp`. Source: RFC 6455.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from reference_impl.protocol.errors import RemoteProtocolError

__all__ = [
    "LARGEST_MESSAGE",
    "MOST_FRAGMENTS",
    "SUBPROTOCOL",
    "CloseCode",
    "FrameError",
    "choose_subprotocol",
    "closed_because",
]

SUBPROTOCOL = "mcp"
LARGEST_MESSAGE = 16 * 1024 * 1024
"""Most bytes of a message that a server takes, in one frame or in fragments."""

MOST_FRAGMENTS = 4096
"""Most fragments of a message."""


class CloseCode(IntEnum):
    """Why a side closes the socket (RFC 6455, section 7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    TRY_AGAIN = 1013


_WORDS: dict[int, str] = {
    CloseCode.NORMAL: "it was done",
    CloseCode.GOING_AWAY: "it is going away",
    CloseCode.PROTOCOL_ERROR: "the WebSocket protocol was broken",
    CloseCode.UNSUPPORTED_DATA: "it takes text frames only",
    CloseCode.INVALID_DATA: "a text frame was not UTF-8",
    CloseCode.POLICY: "its policy forbids it",
    CloseCode.TOO_BIG: "a message was too large",
    CloseCode.INTERNAL: "it failed, or pings were not answered in time",
    CloseCode.TRY_AGAIN: "it is too busy",
}


class FrameError(RemoteProtocolError):
    """The peer broke a rule of this transport: `close_code` and the message are what to close the socket with."""

    def __init__(self, close_code: CloseCode, message: str) -> None:
        super().__init__(close_code, message)
        self.close_code = close_code


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Return the sub-protocol that a server answers a client's offers with; None for one that offers none at all.

    Raises `FrameError` if the client speaks others only.
    """
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    if offered:
        raise FrameError(CloseCode.PROTOCOL_ERROR, f"the sub-protocol here is {SUBPROTOCOL}")
    return None


def closed_because(code: int, reason: str) -> str:
    """Say in words why the peer closed the socket."""
    words = _WORDS.get(code)
    text = f"the peer closed the WebSocket: {code}"
    for part in (words, reason):
        text += f", {part}" if part else ""
    return text
