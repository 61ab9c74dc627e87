"""Asking legacy clients from time to time whether they are still there (`basic/utilities/ping`).

One task asks for the whole server. Who cannot be asked, because no stream is open to him, is left in peace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set as AbstractSet

from reference_impl.server.exchange import ClientRefusedError, Session

__all__ = ["keep_pinging"]

_logger = logging.getLogger("reference_impl.server")


async def keep_pinging(sessions: AbstractSet[Session], interval: float, timeout: float) -> None:
    """Ping every session that can be reached every `interval` seconds, until cancelled; one that gives no answer
    within `timeout` seconds ends."""
    async with asyncio.TaskGroup() as pings:
        asked: dict[Session, asyncio.Task[None]] = {}
        while True:
            await asyncio.sleep(interval)
            asked = {session: ping for session, ping in asked.items() if not ping.done()}
            for session in sessions - asked.keys():
                if session.initialized and session.on_silence is not None:
                    asked[session] = pings.create_task(_ping(session, timeout))


async def _ping(session: Session, timeout: float) -> None:
    try:
        await session.ask("ping", {}, session.send, timeout)
    except (ClientRefusedError, ConnectionError):
        return  # an error is an answer, too; and who has left needs to be shown no door
    except TimeoutError:
        if session.on_silence is not None:
            _logger.warning("a client did not answer a ping within %g s: its session ends", timeout)
            session.on_silence()
