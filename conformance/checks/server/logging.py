"""Checks of `server/utilities/logging`: the levels, in the way of each era."""

from __future__ import annotations

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import expect_error, expect_result
from conformance.peer import Peer
from reference_impl.protocol.lifecycle import LOG_LEVEL, LOG_LEVELS

_INVALID_PARAMS = -32602
_UNKNOWN = "touchstone"


@check("logging.levels", "logging.levels")
async def levels(peer: Peer) -> None:
    """Each syslog level can be set."""
    for level in (*LOG_LEVELS, "info"):
        answer = require_method(await peer.request("logging/setLevel", {"level": level}))
        expect_result(answer, f"an empty result for level {level}")


@check("logging.level.unknown", "logging.level.unknown")
async def unknown_level(peer: Peer) -> None:
    """A level that does not exist cannot be set."""
    message = peer.message("logging/setLevel", {"level": _UNKNOWN})
    answer = require_method(await peer.call(message, defect="an unknown log level"))
    expect_error(answer, {_INVALID_PARAMS}, f"log level {_UNKNOWN}")


@check("logging.request-level.unknown", "logging.request-level.unknown")
async def unknown_request_level(peer: Peer) -> None:
    """A request that asks for a log level that does not exist is refused."""
    message = peer.message(peer.cheap_method, meta={LOG_LEVEL: _UNKNOWN})
    expect_error(await peer.call(message, defect="an unknown log level"), {_INVALID_PARAMS}, f"log level {_UNKNOWN}")
