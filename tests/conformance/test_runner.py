"""A whole run: which revisions, which checks, and what a run raises."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from conformance import judge
from conformance.check import Sharing
from conformance.eras import Eras
from conformance.expect import Mismatch, expect_result
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.runner import Plan, run_checks
from conformance.scout import Unreachable
from conformance.suite import declared
from conformance.target import HttpTarget
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, R2024_11_05
from reports.records import Verdict

from .raw_http import Got, listening, reply
from .scripted import BRISK, HASTY, Message, Scripted, Wire, judged, make_check, make_monitor, make_suite


async def _fine(peer: Peer) -> None:
    expect_result(await peer.fence())


async def _discovers(wire: Wire, message: Message) -> None:
    result = {"supportedVersions": [LATEST.name], "capabilities": {}, "resultType": "complete"}
    await wire.reply(message, result)


def _plan(server: Scripted, verdicts: list[Verdict], **more: Any) -> Plan:
    suite = make_suite(make_check(_fine), make_check(_fine, "other.one"), make_check(_fine, "other.two"))
    return Plan(server.target, verdicts.append, patience=BRISK, suite=suite, **more)


def test_each_revision_that_a_target_speaks_is_judged() -> None:
    verdicts: list[Verdict] = []
    anyio.run(run_checks, _plan(Scripted({"server/discover": _discovers}), verdicts))
    assert [verdict.revision for verdict in verdicts if verdict.check == "it"] == [LATEST_LEGACY.name, LATEST.name]
    assert {verdict.outcome for verdict in verdicts} == {"passed"}


def test_a_target_that_answers_with_an_older_revision_is_judged_by_that_one() -> None:
    server, eras = Scripted(), []  # type: ignore[var-annotated] # filled by the run
    server.version = R2024_11_05.name
    assert judged(server, [make_check(_fine)], detected=eras)["it"].revision == R2024_11_05.name
    assert eras[0].implementation == "scripted 1"


def test_revisions_and_patterns_choose_what_runs() -> None:
    verdicts: list[Verdict] = []
    server = Scripted({"server/discover": _discovers})
    counts: list[tuple[str, int]] = []
    plan = _plan(
        server,
        verdicts,
        revisions=(LATEST.name,),
        only=("other.*",),
        started=lambda revision, count: counts.append((revision.name, count)),
    )
    anyio.run(run_checks, plan)
    assert sorted((verdict.check, verdict.revision) for verdict in verdicts) == [
        ("other.one", LATEST.name),
        ("other.two", LATEST.name),
    ]
    assert counts == [(LATEST.name, 2)]


def test_a_revision_that_the_target_does_not_speak_is_no_target() -> None:
    with pytest.raises(Unreachable, match=f"does not speak {LATEST.name}; it speaks {LATEST_LEGACY.name}"):
        anyio.run(run_checks, _plan(Scripted(), [], revisions=(LATEST.name,)))


def test_a_target_that_takes_part_in_no_handshake_is_told_apart_by_what_it_did() -> None:
    async def ignore(wire: Wire, message: Message) -> None:
        pass

    async def leave(wire: Wire, message: Message) -> None:
        await wire.leave()

    for handler, words in ((ignore, "silence"), (leave, "closed the stream")):
        with pytest.raises(Unreachable, match=words):
            judged(Scripted({"initialize": handler, "server/discover": handler}), [make_check(_fine)], HASTY)


def test_noise_of_a_target_that_opens_nothing_is_still_judged() -> None:
    async def noise(wire: Wire, message: Message) -> None:
        await wire.raw(b"Listening on port 3000\n")
        await wire.refuse(message)

    def only_json(conversation: Conversation) -> Any:
        for entry in conversation.received():
            yield None if entry.is_message else Mismatch("JSON", entry.data.decode(), [entry.index])

    verdicts: list[Verdict] = []
    plan = Plan(
        Scripted({"initialize": noise, "server/discover": noise}).target,
        verdicts.append,
        patience=HASTY,
        suite=make_suite(make_check(_fine), make_monitor(only_json)),
    )
    with pytest.raises(Unreachable):
        anyio.run(run_checks, plan)
    assert [(verdict.check, verdict.outcome, verdict.actual) for verdict in verdicts] == [
        ("watch", "failed", "Listening on port 3000")
    ]


def test_a_command_that_says_no_word_of_the_protocol_is_not_judged_by_its_rules() -> None:
    async def talk(wire: Wire, message: Message) -> None:
        await wire.raw(b"Listening on port 3000\n")
        await wire.leave()

    verdicts: list[Verdict] = []
    target = Scripted({"initialize": talk, "server/discover": talk}).target
    with pytest.raises(Unreachable, match=r"no JSON-RPC: Listening on port 3000$"):
        anyio.run(run_checks, Plan(target, verdicts.append, patience=BRISK))
    assert verdicts == []


def test_a_target_that_sends_back_what_it_is_sent_is_told_so_at_once_and_not_judged() -> None:
    async def echo(wire: Wire, message: Message) -> None:
        await wire.say(message)

    verdicts: list[Verdict] = []
    target = Scripted({"initialize": echo, "server/discover": echo}).target
    with pytest.raises(Unreachable, match=r"handshake: it sends back what it was sent: this is no MCP server$"):
        anyio.run(run_checks, Plan(target, verdicts.append, patience=Patience(start=3600, answer=3600)))
    assert verdicts == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (reply(b'{"error":"invalid_token"}', "401 Unauthorized"), "HTTP 401: .*invalid_token.*wants credentials"),
        (reply(b'{"error":{"code":404,"message":"?"}}', "404 Not Found"), "HTTP 404: .*the path of its MCP endpoint"),
        (reply(b"<html>", "501 Not Implemented", "text/html"), "HTTP 501: a web page .is this the path"),
        (reply(b"", "307 Temporary Redirect", location="/mcp/"), "HTTP 307: .*redirects to /mcp/"),
    ],
)
def test_a_gate_before_an_endpoint_is_not_judged_by_the_rules_of_the_protocol(refusal: bytes, words: str) -> None:
    async def refuse(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(refusal)

    verdicts: list[Verdict] = []

    async def run() -> None:
        async with listening(refuse) as url:
            await run_checks(Plan(HttpTarget(url), verdicts.append, patience=BRISK))

    with pytest.raises(Unreachable, match=words):
        anyio.run(run)
    assert {verdict.outcome for verdict in verdicts} <= {"blocked", "inapplicable"}


def test_what_the_receiver_of_verdicts_raises_comes_out_as_it_is() -> None:
    class Full(Exception):  # noqa: N818 - a disk, not an error
        pass

    def refuse(verdict: Verdict) -> None:
        raise Full

    suite = make_suite(*(make_check(_fine, f"it-{number}") for number in range(5)))
    with pytest.raises(Full):
        anyio.run(run_checks, Plan(Scripted().target, refuse, patience=BRISK, suite=suite))


def test_a_run_that_is_cancelled_stops_at_once_and_emits_no_more() -> None:
    verdicts: list[Verdict] = []

    async def endless(peer: Peer) -> None:
        await anyio.sleep_forever()

    async def run() -> None:
        plan = Plan(server.target, verdicts.append, patience=BRISK, suite=make_suite(make_check(endless)))
        with anyio.fail_after(5), anyio.move_on_after(0.2):
            await run_checks(plan)

    server = Scripted()
    anyio.run(run)
    assert verdicts == []


def test_the_conversation_of_detection_goes_on_and_is_judged_with_the_others() -> None:
    seen: list[str] = []

    def collect(conversation: Conversation) -> Any:
        seen.append(conversation.purpose)
        yield None

    server = Scripted()
    judged(server, [make_check(_fine, sharing=Sharing.FRESH), make_monitor(collect)])
    assert sorted(seen) == ["it", "shared"]
    assert server.connections == 3  # one of them asked for the other era


def test_a_run_leaves_the_eras_and_the_benches() -> None:
    result = anyio.run(run_checks, _plan(Scripted(), []))
    assert isinstance(result.eras, Eras)
    assert [bench.revision for bench in result.benches] == [LATEST_LEGACY]


def test_a_plan_judges_by_all_that_is_declared_unless_told_otherwise() -> None:
    assert len(Plan(Scripted().target, lambda _: None).suite) == len(declared()) > 50


def test_in_a_short_time_what_goes_on_is_left_undone_and_what_failed_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge, "_FIRST", 0.05)

    async def endless(peer: Peer) -> None:
        await anyio.sleep_forever()

    async def wrong(peer: Peer) -> None:
        raise Mismatch("one thing", "another")

    suite = make_suite(make_check(endless, "a.endless"), make_check(wrong, "a.wrong"))
    verdicts: list[Verdict] = []
    patience = Patience(check=3600, run=3600, whole=30)
    anyio.run(run_checks, Plan(Scripted().target, verdicts.append, patience=patience, suite=suite))
    assert {verdict.check: verdict.outcome for verdict in verdicts} == {"a.endless": "blocked", "a.wrong": "failed"}
    assert "--profile" in next(verdict.cause for verdict in verdicts if verdict.check == "a.endless")
