"""Calls during which a target asks its client: who we are to it, how we answer, and what the call comes to.

In the legacy era a question is a request of the target's, which our guise answers; at 2026-07-28 it stands in a result,
and the call is made again with the answers (`basic/patterns/mrtr#basic-workflow`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio

from conformance.answering import answer_to
from conformance.calling import answers, succeeded
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.guise import Guise
from conformance.http_reply import HttpRequest
from conformance.leases import goes_on
from conformance.links import Answer, Gone, Silence
from conformance.newcomer import Newcomer, arriving
from conformance.peer import Peer
from conformance.posing import likely_to_ask, posing
from conformance.surface import Surface, ToolCall
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import SSE_TYPE

__all__ = [
    "ELICIT",
    "ROOT",
    "ROOTS",
    "SAMPLE",
    "Interview",
    "Respondent",
    "agree",
    "everything_of",
    "interview",
    "interviewed",
    "need_interviews",
    "need_newcomer",
    "part_of",
    "responding",
]

ELICIT, SAMPLE, ROOTS = "elicitation/create", "sampling/createMessage", "roots/list"
ROOT = "file:///touchstone/before"
"""The root of a client that agrees to everything."""
_NEWCOMER = "newcomer"
_ROUNDS = 8
_CALLS = 48
"""Tools that are called to see whether they ask."""
_FURTHER: dict[str, dict[str, Any]] = {"trigger-url-elicitation": {"errorPath": True}}
"""Arguments with which a tool of an everything-server asks in yet another way."""

Message = dict[str, Any]
Reply = Callable[[Message], Message]
"""Takes a question with its `method` and `params`; returns the `result` or `error` member of the answer. An empty
object is no answer."""


def agree(question: Message) -> Message:
    """Answer as a user would who agrees to everything, and a client with one root."""
    params = question.get("params")
    if question["method"] == ROOTS:
        return {"result": {"roots": [{"uri": ROOT, "name": "touchstone"}]}}
    if isinstance(params, dict) and params.get("mode") == "url":
        return {"result": {"action": "accept"}}
    result = answer_to(question)
    return {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}


def everything_of(revision: Revision) -> dict[str, Any]:
    """Return all capabilities that a client can declare for questions."""
    declared: dict[str, Any] = {"sampling": {}, "roots": {} if revision.modern else {"listChanged": True}}
    if revision.elicitation:
        declared["elicitation"] = {"form": {}, "url": {}} if revision.url_elicitation else {}
    if revision.url_elicitation:
        declared["sampling"] = {"tools": {}, "context": {}}
    return declared


def part_of(revision: Revision) -> dict[str, Any]:
    """Return the least that a client can declare for forms and sampling."""
    return {"sampling": {}, "elicitation": {}} if revision.elicitation else {"sampling": {}}


@dataclass(slots=True)
class Respondent:
    """A client that can be asked. `asked` are the questions so far; `reply` may be changed between calls."""

    capabilities: dict[str, Any]
    reply: Reply = agree
    asked: list[Message] = field(default_factory=list)

    @property
    def guise(self) -> Guise:
        """What it is to a target."""
        return Guise(self.capabilities, self.answer)

    async def answer(self, question: Message) -> Message:
        """Take a question, and return the answer to it."""
        self.asked.append(question)
        return self.reply(question)


@dataclass(frozen=True, slots=True)
class Interview:
    """A call, what was asked during it, and what it came to."""

    call: ToolCall
    answer: Answer
    asked: tuple[Message, ...]

    def asks(self, method: str) -> bool:
        """Whether a question of that method was among them."""
        return any(question["method"] == method for question in self.asked)


@asynccontextmanager
async def responding(peer: Peer, respondent: Respondent, *, alone: bool = False) -> AsyncIterator[Peer]:
    """A peer to make calls with as that client. Raises `Unserved` if it cannot be had.

    At 2026-07-28 it is the same peer, as each call declares for itself. Before, it is a further one, which is handed on
    from use to use, unless it is wanted `alone`; over HTTP it listens by GET too, since a server may ask there.
    """
    if peer.revision.modern:
        yield peer
        return
    assert peer.bench is not None
    name = f"client of {', '.join(sorted(respondent.capabilities))}"
    kept, turns = peer.bench.kept, AsyncExitStack()
    async with turns, AsyncExitStack() as stack:
        if not alone:
            await turns.enter_async_context(kept.setdefault(f"{name}, in turn", anyio.Lock()))
        spare = None if alone else kept.pop(name, None)
        other, closing = spare or await _posed(peer, respondent)
        stack.push_async_exit(closing)
        other.guise = replace(respondent.guise, info=other.guise.info)
        try:
            yield other
        except Mismatch as mismatch:
            mismatch.seen = mismatch.seen or other.conversation
            raise
        if not alone and goes_on(other) and other.stream.gone is None:
            kept[name] = (other, stack.pop_all())


async def _posed(peer: Peer, respondent: Respondent) -> tuple[Peer, AsyncExitStack]:
    closing = AsyncExitStack()
    assert peer.bench is not None
    peer.bench.leases.keep(closing)
    if _NEWCOMER in peer.bench.kept:
        other = await closing.enter_async_context(posing(peer, respondent.guise))
    else:
        newcomer = await closing.enter_async_context(arriving(peer, respondent.guise))
        peer.bench.kept[_NEWCOMER], other = newcomer, newcomer.peer
    if other.over_http:
        scope, heard = anyio.CancelScope(), anyio.Event()
        closing.callback(scope.cancel)
        peer.bench.later(partial(_listen, other, scope, heard))
        # What a server asks before anybody listens may be lost, and the call that waits for it with it.
        with anyio.move_on_after(peer.patience.stop):
            await heard.wait()
    return other, closing


async def need_newcomer(peer: Peer) -> Newcomer:
    """Return what was seen of a client that came anew, of the legacy era. Raises `Unserved` if none could come."""
    assert peer.bench is not None
    async with responding(peer, Respondent(everything_of(peer.revision))) as other:
        await other.fence()
    newcomer: Newcomer = peer.bench.kept[_NEWCOMER]
    return newcomer


async def _listen(peer: Peer, scope: anyio.CancelScope, heard: anyio.Event) -> None:
    headers = {**peer.headers_for(None), "accept": SSE_TYPE, "content-type": None}
    with scope:
        try:
            async with peer.http.opened(HttpRequest("GET", headers=headers), peer.patience.check) as live:
                heard.set()
                if live.streams:
                    await live.read(peer.patience.run)
        except Mismatch:
            # A server need not offer that stream; whether it should, other checks say.
            return
        finally:
            heard.set()


async def interview(peer: Peer, respondent: Respondent, call: ToolCall, defect: str | None = None) -> Interview:
    """Make a call as that client, and answer what is asked until nothing is. Raises `Silence`, `Gone`."""
    since = len(respondent.asked)
    meta = {CLIENT_CAPABILITIES: respondent.capabilities} if peer.revision.modern else None
    answer = await peer.request("tools/call", call.params, meta=meta)
    for _ in range(_ROUNDS):
        result = answer.result
        if not isinstance(result, dict) or result.get("resultType") != "input_required":
            break
        given = await _responses(respondent, result)
        state = {"requestState": result["requestState"]} if "requestState" in result else {}
        params = {**call.params, "inputResponses": given, **state}
        answer = await peer.call(peer.message("tools/call", params, meta=meta), defect=defect)
    return Interview(call, answer, tuple(respondent.asked[since:]))


async def _responses(respondent: Respondent, result: Message) -> Message:
    questions = result.get("inputRequests")
    given = {}
    for name, question in questions.items() if isinstance(questions, dict) else ():
        reply = await respondent.answer(question) if isinstance(question, dict) and "method" in question else {}
        if "result" in reply:
            given[name] = reply["result"]
    return given


# What asks ------------------------------------------------------------------------------------------


async def need_interviews(peer: Peer, method: str) -> list[Interview]:
    """Return the calls that ask by that method. Raises `Inapplicable` without tools, `Blocked` if none asks so."""
    found = [item for item in await interviewed(peer) if item.asks(method)]
    if not found:
        raise Blocked(f"no tool that may be called asks by {method} (--allow NAME, or asks in [tools])")
    return found


async def interviewed(peer: Peer) -> list[Interview]:
    """Return the calls that ask for something, each made as a client that declares everything and agrees to all.

    They are made once for all checks of a revision. Raises `Inapplicable` without tools.
    """
    assert peer.bench is not None
    kept = peer.bench.kept
    async with kept.setdefault("interviews, under way", anyio.Lock()):
        if "interviews" not in kept:
            kept["interviews"] = await _survey(peer)
    found: list[Interview] = kept["interviews"]
    return found


async def _survey(peer: Peer) -> list[Interview]:
    respondent = Respondent(everything_of(peer.revision))
    silent = (
        {call.tool["name"] async for call, answer in answers(peer) if succeeded(answer)}
        if peer.surface.tools
        else set()
    )
    found = []
    async with responding(peer, respondent) as other:
        if not other.surface.tools:
            raise Inapplicable("the target lists no tools")
        for call in _worth_trying(other.surface, silent):
            try:
                made = await interview(other, respondent, call)
            except Gone:
                break
            except Mismatch:
                # That a call is not answered, or ends the conversation, is for `tools.call.answered` to tell.
                continue
            if made.asked or made.answer.code == _URL_FIRST:
                found.append(made)
        if peer.revision.modern:
            await _ask_for_less(other, found)
    return found


async def _ask_for_less(peer: Peer, found: list[Interview]) -> None:
    """Make the calls as a client that can do less, for the monitors of what is asked of whom."""
    respondent = Respondent(part_of(peer.revision))
    for made in found:
        with suppress(Silence):
            await interview(peer, respondent, made.call)


_URL_FIRST = -32042


def _worth_trying(surface: Surface, silent: set[str]) -> list[ToolCall]:
    """Return the calls to make: by the names of the tools, or since they do not succeed where nobody can be asked."""
    made = [call for call in surface.calls() if not surface.is_slow(call)]
    further = [
        ToolCall(call.tool, {**call.arguments, **_FURTHER[call.tool["name"]]})
        for call in made
        if call.tool["name"] in _FURTHER
    ]
    likely = likely_to_ask(made)
    others = [call for call in made if call.tool["name"] not in silent - surface.permission.asking]
    return [*likely, *further, *(call for call in others if all(call.tool is not one.tool for one in likely))][:_CALLS]
