"""Judges of requests that are answered with a question: what a client sends again, and what it leaves as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.clients.declare import judge
from conformance.clients.said import Said, modern, said, side_by_side
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, literal
from conformance.monitors.traffic import key
from conformance.questions import again
from conformance.transcript import Conversation
from reference_impl.protocol.methods import METHODS

_ASKING = frozenset(row.name for row in METHODS if row.asks)
_CARRIED = frozenset({"inputResponses", "requestState"})


@dataclass(frozen=True, slots=True)
class _Retry:
    """A request that brings answers or a state; `asked` is what was asked back, None if nothing of the kind was."""

    retry: Said
    asked: Said | None

    @property
    def evidence(self) -> list[int]:
        """Question and retry."""
        answer = self.asked.answer if self.asked is not None else None
        return [*([answer.index] if answer is not None else []), self.retry.entry.index]


def _retries(conversation: Conversation) -> Iterator[_Retry]:
    """Every request that is sent again, with the one that was asked back; preferably the one with its state."""
    asked: list[Said] = []
    for item in said(conversation) if modern(conversation) else ():
        if not item.is_request or item.method not in _ASKING:
            continue
        if item.params.keys() & _CARRIED:
            before = [one for one in asked if again(one.message, item.message) and _answered_before(one, item)]
            same = [one for one in before if _state(one) == item.params.get("requestState")]
            origin = next(iter((same or before)[::-1]), None)
            yield _Retry(item, origin)
            if origin is not None:
                asked.remove(origin)
        if (item.result or {}).get("resultType") == "input_required":
            asked.append(item)


def _answered_before(one: Said, other: Said) -> bool:
    return one.answer is not None and one.answer.index < other.entry.index


def _state(asked: Said) -> Any:
    return (asked.result or {}).get("requestState")


def _asked_back(conversation: Conversation) -> Iterator[tuple[_Retry, Said]]:
    """The retries of what was asked back. Raises `Inapplicable` where the client retries nothing."""
    found = [(item, item.asked) for item in _retries(conversation)]
    if not found:
        raise Inapplicable("the client sends no request again that was asked back")
    yield from ((item, asked) for item, asked in found if asked is not None)


@judge("client.retry-answers", "mrtr.inputs.all")
def retry_answers(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request that is sent again has an answer to everything that was asked."""
    for item, asked in _asked_back(conversation):
        wanted = (asked.result or {}).get("inputRequests") or {}
        given = item.retry.params.get("inputResponses")
        missing = sorted(wanted.keys() - (given if isinstance(given, dict) else {}).keys())
        if wanted:
            actual = f"inputResponses without {', '.join(map(literal, missing))}"
            yield Mismatch("an answer to each question", actual, item.evidence) if missing else None


@judge("client.retry-id", "mrtr.retry.id")
def retry_id(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request that is sent again has another id than before."""
    if side_by_side(conversation):
        raise Blocked("the client seems to be there more than once, side by side; each has ids of its own")
    for item, asked in _asked_back(conversation):
        fine = key(item.retry.message["id"]) != key(asked.message["id"])
        yield None if fine else Mismatch("a new id", f"id {literal(item.retry.message['id'])} again", item.evidence)


@judge("client.retry-state", "mrtr.state.echoed", "mrtr.state.opaque", "mrtr.state.none")
def retry_state(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request that is sent again brings the state back as it came, and none where none came."""
    for item, asked in _asked_back(conversation):
        given = item.retry.params
        if _state(asked) is None:
            mismatch = Mismatch("no requestState", literal(given.get("requestState")), item.evidence)
            mismatch.breaks = "mrtr.state.none"
            yield mismatch if "requestState" in given else None
        elif given.get("requestState") != _state(asked):
            actual = literal(given["requestState"]) if "requestState" in given else "none"
            mismatch = Mismatch(f"requestState {literal(_state(asked))}", actual, item.evidence)
            mismatch.breaks = "mrtr.state.opaque" if _read(given, _state(asked)) else "mrtr.state.echoed"
            yield mismatch
        else:
            yield None


def _read(given: dict[str, Any], state: str) -> bool:
    """Whether a state came back as what it looks like: read as JSON, or written anew."""
    try:
        read = json.loads(state)
        back = given.get("requestState")
        return bool(back == read or (isinstance(back, str) and json.loads(back) == read))
    except ValueError:
        return False


@judge("client.retry-own", "mrtr.inputs.own-request")
def retry_own(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Answers and states go with no request but the one that was asked back."""
    for item in _retries(conversation):
        actual = brief({name: item.retry.params[name] for name in _CARRIED & item.retry.params.keys()})
        wanted = "no answers and no state: this request was not asked back"
        yield None if item.asked is not None else Mismatch(wanted, actual, item.evidence)
    for said_too in said(conversation) if modern(conversation) else ():
        if said_too.is_request and said_too.method not in _ASKING and said_too.method != "tasks/update":
            carried = sorted(_CARRIED & said_too.params.keys())
            actual = f"{said_too.method} with {', '.join(carried)}"
            yield Mismatch("neither answers nor state", actual, [said_too.entry.index]) if carried else None
