"""Two requests whose answers are compared: what one answer alone cannot show.

`after`: the second call gets its own answer whatever was called first. `again`: the same call gets an answer of the
same shape. `beside`: so it does while another is under way. `cut`: so it does however its bytes were cut. (`opening`
and `listening` are relations of one request with what it begins, `conformance.properties.openings`.) Only what a
target does the same way before and after is held against it: an answer that changes by itself proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from conformance.expect import Mismatch
from conformance.http_reply import HttpRequest, chunked
from conformance.links import Answer, Gone, Silence
from conformance.peer import Peer, encode
from conformance.properties.case import Case
from conformance.properties.openings import try_listening, try_opening

__all__ = ["TWO", "try_relation"]

TWO = frozenset({"after", "again", "beside"})
"""Relations whose first request is a part of the conversation."""
_ROUNDS = 3
"""Times that two calls are made at once: which is first is left to chance."""
_CONSTANT = "touchstone/constant"
_ENOUGH = 2
"""Differing calls of a tool that may get the same answer before nothing more is concluded from that."""


async def try_relation(peer: Peer, case: Case) -> None:
    """Ask what the case says and compare the answers. Raises `Mismatch`, with what a target that is right would say."""
    await _RELATIONS[case.relation](peer, case)


async def _after(peer: Peer, case: Case) -> None:
    first, second = await _two(peer, case)
    alike = peer.kept.setdefault(_CONSTANT, {})
    name = case.message["params"].get("name")
    if _failed(second) or said(first) != said(second) or alike.get(name, 0) >= _ENOUGH:
        return
    before = await _alone(peer, case.message)
    if said(before) == said(second):
        alike[name] = alike.get(name, 0) + 1
        return
    async with peer.another() as fresh:
        first, second = await _two(fresh, case)
    behind = await _alone(peer, case.message)
    if said(before) == said(behind) != said(second) == said(first):
        raise _other(case, before, second)


async def _again(peer: Peer, case: Case) -> None:
    first, second = await _two(peer, case)
    if _failed(first) or _failed(second) or _shape(first) == _shape(second):
        return
    expected = f"an answer of the same shape as the first to {case.label}: {_shape(first)}"
    raise Mismatch(expected, _shape(second), [first.entry.index, second.entry.index])


async def _beside(peer: Peer, case: Case) -> None:
    apart = await _two(peer, case)
    if said(apart[0]) == said(apart[1]):
        return
    if not peer.over_http:
        together = await _at_once(peer, peer, case)
    else:
        async with peer.another() as other:
            together = await _at_once(other, peer, case)
    behind = await _two(peer, case)
    for mine, its, after in ((0, 1, behind[0]), (1, 0, behind[1])):
        for answers in together:
            if said(apart[mine]) == said(after) != said(answers[mine]) == said(apart[its]):
                raise _other(case, apart[mine], answers[mine])


async def _at_once(other: Peer, peer: Peer, case: Case) -> list[tuple[Answer, Answer]]:
    """Make both calls at the same time, some times over; with the same id where there are two conversations."""
    found = []
    for _ in range(_ROUNDS):
        identifier = peer.new_id()
        others = {**case.first, "id": peer.new_id() if other is peer else identifier}
        found.append(await _both(other, others, (peer, {**case.message, "id": identifier})))
    return found


async def _both(one: Peer, message: dict[str, Any], other: tuple[Peer, dict[str, Any]]) -> tuple[Answer, Answer]:
    """Make two calls at once. Raises the first failure of either as it is, and not within a group."""
    answers: dict[int, Answer] = {}
    failures: list[Mismatch] = []

    async def ask(place: int, peer: Peer, message: dict[str, Any]) -> None:
        try:
            answers[place] = await peer.call(message)
        except Mismatch as mismatch:
            failures.append(mismatch)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, 0, one, message)
        tasks.start_soon(ask, 1, *other)
    if failures:
        raise failures[0]
    return answers[0], answers[1]


async def _cut(peer: Peer, case: Case) -> None:
    if peer.over_http or not peer.stream.lines:
        await _cut_whole(peer, case)
        return
    whole = await peer.call(_renewed(peer, case.message))
    line, ahead = encode(case.message) + b"\n", peer.message(peer.cheap_method)
    # The request ahead is answered once its chunk was read: the rest cannot have come in the same one.
    chunks = encode(ahead) + b"\n" + line[: case.cut], line[case.cut :]
    _, pieces = await peer.stream.write_in_turn(chunks, (ahead, case.message), peer.patience.answer)
    again = await peer.call(_renewed(peer, case.message))
    if said(whole) == said(again) != said(pieces):
        raise _other(case, whole, pieces)


async def _cut_whole(peer: Peer, case: Case) -> None:
    """Send a message in two pieces where it is one for HTTP or a WebSocket all the same.

    Who refuses the chunked coding, or ends the connection over it, breaks no rule of this protocol.
    """
    whole = await peer.call(_renewed(peer, case.message))
    data = encode(case.message)
    pieces = [piece for piece in (data[: case.cut], data[case.cut :]) if piece]
    try:
        answer = await _in_pieces(peer, case.message, pieces)
    except (Gone, Silence):
        if not peer.over_http:
            raise
        return
    again = await peer.call(_renewed(peer, case.message))
    if answer is not None and (answer.status or 0) < 400 and said(whole) == said(again) != said(answer):
        mismatch = _other(case, whole, answer)
        mismatch.breaks = "property.pieces"
        raise mismatch


async def _in_pieces(peer: Peer, message: dict[str, Any], pieces: list[bytes]) -> Answer | None:
    if not peer.over_http:
        return await peer.stream.call_in_pieces(pieces, message, peer.patience.answer)
    headers = {**peer.headers_for(message), "transfer-encoding": "chunked"}
    return await peer.http.call(HttpRequest("POST", chunked(pieces), headers, message), peer.patience.answer)


async def _two(peer: Peer, case: Case) -> tuple[Answer, Answer]:
    first = await peer.call(_renewed(peer, case.first))
    return first, await peer.call(_renewed(peer, case.message))


async def _alone(peer: Peer, message: dict[str, Any]) -> Answer:
    async with peer.another() as fresh:
        return await fresh.call(_renewed(fresh, message))


def _renewed(peer: Peer, message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "id": peer.new_id()}


def _other(case: Case, right: Answer, wrong: Answer) -> Mismatch:
    return Mismatch(f"the answer that {case.label} gets alone: {right.describe()}", wrong.describe())


def said(answer: Answer) -> str:
    """Return what an answer says, for comparison: everything but its id and metadata."""
    value = answer.error if answer.error is not None else answer.result
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if name != "_meta"}
    return json.dumps(value, sort_keys=True)


def _failed(answer: Answer) -> bool:
    return not isinstance(answer.result, dict) or answer.result.get("isError") is True


def _shape(answer: Answer) -> str:
    structured = answer.result.get("structuredContent")
    return "without structuredContent" if structured is None else "with structuredContent"


_RELATIONS: dict[str, Callable[[Peer, Case], Awaitable[None]]] = {
    "after": _after,
    "again": _again,
    "beside": _beside,
    "cut": _cut,
    "opening": try_opening,
    "listening": try_listening,
}
