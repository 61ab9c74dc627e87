"""Judges of cancellation from both sides, of answers that come too late, and of what progress a client reports."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge, judged_by
from conformance.clients.said import Said, cancellations, ended, legacy, modern, said, words
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.cancels import FIRST, LAST, TAKEN_BACK
from conformance.expect import Blocked, Mismatch, brief
from conformance.monitors.progress import progress_ended, progress_rising, progress_token, progress_words
from conformance.monitors.traffic import Key, key, requests
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.revisions import revision_named

judged_by("client.progress-given", progress_token, "progress.token.given-legacy", "progress.task.token")
judged_by("client.progress-rising", progress_rising, "progress.value.rises-legacy")
judged_by("client.progress-ended", progress_ended, "progress.stops-legacy")
judged_by("client.progress-words", progress_words, "progress.message-legacy")

_CANCELLED = b"notifications/cancelled"
_GIVEN_UP = {True: "timeouts.cancelled", False: "timeouts.cancelled-legacy"}
_SILENT = "silent-call"
_SOON = 1.0
"""Seconds within which requests may have been meant to go side by side, or messages may have crossed."""


@judge("client.cancels-unanswered", "cancellation.in-progress", "cancellation.in-progress-legacy")
def cancels_unanswered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client cancels no request whose response it has long taken in."""
    heard = said(conversation)
    # To take initialize back is another mistake, with a judge of its own.
    asked = {key(item.message["id"]): item for item in heard if item.is_request and item.method != "initialize"}
    for item in cancellations(conversation):
        request = asked.get(key(item.params.get("requestId")))
        if request is None:
            continue
        taken_in = request.answer is not None and _turns(heard, request.answer, item.entry) > 1
        evidence = [request.entry.index, *([request.answer.index] if request.answer else []), item.entry.index]
        yield Mismatch("no cancellation of what is over", brief(item.message), evidence) if taken_in else None


def _turns(heard: list[Said], after: Entry, before: Entry) -> int:
    """How many requests were made after one thing and answered before another, each after the answer to the last."""
    turns, since = 0, after.index
    for item in heard:
        if item.is_request and item.answer is not None and since < item.entry.index < item.answer.index < before.index:
            turns, since = turns + 1, item.answer.index
    return turns


@judge("client.cancels-no-task", "cancellation.task")
def cancels_no_task(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client takes a request that made a task back by tasks/cancel, not by notifications/cancelled."""
    revision = revision_named(conversation.revision)
    tasks: dict[Key, Said] = {}
    for item in said(conversation) if revision is not None and revision.tasks else ():
        if item.is_request and "task" in item.params and item.result is not None and "task" in item.result:
            tasks[key(item.message["id"])] = item
            yield None
    for item in cancellations(conversation):
        task = tasks.get(key(item.params.get("requestId")))
        if task is not None:
            yield Mismatch("tasks/cancel", brief(item.message), [task.entry.index, item.entry.index])


@compared(
    "client.cancels-given-up",
    "timeouts.cancelled",
    "timeouts.cancelled-legacy",
    "cancellation.client.sent",
    "cancellation.client.stdio",
    "http.cancel.explicit",
    scenarios=(PLAIN, _SILENT),
)
def cancels_given_up(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that gives up a call says so to the server."""
    held = next((item for item in said(conversation) if item.method == "tools/call"), None)
    if held is None:
        return
    told = any(key(item.params.get("requestId")) == key(held.message["id"]) for item in cancellations(conversation))
    hung_up = _hung_up(conversation, held)
    later = _went_on(conversation, hung_up.at if hung_up is not None else held.entry.at + _SOON)
    if told or (hung_up is not None and modern(conversation)):
        yield None
    elif later is None or (hung_up is None and ended(conversation) is None):
        raise Blocked("the client did not give up the call alone while it was waited for")
    elif hung_up is None and any(map(_side_by_side, twins[PLAIN])):
        raise Blocked("the client makes requests side by side: that it goes on does not say that it gave up the call")
    else:
        mismatch = Mismatch(
            f"a cancellation of {brief(held.message['id'])}", brief(later.message), _of(held, hung_up, later)
        )
        # That it went on is no proof that it waits no more: no stronger requirement than this is held against it.
        mismatch.breaks = _GIVEN_UP[modern(conversation)] if hung_up is None else "http.cancel.explicit"
        yield mismatch


def _side_by_side(conversation: Conversation) -> bool:
    """Whether the client made a request while it waited for the answer to another."""
    asked = [item for item in said(conversation) if item.is_request and item.answer is not None]
    return any(one.entry.index < other.entry.index < one.answer.index for one in asked for other in asked if one.answer)


def _hung_up(conversation: Conversation, held: Said) -> Entry | None:
    """Where the client closed the connection on which it waited for an answer."""
    for entry in conversation.entries:
        if entry.direction is Direction.PROCESS and entry.exchange and entry.exchange == held.entry.exchange:
            return entry
    return None


def _went_on(conversation: Conversation, since: float) -> Said | None:
    """The first request after a moment that does not merely keep the connection alive."""
    return next(
        (item for item in said(conversation) if item.is_request and item.method != "ping" and item.entry.at > since),
        None,
    )


def _of(held: Said, hung_up: Entry | None, later: Said) -> list[int]:
    return [held.entry.index, *([hung_up.index] if hung_up is not None else []), later.entry.index]


@compared(
    "client.late-response", "cancellation.late-response", "cancellation.late-response-legacy", scenarios=(_SILENT,)
)
def late_response(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A response that comes for a cancelled call disturbs nothing."""
    visits = twins[_SILENT]
    if conversation is not visits[-1]:
        return
    if len(visits) < 2:
        raise Blocked("the client took no call back while it was waited for")
    held = next((item for item in said(conversation) if item.method == "tools/call"), None)
    if held is None or held.answer is None:
        raise Blocked("the client did not take its call back again")
    missing = [item for item in words(visits[0]) if item not in words(conversation)]
    actual = f"no {brief(missing[0])}" if missing else ""
    yield (
        Mismatch("the same as where no answer came", actual, [held.entry.index, held.answer.index]) if missing else None
    )


@judge(
    "client.cancellations-ignored",
    "cancellation.race",
    "cancellation.invalid-ignored-legacy",
    "cancellation.finished-ignored-legacy",
    scenario="cancels",
)
def cancellations_ignored(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client passes over cancellations of what is over, of what never was, and of nothing."""
    pings = {asked.message["id"]: asked for asked in requests(conversation) if asked.message["method"] == "ping"}
    cancelled = [entry.index for entry in conversation.sent() if entry.is_notification() and _CANCELLED in entry.data]
    if FIRST not in pings or not cancelled:
        raise Blocked("the client lists no tools")
    if pings[FIRST].answer is None:
        raise Blocked("the client answers no ping")
    fine = LAST in pings and pings[LAST].answer is not None
    yield None if fine else Mismatch("an answer to the ping after them", "no answer", cancelled)


@judge("client.cancelled-unanswered", "cancellation.no-response", scenario="cancels")
def cancelled_unanswered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client does not answer a question that was taken back before anybody could have answered it."""
    asked = next((item for item in requests(conversation) if item.message["id"] == TAKEN_BACK), None)
    if asked is None:
        raise Blocked("the client declares nothing that it could be asked: neither elicitation nor sampling")
    if asked.answer is None:
        yield None
    elif asked.answer.at - asked.entry.at < _SOON:
        raise Blocked("the client answered at once, as its cancellation was on the way")
    else:
        yield Mismatch("no answer", brief(asked.answer.value), [asked.entry.index, asked.answer.index])


@judge("client.initialize-alone", "lifecycle.initialize.not-batched")
def initialize_alone(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client never sends initialize in a batch."""
    for entry in conversation.received() if legacy(conversation) else ():
        items = entry.value if isinstance(entry.value, list) else [entry.value]
        if any(isinstance(item, dict) and item.get("method") == "initialize" for item in items):
            batched = isinstance(entry.value, list)
            yield Mismatch("initialize alone", brief(entry.value), [entry.index]) if batched else None


@judge("client.batch", "base.batch.received", scenario="batch")
def batch(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client answers each request of a batch."""
    for asked in requests(conversation):
        fine = asked.answer is not None
        yield None if fine else Mismatch("an answer to each ping of the batch", "none", [asked.entry.index])
