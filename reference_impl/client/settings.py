"""What a client brings to a connection: its identity, its revisions, its patience, and what it can be asked for."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.client.authorizing import Authorizer
from reference_impl.protocol.messages import Notification
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import REVISIONS, Era, Revision
from reference_impl.protocol.sealing import Cipher
from reference_impl.protocol.tasks import Task
from reference_impl.schemas import compile_schema

__all__ = [
    "DEFAULT_OPTIONS",
    "CallOptions",
    "ClientSettings",
    "Handler",
    "Handlers",
    "JsonObject",
    "Judge",
    "Progress",
]

JsonObject = dict[str, Any]

Handler = Callable[[JsonObject], Awaitable[JsonObject]]
"""Takes the `params` of a server's question and returns the result. Raises `RemoteProtocolError` to refuse."""

Judge = Callable[[Any], "str | None"]
"""Takes a JSON value; returns None, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who answers what a server may ask for; what has no handler is not declared as a capability.

    `elicitation_modes` and `sampling_features` are the members of those capabilities from 2025-11-25 on; `extra` holds
    further capabilities as they are (`experimental`, `extensions`). `tasks` lets a server answer the call of a tool
    with a task (2026-07-28), which the client then follows; `takes_tasks` lets it ask for samples and elicitations as
    tasks (2025-11-25).
    """

    sampling: Handler | None = None
    elicitation: Handler | None = None
    roots: Handler | None = None
    elicitation_modes: tuple[str, ...] = ("form",)
    sampling_features: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    tasks: bool = True
    takes_tasks: bool = False

    def capabilities(self, revision: Revision) -> JsonObject:
        """Return the capabilities to declare, in the shape that the revision gives them."""
        declared: JsonObject = dict(self.extra)
        if self.roots is not None:
            declared["roots"] = {} if revision.modern else {"listChanged": True}
        # The members of both capabilities came with the same revision as URL elicitation did.
        detailed = revision.url_elicitation
        if self.sampling is not None:
            declared["sampling"] = {feature: {} for feature in self.sampling_features} if detailed else {}
        # Before modes could be named, the capability meant forms.
        if self.elicitation is not None and revision.elicitation and (detailed or "form" in self.elicitation_modes):
            declared["elicitation"] = {mode: {} for mode in self.elicitation_modes} if detailed else {}
        if self.tasks and revision.modern:
            declared["extensions"] = {**declared.get("extensions", {}), TASKS: {}}
        asked: dict[str, JsonObject] = {"sampling": {"createMessage": {}}, "elicitation": {"create": {}}}
        requests = {name: wire for name, wire in asked.items() if name in declared}
        if self.takes_tasks and revision.tasks and requests:
            declared["tasks"] = {"list": {}, "cancel": {}, "requests": requests}
        return declared

    def named(self, method: str) -> Handler | None:
        """Return the handler of a server's question."""
        table = {
            "sampling/createMessage": self.sampling,
            "elicitation/create": self.elicitation,
            "roots/list": self.roots,
        }
        return table.get(method)


@dataclass(frozen=True, slots=True)
class Progress:
    """One progress notification: how far, of how much, and in words."""

    progress: float
    total: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to make one request.

    `timeout` is the seconds to wait for the answer (None: the settings' own); each progress notification starts it
    anew, up to the settings' maximum. `on_progress` asks the server for progress; it must return at once. `log_level`
    asks for log messages of this request (2026-07-28). `fresh` passes over the cache. `meta` is merged into `_meta`.
    Where a call becomes a task, `task_timeout` is the seconds to wait for the task's end, and `on_status` hears of each
    state that is seen; it must return at once.
    """

    timeout: float | None = None
    on_progress: Callable[[Progress], None] | None = None
    log_level: str | None = None
    fresh: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    task_timeout: float | None = None
    on_status: Callable[[Task], None] | None = None


DEFAULT_OPTIONS = CallOptions()


def _ignore(_: Notification) -> None:
    """Take a notification that nobody waits for."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Everything that holds for a whole connection; times are in seconds.

    `revisions` are those the client may speak, oldest first. `era` is the server's era where an earlier connection has
    found it out: it spares the probe (`basic/versioning#backward-compatibility-with-initialization-based-versions`).
    `on_notification` sees every notification; it must return at once, and what it raises is logged.
    `input_rounds` bounds how often one request may come back with further questions. `compile_schema` makes a judge of
    an output schema: structured results of listed tools are held against it (`server/tools#output-schema`), unless it
    is None. `headers`, `authorizer` (there is one that does all of OAuth in `reference_impl.client.auth`) and
    `ssl_context` are for whatever runs over HTTP. `proxy` is the URL of the HTTP proxy that all HTTP goes through; the
    environment is not asked for one.
    Where `ping_interval` is set, a legacy server is pinged that often, and a connection whose server does not answer
    within `ping_timeout` ends.
    `seal` holds keys, where messages over stdio, WebSocket or memory are to be sealed.
    """

    info: Mapping[str, Any] = field(default_factory=lambda: {"name": "touchstone-client", "version": "0.1.0"})
    revisions: tuple[Revision, ...] = REVISIONS
    era: Era | None = None
    handlers: Handlers = field(default_factory=Handlers)
    on_notification: Callable[[Notification], None] = _ignore
    timeout: float = 30.0
    maximum: float = 300.0
    probe_timeout: float = 5.0
    stop_grace: float = 2.0
    input_rounds: int = 8
    task_timeout: float = 3600.0
    ping_interval: float | None = None
    ping_timeout: float = 60.0
    compile_schema: Callable[[JsonObject], Judge] | None = compile_schema
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # they may hold a token
    authorizer: Authorizer | None = None
    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    seal: Cipher | None = None

    @property
    def legacy(self) -> tuple[Revision, ...]:
        """The revisions with a handshake, oldest first."""
        return tuple(revision for revision in self.revisions if not revision.modern)

    @property
    def modern(self) -> tuple[Revision, ...]:
        """The revisions without one, oldest first."""
        return tuple(revision for revision in self.revisions if revision.modern)
