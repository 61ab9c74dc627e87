"""One server of many: how to reach it, and what is known of the connection to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from reference_impl.client.capabilities import Capabilities
from reference_impl.client.connection import ClientConnection
from reference_impl.client.settings import ClientSettings
from reference_impl.client.ways import Target

__all__ = ["HealthStatus", "ServerConfig", "ServerState"]

HealthStatus = Literal["healthy", "unhealthy", "connecting"]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A server: its `name` here, its `target` as `connect` takes it, and the `settings` of the connection.

    A channel in memory can be used once: give a function that makes one in its place, and it can be reconnected.
    `restart` says that a server which goes away on its own account is started again at once (over stdio, as
    `basic/transports/stdio` wants it; over WebSocket and memory connected to), and not only when it is needed.
    """

    name: str
    target: Target | Callable[[], Target]
    settings: ClientSettings = field(default_factory=ClientSettings)
    restart: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a server needs a name")


@dataclass(slots=True)
class ServerState:
    """What is known of a server. `session` is None while there is no connection; times are Unix seconds.

    `last_error` is what ended the last connection or request that failed, `errored_at` when; `started` counts the
    connections so far.
    """

    config: ServerConfig
    session: ClientConnection | None = None
    capabilities: Capabilities | None = None
    last_used: float | None = None
    health_status: HealthStatus = "connecting"
    connected_at: float | None = None
    last_error: str | None = None
    errored_at: float | None = None
    started: int = 0
