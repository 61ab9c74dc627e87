"""Tries one case on a live peer and says whether the target took it as it must.

Right is: exactly one answer where one is due, with the same id, valid by our transcription of the schema; an error or
silence where the message was wrong; and a target that serves on. Accepting odd input is never held against it.
"""

from __future__ import annotations

from conformance.expect import Mismatch, brief, literal
from conformance.links import Answer
from conformance.monitors.schema import announced
from conformance.monitors.traffic import key
from conformance.peer import Peer, encode
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.promises import judge_promise
from conformance.properties.relations import TWO, try_relation
from conformance.schema import has_revision, messages, ranked
from conformance.transcript import Entry

__all__ = ["ANSWERED", "describe", "judge_answer", "try_case"]

ANSWERED = {Expectation.RESULT, Expectation.ANSWER, Expectation.REPLY, Expectation.ERROR}
"""Where an answer has to come, whatever it says."""
_PARSE_ERROR = -32700
_REFUSABLE = {Expectation.ERROR, Expectation.REPLY}


async def try_case(peer: Peer, case: Case) -> None:
    """Do what the case says. Raises `Mismatch` with the evidence if the target's reaction is wrong."""
    start = len(peer.conversation.entries)
    defect = None if case.expectation in (Expectation.RESULT, Expectation.ANSWER) else case.label
    if case.relation:
        await try_relation(peer, case)
    elif case.asks and case.expectation in ANSWERED:
        answer = await peer.call(case.message, headers=case.headers, defect=defect)
        try:
            judge_answer(peer, case, answer)
        except Mismatch as mismatch:
            mismatch.breaks = mismatch.breaks or case.row or None
            raise
    else:
        await _say(peer, case, defect)
    await peer.fence()
    _judge_aftermath(peer, case, start)


async def _say(peer: Peer, case: Case, defect: str | None) -> None:
    """Send what needs no answer, or bytes that hold requests which do."""
    if not case.chunks:
        await peer.tell(case.message, defect=defect)
    elif peer.over_http:
        await peer.post(b"".join(case.chunks), defect=defect)
    else:
        for answer in await peer.stream.write(case.chunks, peer.patience.answer, case.requests, defect):
            judge_answer(peer, case, answer)


def judge_answer(peer: Peer, case: Case, answer: Answer) -> None:
    """Judge the answer to a request by what the case expects. Raises `Mismatch`."""
    message = answer.message
    pointed = [answer.entry.index]
    if case.expectation in _REFUSABLE and (answer.status or 0) >= 400:
        return
    if not isinstance(message, dict) or not ("result" in message or "error" in message):
        raise Mismatch(f"a JSON-RPC response to {case.label}", answer.describe(), pointed)
    identifier, wanted = message.get("id"), answer.id
    if case.exact_id and key(identifier) != key(wanted):
        raise Mismatch(f"a response with the id {literal(wanted)}", f"the id {literal(identifier)}", pointed)
    if case.expectation is Expectation.ERROR and answer.error is None:
        raise Mismatch(f"an error for {case.label}", answer.describe(), pointed)
    if case.expectation is Expectation.ANSWER and answer.code == _PARSE_ERROR:
        raise Mismatch(f"{case.label}, which is sound JSON, to be read", answer.describe(), pointed)
    if case.expectation is Expectation.RESULT and answer.error is not None:
        raise Mismatch(f"a result for {case.label}", answer.describe(), pointed)
    # What answers a request that is wrong may be an older revision's answer, where the target speaks that too.
    if answer.error is None and case.expectation is not Expectation.REPLY:
        _judge_schema(peer, answer.method, answer)
    judge_promise(case, answer)


def _judge_schema(peer: Peer, method: object, answer: Answer) -> None:
    revision = peer.revision.name
    known = messages(revision).get(method) if has_revision(revision) and isinstance(method, str) else None
    if known is None:
        return
    # A result that says what it is has to be that; one of a type that has no definition here is held against any.
    names = (isinstance(answer.result, dict) and announced(known.results, answer.result)) or known.results
    _, found = next(iter(ranked(revision, names, answer.result)), ("", []))
    if found:
        worst = found[0]
        raise Mismatch(
            f"a result of {method} that is valid by the schema",
            f"{worst.pointer or 'the result'}: {worst.message}",
            [answer.entry.index],
        )


def _judge_aftermath(peer: Peer, case: Case, start: int) -> None:
    """Nothing may have been answered twice, and no notification at all."""
    if not isinstance(case.message, dict) or "method" not in case.message:
        return
    answers = [entry for entry in peer.conversation.entries[start:] if _answers(entry, case)]
    pointed = [entry.index for entry in answers]
    if case.expectation is Expectation.ERROR_OR_SILENCE and any("result" in entry.value for entry in answers):
        raise Mismatch(f"an error or silence for {case.label}", brief(answers[0].value), pointed)
    # What lacks an id was meant as a request as far as anybody knows: one error says that it cannot be read as one.
    due = 1 if "id" in case.message or case.expectation is Expectation.ERROR_OR_SILENCE else 0
    if len(answers) > due and case.expectation is not Expectation.ANYTHING_BUT_DEATH:
        raise Mismatch("one response" if due else "no response to a notification", f"{len(answers)}", pointed)


def _answers(entry: Entry, case: Case) -> bool:
    if entry.direction.value != "received" or not entry.is_response():
        return False
    return key(entry.value.get("id")) == key(case.message.get("id"))


def describe(case: Case) -> list[str]:
    """Return what the case sends, one text for each message or step."""
    if case.steps:
        return [step.describe() for step in case.steps]
    asked = (case.first, case.message) if case.relation in TWO else (case.message,)
    sent = case.chunks or tuple(encode(message) for message in asked)
    return [chunk.decode("utf-8", "backslashreplace") for chunk in sent]
