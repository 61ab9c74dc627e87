"""Locust users that speak MCP, for our own runs and for anybody's locustfile.

    from locust import constant_pacing, task
    from loadtest.users import McpHttpUser

    class Agent(McpHttpUser):
        host = "http://127.0.0.1:8000/mcp"
        wait_time = constant_pacing(1)

        @task
        def search(self):
            self.call_tool("search", {"query": "tea"})

Instead of tasks a class may have `operations`. Each request is fired as Locust's `request` event, of type `MCP`; exact
distributions are in `Agent.recorder`. `docs/locust.md` has more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gevent
from locust import User, constant
from locust.exception import LocustError, StopUser

from loadtest.asking import Asks
from loadtest.channel_conversation import ChannelConversation
from loadtest.exchange import Client, Conversation
from loadtest.http_conversation import HttpConversation
from loadtest.incoming import capabilities_for
from loadtest.pace import Pace
from loadtest.recorder import Recorder
from loadtest.response import OperationError, Response
from loadtest.sample import Failure, Sample
from loadtest.scenario import Scenario
from loadtest.scenarios.steady import STEADY
from loadtest.sse_conversation import SseLink
from loadtest.stdio_conversation import StdioProcess
from loadtest.traffic import Traffic
from loadtest.visitor import Visitor
from loadtest.wire import Endpoint
from loadtest.workload import Operation, StdioTarget
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision, revision_named

__all__ = ["McpHttpUser", "McpSseUser", "McpStdioUser", "McpUser", "McpWebSocketUser", "OperationError"]


_LOG = logging.getLogger(__name__)
STRAY = "(unasked)"
"""The name under which faults are counted that belong to no request, where there are no operations."""


class McpUser(Asks, User):
    """One client. Subclasses say how to reach the target; the rest is configured by class attributes.

    Its tasks ask by the methods of `Asks`; a class without tasks of its own sends its `operations`. `answers` are what
    the server gets when it asks its client, by method. `pace` decides when to send; without one, Locust's own
    `wait_time` does. `traffic` is made from `operations` and `revision` unless it is given; users of one class share
    it. `scenario` says what one turn of a user does, and may take `parameters`. Users start within `spread` seconds, at
    random, because those that start together stay in phase.
    """

    abstract = True
    wait_time = constant(0)
    operations: ClassVar[tuple[Operation, ...]] = ()
    revision: ClassVar[str] = LATEST.name
    timeout: ClassVar[float] = 10.0
    answers: ClassVar[dict[str, Any]] = {}
    spread: ClassVar[float] = 0.1
    traffic: ClassVar[Traffic | None] = None
    pace: ClassVar[Pace | None] = None
    scenario: ClassVar[Scenario] = STEADY
    parameters: ClassVar[dict[str, Any]] = {}
    recorder: ClassVar[Recorder]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.tasks = [each for each in cls.tasks if each is not McpUser.work] or [McpUser.work]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.schemas = {}
        self.declared = capabilities_for(self.client().answers)
        self._traffic = self.shared_traffic()
        # A run with a pace of its own shows no page of Locust's, and its statistics would cost a tenth of each call.
        tell: Callable[[Sample], None] = self._tell_locust if self.pace is None else _untold
        self.visitor = Visitor(self._traffic, self.converse, self.scenario.turn, self.parameters, tell=tell)

    @classmethod
    def shared_traffic(cls) -> Traffic:
        """Return what the users of this class share; made on the first call."""
        if cls.traffic is None:
            cls.recorder = Recorder()
            cls.traffic = Traffic(cls.operations, cls.spoken(), cls.recorder)
        return cls.traffic

    @classmethod
    def first_contact(cls) -> Failure | None:
        """Open one conversation before any load; return why that failed."""
        conversation = cls.converse()
        failure = cls.shared_traffic().open(conversation)
        conversation.close()
        return failure

    @classmethod
    def farewell(cls) -> None:
        """Let go of what the users of this class shared."""

    @classmethod
    def pids(cls) -> list[int]:
        """Return the ids of the processes that the users of this class started."""
        return []

    @classmethod
    def spoken(cls) -> Revision:
        """Return the revision that `revision` names. Raises ValueError if there is none."""
        revision = revision_named(cls.revision)
        if revision is None:
            raise ValueError(f"there is no revision {cls.revision!r} of the protocol")
        return revision

    @classmethod
    def client(cls) -> Client:
        """Return who converses: how it speaks, waits and answers, and where faults go that belong to no request."""
        return Client(cls.spoken(), cls.timeout, {**cls.scenario.answers, **cls.answers}, cls._record_stray)

    @classmethod
    def _record_stray(cls, failure: Failure) -> None:
        traffic = cls.shared_traffic()
        traffic.recorder.record_stray(traffic.templates[0].name if traffic.templates else STRAY, failure)

    @classmethod
    def converse(cls, headers: Mapping[str, str] | None = None) -> Conversation:
        """Make a conversation; not opened yet. `headers` go with its requests, over those of all users."""
        del headers
        raise TypeError(f"{cls.__name__} must say how to reach its target: derive from McpHttpUser or McpStdioUser")

    def on_start(self) -> None:
        """Open the conversation and fall in with the others. A failure is recorded, and tried again with each call."""
        if self.scenario.opens:
            self.visitor.open()
        if self.pace is None:
            gevent.sleep(random.random() * self.spread)  # noqa: S311 - spreads users, keeps no secret
        else:
            self.pace.join()

    def on_stop(self) -> None:
        """Close the conversation."""
        self.visitor.end()

    def work(self) -> None:
        """Take the next turn; with a pace of our own, all of them: Locust's loop between tasks takes time.

        The task of a class that has no other.
        """
        if not self._traffic.templates:
            _LOG.error("%s has neither tasks nor operations", type(self).__name__)
            raise StopUser
        if self.pace is None:
            self.visitor.visit()
            return
        while self.pace.turn(self.visitor) is not None:
            pass
        raise StopUser

    def report(self, sample: Sample, response: Response, context: dict[str, Any]) -> None:
        """Count a request of a task, here and in Locust's statistics."""
        self._traffic.count(sample, sample.done - sample.sent)
        self._tell_locust(sample, response, context)

    def _tell_locust(
        self, sample: Sample, response: Response | None = None, context: dict[str, Any] | None = None
    ) -> None:
        self.environment.events.request.fire(
            request_type="MCP",
            name=sample.operation,
            response_time=sample.corrected * 1000,
            response_length=sample.size,
            exception=None if sample.failure is None else OperationError(sample.failure),
            response=response,
            context=context or {},
        )


def _untold(sample: Sample) -> None:
    del sample


class _McpUrlUser(McpUser):
    """A client of what `host` is the URL of. `headers` go with every request."""

    abstract = True
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, environment: Any) -> None:
        if "://" not in (self.host or ""):
            given = f", which {self.host!r} is not" if self.host else ""
            raise LocustError(f"{type(self).__name__} needs the URL of its server{given}: in its host, or by --host")
        super().__init__(environment)

    @classmethod
    def endpoint(cls, headers: Mapping[str, str] | None = None) -> Endpoint:
        """Return what is spoken to, with these headers over those of all users."""
        return Endpoint(str(cls.host).removeprefix("sse+"), {**cls.headers, **(headers or {})})


class McpHttpUser(_McpUrlUser):
    """A client of a Streamable HTTP endpoint (`host`), on one connection of its own that it keeps.

    `headers` go with every request.
    """

    abstract = True

    @classmethod
    def converse(cls, headers: Mapping[str, str] | None = None) -> HttpConversation:
        """Make a conversation; it connects when it is opened."""
        return HttpConversation(cls.endpoint(headers), cls.client())


class McpSseUser(_McpUrlUser):
    """A client of HTTP with SSE, the transport of 2024-11-05; `host` is the address of its stream.

    `headers` go with every request. Legacy revisions only.
    """

    abstract = True
    revision = LATEST_LEGACY.name

    @classmethod
    def converse(cls, headers: Mapping[str, str] | None = None) -> ChannelConversation:
        """Make a conversation; it connects when it is opened."""
        return ChannelConversation(SseLink(cls.endpoint(headers), cls.client()))


class McpWebSocketUser(_McpUrlUser):
    """A client of a WebSocket (`host`, `ws` or `wss`) of its own. `headers` go with the handshake."""

    abstract = True

    @classmethod
    def converse(cls, headers: Mapping[str, str] | None = None) -> ChannelConversation:
        """Make a conversation; it connects when it is opened."""
        # The library is needed for nothing else here.
        from loadtest.websocket_conversation import WebSocketLink

        return ChannelConversation(WebSocketLink(cls.endpoint(headers), cls.client()))


class McpStdioUser(McpUser):
    """A client of a server that is started from `target`, one process for all users of the class or one for each."""

    abstract = True
    target: ClassVar[StdioTarget]
    processes: ClassVar[tuple[StdioProcess, ...]] = ()

    @classmethod
    def converse(cls, headers: Mapping[str, str] | None = None) -> ChannelConversation:
        """Make a conversation; its process starts when it is opened. Headers mean nothing to it."""
        del headers
        if cls.target.process_each or not cls.processes:
            process = StdioProcess(cls.target, cls.client(), greets=cls.scenario.opens)
            cls.processes = (*(each for each in cls.processes if not each.closed), process)
        return ChannelConversation(cls.processes[-1], owned=cls.target.process_each)

    @classmethod
    def farewell(cls) -> None:
        """End the processes."""
        gevent.joinall([gevent.spawn(process.close) for process in cls.processes])

    @classmethod
    def pids(cls) -> list[int]:
        """Return the ids of the processes that run now."""
        return [process.pid for process in cls.processes if process.pid is not None]
