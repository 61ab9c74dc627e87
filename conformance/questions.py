"""What a server asks of a client, in both eras: elicitation, sampling, roots.

Before 2026-07-28 a question is a request of the server's, and the answer its response. Since then it stands under a
key of the `inputRequests` of a result, and the answer under the same key of the `inputResponses` of the request that is
sent again (`basic/patterns/mrtr#basic-workflow`), or of `tasks/update`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.monitors.traffic import key, messages, revision_of
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import INPUT_METHODS, NAMED_BY

__all__ = ["Question", "Reply", "again", "questions"]

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client answered: the entry, and the result or the error (which the modern era has not)."""

    entry: Entry
    result: Any = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and its answer where one came.

    `name` is the id of the request, or the key among the `inputRequests`. `declared` are the client's capabilities as
    they stood: of its initialize, or of the request that was asked back (None: it declared nothing that can be read).
    """

    entry: Entry
    name: Any
    method: str
    params: Message
    declared: Message | None = None
    reply: Reply | None = None

    @property
    def accepted(self) -> Message | None:
        """The content of an elicitation's answer that accepts; None for every other answer."""
        result = self.reply.result if self.reply is not None else None
        content = result.get("content") if isinstance(result, dict) and result.get("action") == "accept" else None
        return content if isinstance(content, dict) else None


@dataclass(frozen=True, slots=True)
class _Traffic:
    """The messages of a conversation by the side that sent them, each with its entry."""

    server: list[tuple[Entry, Message]] = field(default_factory=list)
    client: list[tuple[Entry, Message]] = field(default_factory=list)


def questions(conversation: Conversation, server: Direction = Direction.RECEIVED) -> tuple[Question, ...]:
    """Every question of the server, in order; `server` is the direction of its words (sent, where it is ours)."""
    return conversation.once(_READINGS[server])


def _questions(conversation: Conversation, server: Direction) -> tuple[Question, ...]:
    revision = revision_of(conversation)
    if revision is None:
        return ()
    traffic = _Traffic()
    for entry in conversation.entries:
        if entry.direction in (Direction.SENT, Direction.RECEIVED):
            side = traffic.server if entry.direction is server else traffic.client
            side.extend((entry, message) for message in messages(entry))
    return tuple(_modern(traffic) if revision.modern else _legacy(traffic))


_READINGS = {side: partial(_questions, server=side) for side in (Direction.SENT, Direction.RECEIVED)}
"""How questions are read, by the side that asks: the same function each time, so that a conversation knows it."""


def _legacy(traffic: _Traffic) -> Iterator[Question]:
    for entry, message in traffic.server:
        method, asked = message.get("method"), message.get("id")
        if isinstance(method, str) and method in INPUT_METHODS and asked is not None:
            declared = [
                _object(_object(said.get("params")).get("capabilities"))
                for at, said in traffic.client
                if said.get("method") == "initialize" and at.index < entry.index
            ]
            replies = (
                Reply(at, said.get("result"), said.get("error"))
                for at, said in traffic.client
                if at.index > entry.index and "method" not in said and key(said.get("id")) == key(asked)
            )
            params = _object(message.get("params"))
            yield Question(entry, asked, method, params, declared[-1] if declared else None, next(replies, None))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A result that may ask for input, and the request that it answers."""

    entry: Entry
    result: Message
    request: Message | None

    @property
    def declared(self) -> Message | None:
        """The capabilities that came with the request."""
        meta = _object(_object((self.request or {}).get("params")).get("_meta"))
        declared = meta.get(CLIENT_CAPABILITIES)
        return declared if isinstance(declared, dict) else None


def _modern(traffic: _Traffic) -> Iterator[Question]:
    for entry, message in traffic.server:
        result = _object(message.get("result"))
        wanted = _object(result.get("inputRequests"))
        if not wanted:
            continue  # to look for the request of each result would be quadratic in a long conversation
        asked = _Asked(entry, result, _asked_back(traffic, entry, message))
        for name, item in wanted.items():
            question = _object(item)
            method = question.get("method")
            if isinstance(method, str) and method in INPUT_METHODS:
                params = _object(question.get("params"))
                yield Question(entry, name, method, params, asked.declared, _replied(traffic, asked, name))


def _asked_back(traffic: _Traffic, entry: Entry, answer: Message) -> Message | None:
    """Return the request that a result answers: the last one before it with its id."""
    wanted = key(answer.get("id"))
    before = [
        said
        for at, said in traffic.client
        if at.index < entry.index
        and at.exchange == entry.exchange
        and "method" in said
        and key(said.get("id")) == wanted
    ]
    return before[-1] if before else None


def _replied(traffic: _Traffic, asked: _Asked, name: str) -> Reply | None:
    """Return the answer under a key to what a result asked, preferably one that brings its state back."""
    given = [
        (at, params)
        for at, said in traffic.client
        if at.index > asked.entry.index
        and name in _object((params := _object(said.get("params"))).get("inputResponses"))
        and asked.request is not None
        and again(asked.request, said)
    ]
    state = asked.result.get("requestState")
    for at, params in sorted(given, key=lambda item: item[1].get("requestState") != state):
        return Reply(at, params["inputResponses"][name])
    return None


def again(request: Message, later: Message) -> bool:
    """Whether a message sends a request again: same method, same name; or brings answers to the task that asked."""
    first, second = _object(request.get("params")), _object(later.get("params"))
    if request.get("method") == "tasks/get" and later.get("method") == "tasks/update":
        return first.get("taskId") == second.get("taskId")
    named = NAMED_BY.get(str(request.get("method")), "")
    return later.get("method") == request.get("method") and first.get(named) == second.get(named)


def _object(value: Any) -> Message:
    return value if isinstance(value, dict) else {}
