"""Judges of what clients bear: what servers do in the field, beside what the specification says."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.said import Said, ended, ended_well, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.field import ROUND, SOUND
from conformance.expect import Blocked, Mismatch
from conformance.transcript import Conversation

_LIST, _CALL = "tools/list", "tools/call"
_OFTEN = 10
"""How often a cursor leads to itself before it has to be noticed."""


def _first(conversation: Conversation, method: str) -> Said | None:
    return next((item for item in said(conversation) if item.is_request and item.method == method), None)


def _goes_on(conversation: Conversation, first: Said) -> bool:
    """Whether the client asked for anything once it had that answer."""
    answered = first.answer.index if first.answer is not None else first.entry.index
    return any(item.is_request and item.entry.index > answered for item in said(conversation))


def _unmoved(conversation: Conversation, twins: Twins, method: str) -> Iterator[Mismatch | None]:
    """A client that goes on after the plain answer to the first request of a method goes on after the odd one."""
    met = _first(conversation, method)
    usual = [(visit, first) for visit in twins[PLAIN] if (first := _first(visit, method)) is not None]
    if met is None or not usual:
        raise Blocked(f"the client makes no request {method}")
    if all(_goes_on(visit, first) for visit, first in usual):
        fine, expected = _goes_on(conversation, met), "a request after it, as after a plain answer"
    elif all(ended_well(visit) for visit, _ in usual):
        fine, expected = ended_well(conversation), "an end with status 0, as after a plain answer"
    else:
        raise Blocked("what the client does after a plain answer does not show that it has read it")
    status = ended(conversation)
    actual = "nothing more, until we ended it" if status is None else f"no more, and an end with status {status}"
    evidence = [met.entry.index] if met.answer is None else [met.entry.index, met.answer.index]
    yield None if fine else Mismatch(expected, actual, evidence)


@compared("client.large-result", "base.large-message", scenarios=(PLAIN, "large-result"))
def large_result(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client reads a result of a megabyte."""
    yield from _unmoved(conversation, twins, _CALL)


@compared("client.told-amid-call", "tools.list-changed.amid-call", scenarios=(PLAIN, "told-amid-call"))
def told_amid_call(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A change of the list of tools that is told during a call does not hold up the call."""
    yield from _unmoved(conversation, twins, _CALL)


@compared("client.stderr-drained", "stdio.stderr.drained", scenarios=(PLAIN, "loud"))
def stderr_drained(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """However much a server writes to standard error, its client hears its answers."""
    yield from _unmoved(conversation, twins, _LIST)


@compared("client.noise-borne", "stdio.noise.borne", scenarios=(PLAIN, "noisy"))
def noise_borne(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A line that is no message does not keep a client from the messages behind it."""
    yield from _unmoved(conversation, twins, _LIST)


@compared("client.events-crlf", "http.events.crlf", scenarios=(PLAIN, "crlf-events"))
def events_crlf(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client reads events whose lines end with CR LF."""
    yield from _unmoved(conversation, twins, _LIST)


@compared("client.events-pieced", "http.events.pieced", scenarios=(PLAIN, "pieced-events"))
def events_pieced(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client reads a message that is spread over several lines of data of one event."""
    yield from _unmoved(conversation, twins, _LIST)


@compared("client.odd-tool", "tools.list.odd-one", scenarios=(PLAIN, "odd-tool"))
def odd_tool(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """One tool whose definition is broken does not take the others away."""
    listed = _first(conversation, _LIST)
    if listed is None or not any(_used(visit) for visit in twins[PLAIN]):
        raise Blocked("the client lists no tools, or calls none of those that it finds")
    actual = "a call of none of them, though they are called where the list has no broken one"
    found = Mismatch(f"a call of {' or '.join(SOUND)}", actual, [listed.entry.index])
    yield None if _used(conversation) else found


def _used(conversation: Conversation) -> set[str]:
    calls = (item.params.get("name") for item in said(conversation) if item.method == _CALL)
    return {name for name in calls if name in SOUND}


@judge("client.cursor-circle", "pagination.circle", scenario="cursor-circle")
def cursor_circle(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client notices a cursor that leads to itself."""
    pages = [item for item in said(conversation) if item.is_request and item.method == _LIST]
    again = [page for page in pages if page.params.get("cursor") == ROUND]
    if not again:
        raise Blocked("the client asked for no second page")
    # Whoever goes through the list several times comes to the cursor as often.
    begun = sum("cursor" not in page.params for page in pages)
    evidence = [page.entry.index for page in again[:3]]
    over = len(again) >= _OFTEN * begun
    actual = f"{len(again)} requests with the same cursor, each answered with the same page"
    yield Mismatch("an end of the list, or an error", actual, evidence) if over else None
