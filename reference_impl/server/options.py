"""What a server can be told about itself, beyond what it offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reference_impl.server.definitions import About
from reference_impl.server.tasks.options import TaskOptions

__all__ = ["ServerOptions"]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server behaves beyond what it offers.

    `pages` maps list methods to page sizes (100 where it is silent). `listens`: changes are announced and can be
    subscribed to. `logs`: handlers may send log messages. `ttl_ms` and `cache_scope` are the caching hints of every
    list and resource (`server/utilities/caching`). `ask_timeout` is how many seconds a legacy client has to answer a
    request of ours. Where `ping_interval` is set, legacy clients are pinged that often, in seconds, and the session of
    one that does not answer within `ping_timeout` ends. `tasks` bounds what tasks may cost. `about` is what clients may
    show: title, description, icons, website.
    """

    pages: Mapping[str, int] = field(default_factory=dict)
    listens: bool = True
    logs: bool = True
    ttl_ms: int = 60_000
    cache_scope: Literal["public", "private"] = "public"
    ask_timeout: float = 300
    ping_interval: float | None = None
    ping_timeout: float = 60
    tasks: TaskOptions = field(default_factory=TaskOptions)
    about: About = field(default_factory=About)
