"""From what happened to a row of the records."""

from __future__ import annotations

from conformance.check import Monitor
from conformance.expect import Mismatch
from conformance.peer import Peer
from conformance.target import HttpTarget, StdioTarget
from conformance.transcript import TARGET, Conversation, Direction, HttpHead, owner
from conformance.verdicts import Judged, Place, evidence, repeat, verdict, wire_entry
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

from .scripted import CATALOGUE, make_check


async def _body(peer: Peer) -> None:
    pass


def _said(count: int = 1, who: str = "it") -> Conversation:
    conversation = Conversation("stdio", "test")
    speaking = owner.set(who)
    for number in range(count):
        conversation.record(Direction.SENT, b"%d" % number)
    owner.reset(speaking)
    return conversation


def test_a_failure_has_both_sides_evidence_and_a_command() -> None:
    judged = Judged("failed", mismatch=Mismatch("this", "that"), conversation=_said(), seconds=0.5)
    rows = CATALOGUE.binding(["habit", "rule"], LATEST_LEGACY, "stdio")
    row = verdict(make_check(_body), rows, Place(StdioTarget(("a", "b c")), LATEST_LEGACY), judged)
    assert (row.expected, row.actual, row.level, row.seconds) == ("this", "that", "MUST", 0.5)
    assert [ref.id for ref in row.requirements] == ["rule", "habit"]
    assert row.evidence[0].text == "0"
    assert row.repeat == f"touchstone check --only it --revision {LATEST_LEGACY.name} -- a 'b c'"


def test_what_did_not_fail_shows_no_evidence_and_no_command() -> None:
    judged = Judged("blocked", "no tool", cause="none", conversation=_said())
    row = verdict(make_check(_body), [CATALOGUE["rule"]], Place(HttpTarget("http://h"), LATEST), judged)
    assert (row.summary, row.cause, row.evidence, row.repeat) == ("no tool", "none", (), "")


def test_evidence_is_what_is_pointed_at_and_what_the_check_said_and_not_too_much_of_it() -> None:
    conversation = _said(30)
    other = conversation.record(Direction.RECEIVED, b"pointed at", owned_by="somebody")
    conversation.record(Direction.RECEIVED, b"of no concern", owned_by="somebody")
    shown = evidence(conversation, "it", Mismatch("a", "b", [other.index]))
    assert shown[-1].text == "pointed at"
    assert len(shown) == 12
    assert evidence(None, "it", None) == ()


def test_a_question_of_the_target_is_seen_again_with_the_call_that_was_under_way() -> None:
    conversation = Conversation("stdio", "test")
    for number, (who, method) in enumerate([("caller", "tools/call"), ("other", "ping")]):
        value = {"jsonrpc": "2.0", "id": number, "method": method}
        conversation.record(Direction.SENT, b"", value, owned_by=who)
    question = {"jsonrpc": "2.0", "id": "q", "method": "roots/list"}
    asked = conversation.record(Direction.RECEIVED, b"", question, owned_by=TARGET)
    judged = Judged("failed", mismatch=Mismatch("this", "that", [asked.index]), conversation=conversation)
    watch = Monitor("watch", ("rule",), lambda _: iter(()), "It holds.")
    row = verdict(watch, [CATALOGUE["rule"]], Place(HttpTarget("http://h"), LATEST), judged)
    assert "--only watch --only caller " in row.repeat


def test_a_url_is_quoted_for_the_shell() -> None:
    place = Place(HttpTarget("http://h/mcp?a=b&c=d"), LATEST, frozenset({"write it"}))
    assert repeat(["a", "b"], place) == (
        f"touchstone check --only a --only b --allow 'write it' --revision {LATEST.name} 'http://h/mcp?a=b&c=d'"
    )


def test_of_http_the_telling_headers_are_shown_and_no_credentials() -> None:
    head = HttpHead("POST /mcp HTTP/1.1", (("authorization", "Bearer x"), ("mcp-method", "ping")))
    entry = Conversation("http", "t").record(Direction.SENT, b"{}", head=head, defect="wrong on purpose")
    shown = wire_entry(entry)
    assert shown.text == "POST /mcp HTTP/1.1\nmcp-method: ping\n\n{}"
    assert shown.note == "wrong on purpose"


def test_bytes_that_are_no_text_are_written_out_and_long_ones_cut() -> None:
    conversation = Conversation("stdio", "t")
    assert wire_entry(conversation.record(Direction.RECEIVED, b"\xff\x1b")).text == r"\xff\x1b"
    cut = wire_entry(conversation.record(Direction.RECEIVED, b"a" * 5000))
    assert (len(cut.text), cut.truncated) == (1500, 3500)
