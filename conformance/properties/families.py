"""Tries several cases together: sent at once, with one fence behind all of them, and judged by what came of each.

What is off here proves nothing yet: a target may mind how much comes at a time, or suffer from what came before. It
tells which of the cases to try by themselves, the likeliest culprits first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from conformance.expect import Mismatch
from conformance.links import Gone, Silence, StreamLink, Throttled
from conformance.monitors.traffic import key
from conformance.peer import Peer, encode
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.oracle import ANSWERED, judge_answer
from conformance.transcript import Direction, Entry

__all__ = ["can_be_together", "try_together"]


def can_be_together(case: Case) -> bool:
    """Whether what comes of a case can be told from what comes of others: by the id of its answer."""
    return case.asks and not (case.relation or case.chunks or case.steps) and case.headers is None


async def try_together(peer: Peer, cases: Sequence[Case], timeout: float) -> list[Case]:
    """Try cases, each with an id of its own, within so many seconds. Return those that are suspect, none if all is well
    with them. Raises `Throttled` as one case does."""
    if isinstance(peer.link, StreamLink) and peer.link.lines:
        return await _at_once(peer, peer.link, cases, timeout)
    return await _in_turn(peer, cases)


async def _at_once(peer: Peer, link: StreamLink, cases: Sequence[Case], timeout: float) -> list[Case]:
    """Write all messages and the fence in one go."""
    start = len(peer.conversation.entries)
    fence = peer.message(peer.cheap_method)
    due = [case for case in cases if case.expectation in ANSWERED]
    lines = b"".join(encode(message) + b"\n" for message in (*(case.message for case in cases), fence))
    defect = next((case.label for case in cases if case.way), None)
    try:
        answers = await link.write((lines,), timeout, [*(case.message for case in due), fence], defect)
    except (Gone, Silence):
        return _unanswered_first(cases, peer.conversation.entries[start:])
    suspects = []
    for case, answer in zip(due, answers, strict=False):
        try:
            judge_answer(peer, case, answer)
        except Mismatch:
            suspects.append(case)
    if answers[-1].error is not None:
        return suspects or list(cases)
    return suspects or _answered_amiss(cases, peer.conversation.entries[start:])


def _responses(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.direction is Direction.RECEIVED and entry.is_response()]


def _unanswered_first(cases: Sequence[Case], entries: Sequence[Entry]) -> list[Case]:
    """Return all cases, those first that should have been answered and were not."""
    answered = {key(entry.value.get("id")) for entry in _responses(entries)}
    return sorted(cases, key=lambda case: key(case.message["id"]) in answered or case.expectation not in ANSWERED)


def _answered_amiss(cases: Sequence[Case], entries: Sequence[Entry]) -> list[Case]:
    """Return the cases that were answered twice, or with a result where none may be."""
    responses = _responses(entries)
    counts = Counter(key(entry.value.get("id")) for entry in responses)
    results = {key(entry.value.get("id")) for entry in responses if "result" in entry.value}

    def is_amiss(case: Case) -> bool:
        identifier = key(case.message["id"])
        refused = case.expectation is Expectation.ERROR_OR_SILENCE and identifier in results
        return refused or counts[identifier] > 1

    return [case for case in cases if is_amiss(case)]


async def _in_turn(peer: Peer, cases: Sequence[Case]) -> list[Case]:
    """Send one after the other, where each is a message by itself, and only one fence behind the last."""
    tried: list[Case] = []
    try:
        for case in cases:
            tried.insert(0, case)
            defect = case.label if case.way else None
            if case.expectation in ANSWERED:
                judge_answer(peer, case, await peer.call(case.message, defect=defect))
            else:
                await peer.tell(case.message, defect=defect)
        await peer.fence()
    except Throttled:
        raise
    except Mismatch:
        return tried
    return _answered_amiss(cases, peer.conversation.entries)
