"""Holding a subscription open: one long request (2026-07-28), or a subscription for each resource (legacy).

Sources: `basic/patterns/subscriptions` of 2026-07-28, `server/resources#subscriptions` of 2025-11-25.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio

from reference_impl.client.errors import ClientError, RequestFailed, RequestTimeout
from reference_impl.client.grouping import task_group
from reference_impl.client.patience import hurried
from reference_impl.client.requester import Requester
from reference_impl.client.settings import CallOptions
from reference_impl.client.subscriptions import Filter, Subscription, Subscriptions
from reference_impl.client.wire import Wire
from reference_impl.protocol.messages import ErrorResponse, Request

__all__ = ["listen"]

_LISTEN = "subscriptions/listen"
_FAREWELL = 2.0
"""Seconds that taking back subscriptions may take."""


@asynccontextmanager
async def listen(requester: Requester, subscriptions: Subscriptions, wanted: Filter) -> AsyncIterator[Subscription]:
    """Open a stream of changes for the length of a block.

    Raises `RequestFailed` if the server refuses, `RequestTimeout` if it does not acknowledge, `NotOffered`.
    """
    subscription = Subscription(wanted)
    request = requester.caller.dressed(_LISTEN, {"notifications": wanted.wire()}, CallOptions())
    hold = _hold_stream if requester.agreement.revision.modern else _hold_resources
    subscriptions.add(request.id, subscription)
    try:
        async with hold(requester, request, subscription):
            yield subscription
    finally:
        subscriptions.remove(request.id)


@asynccontextmanager
async def _hold_stream(requester: Requester, request: Request, subscription: Subscription) -> AsyncIterator[None]:
    requester.offered(_LISTEN)
    timeout = requester.caller.settings.timeout
    async with task_group() as tasks:
        with anyio.move_on_after(timeout) as scope:
            with hurried(scope):
                # Leaving the block cancels this task, and with it the request, the transport's way.
                tasks.start_soon(_carry, requester.caller.wire, request, subscription)
            await subscription.settled()
        if scope.cancelled_caught:
            raise RequestTimeout(_LISTEN, timeout)
        yield


async def _carry(wire: Wire, request: Request, subscription: Subscription) -> None:
    try:
        answer = await wire.exchange(request)
    except ClientError as error:
        subscription.end(error)
        return
    if isinstance(answer, ErrorResponse):
        subscription.end(RequestFailed(answer.code, answer.message, answer.data))
    else:
        subscription.end()


@asynccontextmanager
async def _hold_resources(requester: Requester, _: Request, subscription: Subscription) -> AsyncIterator[None]:
    held: list[str] = []
    try:
        for uri in subscription.wanted.uris:
            await requester.request("resources/subscribe", {"uri": uri})
            held.append(uri)
        # List changes come unasked in this era, as far as the server declares them.
        subscription.acknowledge(subscription.wanted.wire())
        yield
    finally:
        with anyio.move_on_after(_FAREWELL, shield=True), suppress(ClientError):
            for uri in held:
                await requester.request("resources/unsubscribe", {"uri": uri})
