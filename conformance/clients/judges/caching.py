"""Judges of what modern clients keep: which results serve a need again, and for how long.

A need does not show on the wire: only clients that note theirs (`conformance.clients.notes`) are judged on most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conformance.clients.declare import judge
from conformance.clients.notes import NOTE, Note, notes
from conformance.clients.said import Said, ended_well, said
from conformance.clients.scenarios.caching import HELD
from conformance.expect import Blocked, Mismatch, brief
from conformance.transcript import Conversation, Entry

_SCENE = "caching"
_POLLS = 4
"""Lists without a need, side by side with one call, that are no coincidence."""
_STEADY = 8
"""Errors in a row after which whoever backs off has slowed down."""
_GROWN = 1.5


@dataclass(frozen=True, slots=True)
class _Need:
    """A need that a client noted. `asked`: it turned to the server; `kept` is the last answer to the same request
    before, `others` whether there were answers to others of the method."""

    note: Note
    asked: bool
    kept: Said | None
    others: bool

    @property
    def hints(self) -> dict[str, Any]:
        """What the kept result says of itself, nothing where it is none that may be kept."""
        return (self.kept.result or {}) if self.kept is not None and not _carried(self.kept) else {}

    @property
    def mismatch(self) -> Mismatch:
        """What is wrong where a client did not ask."""
        earlier = [self.kept.answer.index] if self.kept is not None and self.kept.answer is not None else []
        wanted = f"{self.note.what['need']} sent again" if earlier else f"{self.note.what['need']} sent"
        return Mismatch(wanted, "a result that the client had kept", [*earlier, self.note.entry.index])


def _carried(item: Said) -> bool:
    """Whether a request came with answers or a state, so that its result is nothing to keep."""
    return bool(item.params.keys() & {"inputResponses", "requestState"})


def _authorization(entry: Entry) -> str | None:
    return entry.head.get("authorization") if entry.head is not None else None


def _needs(conversation: Conversation) -> Iterator[_Need]:
    """Every noted need. Raises `Blocked` where the client notes none."""
    noted = [note for note in notes(conversation) if isinstance(note.what.get("need"), str)]
    if not noted:
        raise Blocked(f"what the client needs does not show; let it call {NOTE} (docs/clients.md)")
    ends = [note.entry.index for note in noted[1:]] + [len(conversation.entries)]
    every = [item for item in said(conversation) if item.is_request and "cursor" not in item.params]
    for note, end in zip(noted, ends, strict=True):
        of_method = [item for item in every if item.method == note.what["need"]]
        same = [item for item in of_method if item.params.get("uri") == note.what.get("uri")]
        earlier = [item for item in same if item.entry.index < note.entry.index and _whole(item)]
        kept = earlier[-1] if earlier else None
        asked = any(note.entry.index < item.entry.index < end for item in same)
        others = any(item.entry.index < note.entry.index and _whole(item) for item in of_method)
        yield _Need(note, asked, kept, others)


def _whole(item: Said) -> bool:
    return item.result is not None and item.result.get("resultType") != "input_required"


def _asks(conversation: Conversation, which: Callable[[_Need], bool]) -> Iterator[Mismatch | None]:
    """Judge that needs of a kind led to a request."""
    for need in _needs(conversation):
        if which(need):
            yield None if need.asked else need.mismatch


@judge("client.cache-key", "caching.key", scenario=_SCENE)
def cache_key(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A kept result answers no request with other parameters."""
    yield from _asks(conversation, lambda need: need.kept is None and need.others)


@judge("client.cache-answered", "caching.answered-question", scenario=_SCENE)
def cache_answered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What came after a question was answered is not kept."""
    yield from _asks(conversation, lambda need: need.kept is not None and _carried(need.kept))


@judge("client.cache-zero", "caching.ttl.zero", scenario=_SCENE)
def cache_zero(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A result with ttlMs 0 is asked for again when it is needed again."""
    yield from _asks(conversation, lambda need: need.hints.get("ttlMs") == 0)


@judge("client.cache-expired", "caching.expired", scenario=_SCENE)
def cache_expired(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A result whose time is over is asked for again when it is needed again."""
    yield from _asks(conversation, _is_over)


def _is_over(need: _Need) -> bool:
    """Whether a kept result had become stale: it came before the note, whose answer came long enough after that."""
    time = need.hints.get("ttlMs", 0)
    answer = need.note.answer
    return answer is not None and time > 0 and answer.at - need.note.entry.at > time / 1000


@judge("client.cache-negative", "caching.ttl.negative", scenario=_SCENE)
def cache_negative(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A negative ttlMs breaks nothing, and its result is asked for again when it is needed again."""
    yield from _unbroken(conversation, lambda result: result.get("ttlMs", 0) < 0)
    yield from _asks(conversation, lambda need: need.hints.get("ttlMs", 0) < 0)


@judge("client.cache-absent", "caching.ttl.absent", scenario=_SCENE)
def cache_absent(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A result without ttlMs breaks nothing."""
    yield from _unbroken(conversation, lambda result: "cacheScope" in result and "ttlMs" not in result)


def _unbroken(conversation: Conversation, which: Callable[[dict[str, Any]], bool]) -> Iterator[Mismatch | None]:
    """Judge whether the client went on after such results, or ended well."""
    every = said(conversation)
    for item in every:
        if item.answer is None or item.result is None or not which(item.result):
            continue
        index = item.answer.index
        if ended_well(conversation) or any(other.is_request and other.entry.index > index for other in every):
            yield None
            continue
        if any(entry.data == b"ended by us" for entry in conversation.entries):
            raise Blocked("the client said nothing more, and did not end by itself")
        yield Mismatch("a client that goes on", f"one that ended at {brief(item.answer.value)}", [index])


@judge("client.cache-private", "caching.scope.private", scenario=_SCENE)
def cache_private(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A private result serves no need under another access token."""
    yield from _asks(conversation, _under_another)


def _under_another(need: _Need) -> bool:
    if need.kept is None or need.hints.get("cacheScope") != "private":
        return False
    return _authorization(need.kept.entry) != _authorization(need.note.entry)


@judge("client.polling", "caching.no-polling", "caching.polling.jitter", scenario=_SCENE)
def polling(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The end of a result's time alone makes no client ask again, least of all at the same pace when that fails."""
    every = said(conversation)
    held = next((item for item in every if item.params.get("name") == HELD and item.answer is not None), None)
    if held is None or held.answer is None:
        raise Blocked(f"the client did not call the tool {HELD}")
    during = [item for item in every if held.entry.index < item.entry.index < held.answer.index]
    needed = any(item.params.get("name") == NOTE for item in during)
    polls = [item for item in during if item.method == "tools/list" and "cursor" not in item.params]
    if len(polls) < _POLLS or needed:
        yield None
        return
    failed = [item.entry.at for item in polls if item.answer is not None and "error" in item.answer.value]
    pauses = [later - earlier for earlier, later in pairwise(failed)]
    steady = len(pauses) >= _STEADY and sum(pauses[-3:]) < _GROWN * sum(pauses[:3])
    evidence = [held.entry.index, *(item.entry.index for item in polls[:_POLLS])]
    mismatch = Mismatch("no list of tools that nothing asked for", f"{len(polls)} while one call was held", evidence)
    mismatch.breaks = "caching.polling.jitter" if steady else "caching.no-polling"
    yield mismatch
