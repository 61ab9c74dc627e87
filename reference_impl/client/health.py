"""How the servers of a client are: asked all at once, each within the same time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import anyio

from reference_impl.client.errors import ClientError, RequestFailed
from reference_impl.client.keeping import Keeper
from reference_impl.client.server_config import HealthStatus

__all__ = ["Health", "examine"]


@dataclass(frozen=True, slots=True)
class Health:
    """How one server is. Times are Unix seconds, `uptime` counts seconds since it was connected, `latency` is how long
    it took to answer; each is None where there is nothing to tell."""

    status: HealthStatus
    last_used: float | None = None
    uptime: float | None = None
    latency: float | None = None
    last_error: str | None = None
    errored_at: float | None = None

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


async def examine(keepers: Iterable[Keeper], timeout: float, now: float) -> dict[str, Health]:
    """Ask every connected server for a sign of life, and wait `timeout` seconds for it at most.

    Nothing is connected anew: a server without a connection is reported as it is. `now` is a Unix time.
    """
    found: dict[str, Health] = {}

    async def ask(keeper: Keeper) -> None:
        latency = await _ping(keeper, timeout)
        state = keeper.state
        connected = state.session is not None and not state.session.ended.is_set()
        found[state.config.name] = Health(
            state.health_status,
            state.last_used,
            max(0.0, now - (state.connected_at or now)) if connected else None,
            latency,
            state.last_error,
            state.errored_at,
        )

    asked = list(keepers)
    async with anyio.create_task_group() as tasks:
        for keeper in asked:
            tasks.start_soon(ask, keeper)
    return {keeper.state.config.name: found[keeper.state.config.name] for keeper in asked}


async def _ping(keeper: Keeper, timeout: float) -> float | None:
    session = keeper.state.session
    if session is None:
        return None
    started = time.perf_counter()
    try:
        await session.ping(timeout)
    except RequestFailed:
        pass  # a refusal is a sign of life: servers are known that have no ping
    except ClientError as error:
        keeper.failed(error)
        if keeper.state.session is session:
            keeper.state.health_status = "unhealthy"
        return None
    keeper.state.health_status = "healthy"
    return time.perf_counter() - started
