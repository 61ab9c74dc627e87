"""Asking a legacy server from time to time whether it is still there (`basic/utilities/ping`)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import ClientError, RequestFailed, RequestTimeout

__all__ = ["keep_pinging"]

_logger = logging.getLogger("reference_impl.client")


async def keep_pinging(
    connection: ClientConnection, interval: float, timeout: float, end: Callable[[], Awaitable[None]]
) -> None:
    """Ping the server every `interval` seconds; call `end` if it gives no answer within `timeout` seconds.

    Returns then, when the connection has ended, and at once where the revision has no ping.
    """
    while not connection.revision.modern:
        await anyio.sleep(interval)
        try:
            await connection.ping(timeout)
        except RequestFailed:
            continue  # an error is an answer, too
        except RequestTimeout:
            _logger.warning("the server did not answer a ping within %g s: the connection ends", timeout)
            await end()
            return
        except ClientError as error:
            _logger.info("no more pings: %s", error)
            return
