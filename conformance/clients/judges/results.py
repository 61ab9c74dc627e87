"""Judges of what a client makes of odd results, errors and names, each shown by a twin without the oddity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.said import Said, http_method, initializes, said, went_on, words
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.unknown_result_type import PHANTOM
from conformance.expect import Blocked, Mismatch, brief
from conformance.transcript import Conversation


@compared("client.result-type-absent", "base.result-type.absent", scenarios=(PLAIN, "no-result-type", "old-server"))
def result_type_absent(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client works on with results that have no resultType, as those of older servers are."""
    wanted = {item.method for item in said(twins[PLAIN][0]) if item.is_request}
    if not wanted - {item.method for item in said(twins["no-result-type"][0])}:
        yield None
        return
    if not initializes(conversation):
        # From a server of the modern era, which has to give it, the absence may be taken amiss.
        raise Blocked("the client wants resultType of a modern server, and does not fall back to an older one")
    listed = next((item for item in of_old(conversation) if item.method == "tools/list" and item.result), None)
    if listed is not None and listed.answer is not None and "tools/call" in wanted:
        fine = any(item.method == "tools/call" for item in of_old(conversation))
        yield None if fine else Mismatch("calls of the tools listed", "none", [listed.entry.index, listed.answer.index])


def of_old(conversation: Conversation) -> list[Said]:
    """What the client said to a server after the handshake with it."""
    opened = next((item.entry.index for item in initializes(conversation) if item.result), None)
    return [] if opened is None else [item for item in said(conversation) if item.entry.index > opened]


@judge("client.result-type-unknown", "base.result-type.unknown", scenario="unknown-result-type")
def result_type_unknown(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client makes no use of a result whose resultType it does not know."""
    listed = next((item for item in said(conversation) if item.method == "tools/list" and item.result), None)
    if listed is None or listed.answer is None:
        raise Blocked("the client lists no tools")
    used = next((item for item in said(conversation) if item.params.get("name") == PHANTOM), None)
    if used is None:
        yield None
    else:
        evidence = [listed.answer.index, used.entry.index]
        yield Mismatch("no use of a result of unknown type", brief(used.message), evidence)


@compared("client.error-codes", "base.error.legacy-range.meaningless", scenarios=("codes",))
def error_codes(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client takes errors from -32000 to -32019 as it takes an error with any unknown code."""
    visits = twins["codes"]
    if conversation is visits[1]:
        yield from _alike(visits, "an error with code 1234", "one with a code from -32000 to -32019")


@compared("client.server-name", "base.meta.identity.behaviour", "discover.identity.behaviour", scenarios=("renamed",))
def server_name(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client says the same to a server under another name."""
    visits = twins["renamed"]
    if conversation is visits[1]:
        yield from _alike(visits, "the one name", "the other")


def _alike(visits: Sequence[Conversation], one: str, other: str) -> Iterator[Mismatch | None]:
    """Judge whether the second of three visits is as the first, where the first and the third are alike."""
    said_so = [words(visit) for visit in visits]
    if not any(item.method == "tools/call" for visit in visits[:2] for item in said(visit)):
        raise Blocked("the client calls no tool")
    if said_so[0] == said_so[1]:
        yield None
    elif said_so[0] != said_so[2]:
        raise Blocked("the client does not do the same twice")
    else:
        changed = [item for item in said_so[1] if item not in said_so[0]] or ["less than before"]
        evidence = [item.entry.index for item in said(visits[1]) if item.method == "tools/call"][:1]
        yield Mismatch(f"the same after {one} and {other}", brief(changed[0]), evidence)


@compared("client.reads-streams", "http.reply.both", scenarios=(PLAIN, "stream"))
def reads_streams(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client reads answers from streams of events as it does from JSON."""
    first = next((item for item in said(conversation) if item.result is not None), None)
    if first is None or first.answer is None or not went_on(twins[PLAIN][0]):
        return
    later = any(http_method(item.entry) and item.entry.index > first.answer.index for item in said(conversation))
    alone = sum(item.is_request for item in said(twins[PLAIN][0])) < 2
    if alone:
        raise Blocked("the client makes one request and no more")
    actual = "nothing more after the first answer"
    yield None if later else Mismatch("a client that goes on, as after JSON", actual, [first.answer.index])
