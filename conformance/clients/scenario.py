"""What a scenario is: a way in which our scripted server behaves, as data and hooks, with fresh state for each client.

A client is steered by the server alone, so that one without fixture code is judged on whatever it does. Each scenario
is a module of `conformance.clients.scenarios`, and is found there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from conformance.clients.offer import Offer, refusal, usual_offer
from conformance.clients.reply import HttpRequest, Message, RawReply, Reply, Step
from conformance.expect import Inapplicable
from conformance.transcript import Conversation, HttpHead
from reference_impl.protocol.revisions import Revision

__all__ = ["PLAIN", "Behaviour", "Listener", "Scenario", "Scene", "Turn", "all_scenarios", "bound", "legacy", "modern"]

PLAIN = "plain"
TRANSPORTS = ("stdio", "http", "sse", "ws")


@dataclass(slots=True)
class Scene:
    """Where a scenario is played.

    `url` is where the server is ("" where the client starts it), `urls` where the scenario's further listeners are, by
    name, without a slash at the end. `visit` counts the starts of the client. `answers` are the client's answers to our
    questions, by id. `silence`: seconds that outlast the visit.
    """

    revision: Revision
    transport: str
    conversation: Conversation
    url: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)
    visit: int = 1
    answers: dict[Any, Message] = field(default_factory=dict)
    silence: float = 3600.0

    def answered(self, *ids: Any) -> bool:
        """Whether the client has answered our questions with these ids."""
        return all(identifier in self.answers for identifier in ids)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the client's: request, notification or answer to a question.

    `usual` gives what it is answered with where nothing is bent. `session` is the session id that came with it, `head`
    the head of its HTTP request, `connection` the number of the process or connection that it came over (0: HTTP).
    """

    message: Message
    scene: Scene
    usual: Callable[[], Reply]
    session: str | None = None
    head: HttpHead | None = None
    connection: int = 0

    @property
    def method(self) -> str:
        """Its method, "" for an answer."""
        method = self.message.get("method")
        return method if isinstance(method, str) else ""

    @property
    def params(self) -> dict[str, Any]:
        """Its params, or nothing."""
        params = self.message.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def is_request(self) -> bool:
        """Whether it is to be answered: a notification that someone numbered is none."""
        return "id" in self.message and self.method != "" and not self.method.startswith("notifications/")

    def result(self, result: dict[str, Any]) -> Reply:
        """Return a reply with this result, as it stands."""
        return Reply(200, {"jsonrpc": "2.0", "id": self.message.get("id"), "result": result})

    def error(self, code: int, text: str, data: object = None, status: int = 200) -> Reply:
        """Return a reply with an error, over HTTP with this status."""
        return Reply(status, refusal(self.message, code, text, data))


def _same(result: dict[str, Any]) -> dict[str, Any]:
    return result


def _nothing(_: object) -> None:
    return None


def _relative(_: str, number: int) -> str:
    return f"/messages?session_id={number}"


def _never() -> bool:
    return False


def _still(_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is unusual about a server; by default nothing is.

    `opening` bends the result of `initialize` and `server/discover`. `reply` takes each message of the client (also
    notifications, answers, and what belongs to the other era) and gives what it is answered with, None for the usual.
    `listen` does so for each GET of a stream of events (its turn has no message; its head has Last-Event-ID; the usual
    is HTTP 405). `http` sees each HTTP request before that, at every path and listener, and may answer it raw.
    `streams`: requests are answered by streams of events, which begin with `prelude`. `header_names` writes the names
    of headers. `offer`: tools and so on.
    `started`: what a server on standard streams says when it starts; `lingers`: it ends neither at the end of its input
    nor at a signal that it can ignore.
    `enough`: asked whenever something was heard, tells that nothing more needs to be seen. `again`: asked before a
    further visit, and shown the earlier ones, tells whether that has a point.
    `endpoint` gives the address to post to over HTTP with SSE, from the URL of the stream and the number of the stream.
    `address` bends the URL that the client is given; `official` and `context` go into the environment as
    MCP_CONFORMANCE_SCENARIO and MCP_CONFORMANCE_CONTEXT, `variables` too.
    """

    opening: Callable[[dict[str, Any]], dict[str, Any]] = _same
    reply: Callable[[Turn], Reply | None] = _nothing
    listen: Callable[[Turn], Reply | None] = _nothing
    http: Callable[[HttpRequest], RawReply | Awaitable[RawReply | None] | None] = _nothing
    streams: bool = False
    prelude: bytes = b""
    started: tuple[Step, ...] = ()
    lingers: bool = False
    header_names: Callable[[str], str] = str
    offer: Callable[[Revision], Offer] = usual_offer
    enough: Callable[[], bool] = _never
    again: Callable[[Sequence[Conversation]], bool] = _still
    address: Callable[[str], str] = str
    endpoint: Callable[[str, int], str] = _relative
    official: str = "tools_call"
    context: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def legacy(revision: Revision) -> bool:
    """Whether a revision has a handshake."""
    return not revision.modern


def modern(revision: Revision) -> bool:
    """Whether a revision has none."""
    return revision.modern


def _always(_: Revision) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Listener:
    """A further origin that a scenario has, with a certificate that nobody trusts if it speaks `tls`. Each connection
    to one that is `watched` is written down, whatever is said on it."""

    name: str
    tls: bool = False
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One script.

    `title` says what the server does ("answers in streams of events"). `begin` returns the behaviour towards one
    client, with fresh state. `binds` and `transports` say where it is played. `needs` is shown what the client said in
    the plain scenario at the revision, or in the one that `probe` names, and gives the reason why this one would be
    pointless (`Inapplicable` where its rows do not bind such a client). `visits`: how often the client is started.
    `idle`: seconds without a word after which the client is taken to be done. `waits`: hardly anything happens in it,
    so that it takes no place among the clients that run side by side. `apart`: only judges that name it see it, since
    the client has reason to behave oddly.
    """

    name: str
    title: str
    begin: Callable[[Scene], Behaviour]
    binds: Callable[[Revision], bool] = _always
    transports: tuple[str, ...] = TRANSPORTS
    needs: Callable[[Sequence[Conversation]], str | Inapplicable | None] = _nothing
    probe: str = PLAIN
    visits: int = 1
    listeners: tuple[Listener, ...] = ()
    idle: float = 8.0
    waits: bool = False
    apart: bool = False

    def played(self, revision: Revision, transport: str) -> bool:
        """Whether it is played in a revision over a transport."""
        return transport in self.transports and self.binds(revision)


@cache
def all_scenarios() -> tuple[Scenario, ...]:
    """Every scenario, the plain one first: it is played at every revision, to see which of them the client speaks."""
    package = "conformance.clients.scenarios"
    found: dict[str, Scenario] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        for value in vars(importlib.import_module(f"{package}.{info.name}")).values():
            if isinstance(value, Scenario) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two scenarios are called {value.name}")
    return tuple(sorted(found.values(), key=lambda scenario: (scenario.name != PLAIN, scenario.name)))


def bound(revision: Revision, transport: str) -> tuple[Scenario, ...]:
    """Return the scenarios for a revision over a transport, the plain one first."""
    return tuple(scenario for scenario in all_scenarios() if scenario.played(revision, transport))
