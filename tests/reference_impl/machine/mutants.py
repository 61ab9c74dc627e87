"""Servers and clients that are wrong in one way each, and the law of the state machines that each of them breaks.

A machine that lets one of them pass proves nothing by letting the right ones pass.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from reference_impl.client import caller as client_caller
from reference_impl.client.channel_wire import ChannelWire
from reference_impl.client.deadlines import Deadline, Deadlines
from reference_impl.client.dispatcher import Dispatcher
from reference_impl.client.subscriptions import Subscriptions
from reference_impl.protocol.calls import Calls
from reference_impl.protocol.messages import ErrorResponse, Notification, Response
from reference_impl.protocol.tasks import Status
from reference_impl.server import context, conversation, dispatch, stream
from reference_impl.server.exchange import Exchange, Session
from reference_impl.server.http import legacy, modern
from reference_impl.server.http.posts import Post
from reference_impl.server.http.sessions import HttpSession, SessionStore
from reference_impl.server.http.shares import Shares
from reference_impl.server.http.streams import EventStream
from reference_impl.server.subscriptions import Hub, Subscription, listen
from reference_impl.server.tasks.manager import TaskManager
from reference_impl.server.tasks.run import TaskRun
from tests.reference_impl.machine.conversations import Conversations
from tests.reference_impl.machine.exchanges import Exchanges

__all__ = ["MUTANTS", "Mutant"]

Machine = type[Conversations] | type[Exchanges]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`owner.name` replaced by `wrong`; `law` is a part of what the machine then says."""

    fault: str
    law: str
    machine: Machine
    owner: Any
    name: str
    wrong: Any


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


async def _nothing_either(*_: Any, **__: Any) -> None:
    """Do nothing, asynchronously."""


def _silenced(self: Exchange) -> None:
    self.open, self.cancelled = False, True


async def _served_regardless(server: Any, exchange: Exchange, running: Calls[Exchange]) -> Any:
    try:
        message = await dispatch.answer(server, exchange)
    except asyncio.CancelledError:
        message = ErrorResponse(exchange.request.id, -1, "cancelled")
    running.close(exchange.request.id)
    return message


def _said_regardless(self: Exchange, method: str, params: dict[str, Any]) -> None:
    self.send(Notification(method, params))


def _progress_regardless(self: context.Context, progress: float, *_: Any) -> None:
    token = self._exchange.progress_token
    if token is not None:
        self._exchange.notify("notifications/progress", {"progressToken": token, "progress": progress})


_take_value, _start = stream.StreamConversation._take_value, stream.StreamConversation._start
_put = EventStream.put
_resume = HttpSession.resume
_serve, _close_calls, _look = conversation._serve, Calls.close, ChannelWire._settle


def _notifications_answered(self: Any, value: Any, *arguments: Any, **more: Any) -> Any:
    if isinstance(value, dict) and "id" not in value and "method" in value:
        self._answer(Response("notified", {}))
    return _take_value(self, value, *arguments, **more)


def _answered_twice(self: Any, message: Any) -> None:
    for _ in range(2):
        self._put(dispatch.encode_answer(message))


def _errors_lost(self: Any, message: Any) -> None:
    if not isinstance(message, ErrorResponse):
        self._put(dispatch.encode_answer(message))


def _left_behind(self: Any) -> None:
    self._server.hub.sessions.discard(self._session)


def _not_discarded(self: Any) -> None:
    self._session.close()


def _refusing_after_hub_closed(self: Any, request: Any, *arguments: Any) -> Any:
    return None if self._server.hub.closed else _start(self, request, *arguments)


async def _serve_and_fail(*arguments: Any) -> None:
    await _serve(*arguments)
    if arguments[1].request.method != "initialize":  # which is served within the conversation's own task
        raise ValueError(arguments)


def _close_alike(self: Calls[Any], identifier: Any) -> Any:
    found = _close_calls(self, identifier)
    if found is None and isinstance(identifier, str) and identifier.isdigit():
        return _close_calls(self, int(identifier))
    return found


def _send_regardless(self: Any, message: Any) -> None:
    self._put(stream.encode(message))


def _counted_twice(self: Any, data: bytes) -> None:
    self._waiting += (data, b"\n")
    self._unsent += 2 * len(data)
    self._filled.set()


async def _listen_and_stay(server: Any, exchange: Exchange, params: Any) -> Any:
    try:
        return await listen(server, exchange, params)
    finally:
        server.hub.subscriptions.add(Subscription(exchange, frozenset(), frozenset(), {}))


def _task_cancelled_in_name(self: TaskRun, why: str) -> None:
    if not self.record.task.terminal:
        self._become(Status.CANCELLED, why)


# The client's --------------------------------------------------------------------------------------


async def _cancelled_in_silence(self: ChannelWire, identifier: Any) -> None:
    self._calls.close(identifier)


async def _cancelled_twice(self: ChannelWire, identifier: Any) -> None:
    self._calls.close(identifier)
    for _ in range(2):
        await self._write(Notification("notifications/cancelled", {"requestId": identifier}))


def _settled_in_turn(self: ChannelWire, identifier: Any, outcome: Any) -> bool:
    first = next(iter(self._calls._slots), (int, identifier))
    return _look(self, first[1], outcome)


def _ended_quietly(self: ChannelWire, reason: str) -> None:
    self._ended = reason


def _moved_regardless(self: Any, progress: Any, now: float) -> None:
    del now
    if self._options.on_progress is not None:
        self._options.on_progress(progress)


# Over HTTP -----------------------------------------------------------------------------------------


def _post_that_nobody_cancels(*arguments: Any, cancels: bool = False, **more: Any) -> Post:
    return Post(*arguments, **more)


def _concluded_twice(self: Post) -> None:
    if self.answered is not None:
        for _ in range(2):
            self.stream.put(dispatch.encode_answer(self.answered))
    self.stream.finish()


def _ended_in_part(self: SessionStore, session: HttpSession) -> None:
    if self._sessions.pop(session.id, None) is not None:
        self._shares.give_back(session.owner)
    session.close()


def _put_while_somebody_reads(self: EventStream, data: bytes) -> None:
    if self.connected or not self._reader:
        _put(self, data)


def _resumed_while_running(self: HttpSession, last_event_id: str) -> tuple[EventStream, int] | None:
    self._streams = OrderedDict((name, kept) for name, kept in self._streams.items() if not kept.finished)
    return _resume(self, last_event_id)


_channel: Callable[..., Mutant] = partial(Mutant, machine=Conversations)
_http: Callable[..., Mutant] = partial(Mutant, machine=Exchanges)


def _row(make: Callable[..., Mutant], fault: str, law: str, owner: Any, name: str, wrong: Any) -> Mutant:
    return make(fault=fault, law=law, owner=owner, name=name, wrong=wrong)


_RUN_ON = "handlers run on"
_GOES_ON = f"{_RUN_ON}|whose client has broken off"
_CONVERSATION = stream.StreamConversation

MUTANTS: tuple[Mutant, ...] = (
    _row(_channel, "cancellations are dropped", f"{_RUN_ON}|after", Session, "cancel", _nothing),
    _row(_channel, "cancelled handlers run on in silence", f"{_RUN_ON}|of no task", Exchange, "cancel", _silenced),
    _row(_channel, "what is cancelled is answered", "after cancellation", conversation, "served", _served_regardless),
    _row(_channel, "notifications are answered", "never asked", _CONVERSATION, "_take_value", _notifications_answered),
    _row(_channel, "answers come twice", "one answer too many", _CONVERSATION, "_answer", _answered_twice),
    _row(_channel, "errors are lost", "nobody answers|are missing", _CONVERSATION, "_answer", _errors_lost),
    _row(_channel, "progress outlives its request", "progress after the end", Exchange, "notify", _said_regardless),
    _row(_channel, "progress falls", "does not rise", context.Context, "progress", _progress_regardless),
    _row(_channel, "who has left is not forgotten", "who is there|remembers", _CONVERSATION, "close", _not_discarded),
    _row(
        _channel,
        "handlers outlive their client",
        f"{_RUN_ON}|nobody will send|tasks are left",
        _CONVERSATION,
        "close",
        _left_behind,
    ),
    _row(_channel, "a subscription stays", "remembers", dispatch.HANDLERS, "subscriptions/listen", _listen_and_stay),
    _row(_channel, "what is sent still counts", "bytes are counted", stream._Outbox, "put", _counted_twice),
    _row(_channel, "a slow reader gets everything", "slow reader", _CONVERSATION, "_send", _send_regardless),
    _row(
        _channel, "nothing is served late", "ping is not answered", _CONVERSATION, "_start", _refusing_after_hub_closed
    ),
    _row(_channel, "an exception is nobody's", "asyncio complains", conversation, "_serve", _serve_and_fail),
    _row(_channel, "1 and '1' are one id", "nobody answers|another call|nor cancelled", Calls, "close", _close_alike),
    _row(_channel, "changes are not told", "nobody announced", Hub, "_announce", _nothing),
    _row(_channel, "a cancelled task runs on", f"{_RUN_ON}|tasks are left", TaskRun, "cancel", _task_cancelled_in_name),
    _row(
        _channel, "tasks outlive their session", f"{_RUN_ON}|tasks are left", TaskManager, "_session_closed", _nothing
    ),
    _row(_channel, "tasks never expire", "tasks are", TaskManager, "_schedule", _nothing),
    _row(
        _channel,
        "the client cancels in silence",
        f"nor cancelled|{_RUN_ON}",
        ChannelWire,
        "_cancel",
        _cancelled_in_silence,
    ),
    _row(_channel, "the client cancels twice", "cancels twice", ChannelWire, "_cancel", _cancelled_twice),
    _row(
        _channel,
        "the client mixes up answers",
        "another call's|waits for what is over|or its connection|nor cancelled|cancels what",
        ChannelWire,
        "_settle",
        _settled_in_turn,
    ),
    _row(_channel, "calls outlive the connection", "or its connection", ChannelWire, "_end", _ended_quietly),
    _row(_channel, "calls have no deadline", "outlives its deadline", Deadline, "expire", _nothing),
    _row(_channel, "a taken back question is answered", "was taken back", Dispatcher, "_withdrawn", _nothing),
    _row(_channel, "the client hears stale progress", "does not rise", client_caller._Watch, "move", _moved_regardless),
    _row(_channel, "the client keeps deadlines", "client remembers", Deadlines, "forget", _nothing),
    _row(_channel, "the client keeps subscriptions", "client remembers", Subscriptions, "remove", _nothing),
    _row(_http, "cancellations are dropped", f"{_RUN_ON}|after", Session, "cancel", _nothing),
    _row(_http, "cancelled handlers run on in silence", _GOES_ON, Exchange, "cancel", _silenced),
    _row(_http, "what is cancelled is answered", "after cancellation", legacy, "served", _served_regardless),
    _row(_http, "who breaks off is served on", _GOES_ON, modern, "Post", _post_that_nobody_cancels),
    _row(_http, "answers come twice", "one answer too many", Post, "_conclude", _concluded_twice),
    _row(_http, "progress falls", "does not rise", context.Context, "progress", _progress_regardless),
    _row(_http, "who has left is not forgotten", "who is there|remembers", SessionStore, "end", _ended_in_part),
    _row(_http, "shares are not given back", "still counted", Shares, "give_back", _nothing),
    _row(
        _http,
        "a subscription stays",
        "without its conn|remembers",
        dispatch.HANDLERS,
        "subscriptions/listen",
        _listen_and_stay,
    ),
    _row(_http, "nothing is kept for who comes back", "nobody answers", EventStream, "put", _put_while_somebody_reads),
    _row(
        _http,
        "answers that wait are forgotten",
        "nobody answers|answer is owed",
        HttpSession,
        "resume",
        _resumed_while_running,
    ),
    _row(_http, "a cancelled task runs on", f"{_RUN_ON}|tasks are left", TaskRun, "cancel", _task_cancelled_in_name),
    _row(_http, "tasks outlive their session", f"{_RUN_ON}|tasks are left", TaskManager, "_session_closed", _nothing),
)
