"""Outcomes, and whose fault they are: the engine on scripted servers, with checks of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from conformance.capabilities import declares
from conformance.check import Check, Sharing
from conformance.expect import Blocked, Inapplicable, Mismatch, expect, expect_result
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.scout import Unreachable
from conformance.twins import need_served

from .scripted import BRISK, HASTY, Message, Scripted, Wire, judged, make_check, make_monitor, nothing_wrong


async def _fine(peer: Peer) -> None:
    expect_result(await peer.fence())


async def _wrong(peer: Peer) -> None:
    answer = await peer.fence()
    raise Mismatch("something else", "this", [answer.entry.index])


async def _does_not_apply(peer: Peer) -> None:
    raise Inapplicable("there is none of it")


async def _cannot_be_tried(peer: Peer) -> None:
    raise Blocked("give it a tool")


async def _is_ours(peer: Peer) -> None:
    raise KeyError("oops")


async def _in_a_group(peer: Peer) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_wrong, peer)


async def _kill(peer: Peer) -> None:
    await peer.request("die")


async def _dies(wire: Wire, message: Message) -> None:
    await wire.leave()


@pytest.mark.parametrize("sharing", [Sharing.SHARED, Sharing.ALONE, Sharing.FRESH, Sharing.LAST])
@pytest.mark.parametrize(
    ("body", "outcome", "words"),
    [
        (_fine, "passed", ""),
        (_wrong, "failed", "got this"),
        (_in_a_group, "failed", "got this"),
        (_does_not_apply, "inapplicable", "there is none of it"),
        (_cannot_be_tried, "blocked", "give it a tool"),
        (_is_ours, "broken", "KeyError: 'oops' (test_judge.py, line"),
    ],
)
def test_what_a_check_does_becomes_its_outcome(sharing: Sharing, body: Any, outcome: str, words: str) -> None:
    verdict = judged(Scripted(), [make_check(body, sharing=sharing)])["it"]
    assert verdict.outcome == outcome
    assert words in f"{verdict.summary}; got {verdict.actual}"


def test_a_failure_shows_what_its_check_exchanged_and_how_to_repeat_it() -> None:
    verdict = judged(Scripted(), [make_check(_wrong)])["it"]
    assert [entry.direction for entry in verdict.evidence] == ["sent", "received"]
    assert "ping" in verdict.evidence[0].text
    assert verdict.repeat == "touchstone check --only it --revision 2025-11-25 scripted"
    assert (verdict.expected, verdict.actual, verdict.level) == ("something else", "this", "MUST")


def test_a_check_without_its_capability_is_inapplicable_and_not_run() -> None:
    verdicts = judged(Scripted(), [make_check(_is_ours, "it", "tools"), make_check(_is_ours, "too", "subscribe")])
    assert [verdicts[name].outcome for name in ("it", "too")] == ["inapplicable", "inapplicable"]
    assert "resources.subscribe" in verdicts["too"].summary


def test_a_check_of_several_requirements_runs_if_one_of_them_binds() -> None:
    assert judged(Scripted(), [make_check(_fine, "it", "tools", "rule")])["it"].outcome == "passed"


@pytest.mark.parametrize(
    ("capabilities", "path", "declared"),
    [
        ({"tools": {}}, "tools", True),
        ({"resources": {"subscribe": True}}, "resources.subscribe", True),
        ({"resources": {"subscribe": False}}, "resources.subscribe", False),
        ({"resources": {}}, "resources.subscribe", False),
        ({"resources": None}, "resources", False),
        ("tools", "tools", False),
        ({"extensions": {"com.example/x": {}}}, "extensions.com.example/x", True),
        ({"extensions": {}}, "extensions.com.example/x", False),
    ],
)
def test_a_leaf_that_is_false_declares_nothing(capabilities: object, path: str, declared: bool) -> None:
    assert declares(capabilities, path) is declared


def test_what_binds_over_another_transport_or_at_another_revision_gets_no_verdict() -> None:
    assert judged(Scripted(), [make_check(_wrong, "it", "wire"), make_check(_wrong, "too", "news")]) == {}


# Whose fault it is --------------------------------------------------------------------------------


@pytest.mark.parametrize("sharing", [Sharing.SHARED, Sharing.ALONE])
def test_a_check_that_kills_the_target_is_the_only_one_that_fails(sharing: Sharing) -> None:
    server = Scripted({"die": _dies})
    others = [make_check(_fine, f"other-{number}", sharing=sharing) for number in range(12)]
    last = make_check(_fine, "last", sharing=Sharing.LAST)
    verdicts = judged(server, [*others[:6], make_check(_kill, "killer", sharing=sharing), *others[6:], last])
    assert {name for name, verdict in verdicts.items() if verdict.outcome != "passed"} == {"killer"}
    assert verdicts["killer"].outcome == "failed"
    assert "closed the stream" in verdicts["killer"].actual


def test_what_another_check_left_blocked_is_run_again_alone() -> None:
    async def gets_nowhere(peer: Peer) -> None:
        await anyio.wait_all_tasks_blocked()  # the killer has been by now
        try:
            await peer.fence()
        except Mismatch as mismatch:
            raise Blocked(f"nothing to try it on: {mismatch}") from None

    server = Scripted({"die": _dies})
    verdicts = judged(server, [make_check(_kill, "killer"), make_check(gets_nowhere)])
    assert verdicts["it"].outcome == "passed"


def test_checks_that_wait_take_nobodys_place_on_a_shared_connection() -> None:
    crowd = 20  # more than speak on one connection at the same time
    over = anyio.Event()

    async def waits(peer: Peer) -> None:
        await over.wait()
        await _fine(peer)

    async def fills_the_wait(peer: Peer) -> None:
        over.set()
        await _fine(peer)

    waiting = [replace(make_check(waits, f"waits-{number}"), waits=True) for number in range(crowd)]
    verdicts = judged(Scripted(), [make_check(fills_the_wait), *waiting])
    assert {verdict.outcome for verdict in verdicts.values()} == {"passed"}


def test_of_checks_with_connections_for_themselves_those_that_wait_begin_first() -> None:
    begun: list[str] = []

    def named(name: str) -> Check:
        async def begins(peer: Peer) -> None:
            begun.append(name)
            await _fine(peer)

        return make_check(begins, name, sharing=Sharing.FRESH)

    judged(Scripted(), [*(named(f"other-{number}") for number in range(6)), replace(named("waits"), waits=True)])
    assert begun[0] == "waits"


def test_a_twin_that_is_not_served_is_tried_again_before_it_blocks() -> None:
    async def after_its_twin(peer: Peer) -> None:
        await need_served(peer)

    async def only_alone(wire: Wire, message: Message) -> None:
        await (wire.refuse(message) if wire.number == 2 else wire.reply(message, {}))

    # Connections 1 and 2 detect the eras; 2 is then shared.
    assert judged(Scripted({"ping": only_alone}), [make_check(after_its_twin)])["it"].outcome == "passed"


def test_a_failure_on_a_shared_connection_that_does_not_happen_alone_is_not_believed() -> None:
    async def crowded(wire: Wire, message: Message) -> None:
        await (wire.refuse(message, -32000) if wire.number == 2 else wire.reply(message, {}))

    server = Scripted({"ping": crowded})
    assert judged(server, [make_check(_fine)])["it"].outcome == "passed"
    assert server.connections == 3


def test_an_inherited_connection_is_not_held_against_its_heir() -> None:
    async def spoils(peer: Peer) -> None:
        await peer.request("spoil")

    spoiled: set[int] = set()

    async def spoil(wire: Wire, message: Message) -> None:
        spoiled.add(wire.number)
        await wire.reply(message, {})

    async def ping(wire: Wire, message: Message) -> None:
        await (wire.refuse(message) if wire.number in spoiled else wire.reply(message, {}))

    server = Scripted({"spoil": spoil, "ping": ping})
    items = [make_check(spoils, "first", sharing=Sharing.ALONE), make_check(_fine, "heir", sharing=Sharing.ALONE)]
    assert {verdict.outcome for verdict in judged(server, items).values()} == {"passed"}


def test_a_death_that_no_check_repeats_is_the_failure_of_the_last_check() -> None:
    served: list[int] = []

    async def weary(wire: Wire, message: Message) -> None:
        served.append(wire.number)
        await (wire.leave() if wire.number == 2 else wire.reply(message, {}))

    verdicts = judged(
        Scripted({"ping": weary}), [make_check(_fine), make_check(_fine, "last", "counsel", sharing=Sharing.LAST)]
    )
    assert verdicts["it"].outcome == "passed"
    assert verdicts["last"].outcome == "failed"
    assert verdicts["last"].expected == "a target that serves until its input ends"
    assert verdicts["last"].evidence


def test_a_target_that_opens_no_second_time_fails_the_last_check_and_blocks_the_rest() -> None:
    async def once(wire: Wire, message: Message) -> None:
        await (wire.reply(message, server.greeting()) if wire.number < 3 else wire.refuse(message, -32600))

    server = Scripted({"initialize": once})
    items = [
        make_check(_fine),
        make_check(_fine, "fresh", sharing=Sharing.FRESH),
        make_check(_fine, "last", "counsel", sharing=Sharing.LAST),
    ]
    verdicts = _of_lost(server, items)
    assert {name: verdict.outcome for name, verdict in verdicts.items()} == {
        "it": "blocked",
        "fresh": "blocked",
        "last": "failed",
    }
    assert verdicts["it"].cause == verdicts["fresh"].cause != ""


def test_a_revision_that_the_target_does_not_speak_fails_nothing() -> None:
    items = [make_check(_fine), make_check(_fine, "last", "counsel", sharing=Sharing.LAST)]
    verdicts = _of_lost(Scripted(), items, "the target does not speak 2025-06-18")
    assert {verdict.outcome for verdict in verdicts.values()} == {"blocked"}


def _of_lost(server: Scripted, items: Any, why: str = "the handshake worked once, and then failed") -> Any:
    from conformance.runner import Plan, run_checks

    from .scripted import make_suite

    verdicts: list[Any] = []
    server.connections = 0
    # An older revision than the one that detection came to is opened anew.
    older = Plan(server.target, verdicts.append, patience=BRISK, suite=make_suite(*items), revisions=("2025-06-18",))
    with pytest.raises(Unreachable, match=why):
        anyio.run(run_checks, older)
    return {verdict.check: verdict for verdict in verdicts}


def test_connections_that_do_not_open_are_not_tried_for_ever() -> None:
    async def shared_only(wire: Wire, message: Message) -> None:
        await (wire.reply(message, server.greeting()) if wire.number <= 2 else wire.refuse(message))

    server = Scripted({"initialize": shared_only})
    items = [make_check(_fine, f"fresh-{number}", sharing=Sharing.FRESH) for number in range(20)]
    verdicts = judged(server, [*items, make_check(_fine, "last", sharing=Sharing.LAST)])
    assert {verdicts[item.id].outcome for item in items} == {"blocked"}
    assert {verdicts[item.id].cause for item in items} == {"the target could not be opened any more"}
    assert verdicts["last"].outcome == "failed"
    assert server.connections < 10


# Floods, silence, deadlines ------------------------------------------------------------------------


async def _floods(wire: Wire, message: Message) -> None:
    await wire.raw(b"spam\n" * 25_000)
    await wire.reply(message, {})


def test_a_flood_is_told_once_and_blocks_what_it_drowned() -> None:
    server = Scripted({"ping": _floods})
    items = [
        *(make_check(_fine, f"shared-{number}") for number in range(3)),
        *(make_check(_fine, f"fresh-{number}", sharing=Sharing.FRESH) for number in range(3)),
        make_check(_fine, "last", "counsel", sharing=Sharing.LAST),
    ]
    verdicts = judged(server, items)
    assert {name for name, verdict in verdicts.items() if verdict.outcome == "failed"} == {"last"}
    assert "flooded its output" in verdicts["last"].actual
    assert {verdict.outcome for name, verdict in verdicts.items() if name != "last"} == {"blocked"}


def test_a_check_that_makes_the_target_flood_on_its_own_connection_fails() -> None:
    server = Scripted({"flood": _floods})

    async def provoke(peer: Peer) -> None:
        await peer.request("flood")

    verdicts = judged(server, [make_check(provoke, sharing=Sharing.FRESH), make_check(_fine, "other")])
    assert (verdicts["it"].outcome, verdicts["other"].outcome) == ("failed", "passed")


def test_silence_is_a_failure_that_says_how_long_it_was_waited() -> None:
    async def ignore(wire: Wire, message: Message) -> None:
        pass

    verdict = judged(Scripted({"ping": ignore}), [make_check(_fine)], HASTY)["it"]
    assert (verdict.outcome, verdict.actual) == ("failed", "silence")
    assert "within 0.3 s" in verdict.expected


def test_a_check_that_does_not_end_is_blocked_and_spoils_its_connection_for_nobody() -> None:
    async def endless(peer: Peer) -> None:
        await anyio.sleep_forever()

    patience = Patience(start=5, answer=5, quiet=0.05, stop=1, check=0.2, run=20)
    items = [make_check(endless, sharing=Sharing.ALONE), make_check(_fine, "next", sharing=Sharing.ALONE)]
    verdicts = judged(Scripted(), items, patience)
    assert verdicts["it"].outcome == "blocked"
    assert "not done within 0.2 s" in verdicts["it"].summary
    assert verdicts["next"].outcome == "passed"


def test_a_timeout_that_a_check_raises_itself_is_ours() -> None:
    async def confused(peer: Peer) -> None:
        raise TimeoutError("of its own")

    assert judged(Scripted(), [make_check(confused)])["it"].outcome == "broken"


def test_what_the_deadline_of_the_run_leaves_undone_is_blocked() -> None:
    async def endless(peer: Peer) -> None:
        await anyio.sleep_forever()

    patience = Patience(start=5, answer=5, quiet=0.05, stop=1, check=60, run=0.3)
    items = [make_check(_fine), make_check(endless, "endless"), make_check(_fine, "last", sharing=Sharing.LAST)]
    verdicts = judged(Scripted(), [*items, make_monitor(nothing_wrong)], patience)
    assert [verdicts[name].outcome for name in ("it", "endless", "last", "watch")] == [
        "passed",
        "blocked",
        "blocked",
        "passed",
    ]
    assert "--deadline" in verdicts["last"].summary


# Answers that are wrong in themselves --------------------------------------------------------------


@pytest.mark.parametrize("change", [str, float])
def test_an_answer_whose_id_has_the_wrong_type_still_reaches_its_check(change: Any) -> None:
    async def mistyped(wire: Wire, message: Message) -> None:
        await wire.say({"jsonrpc": "2.0", "id": change(message["id"]), "result": {}})

    assert judged(Scripted({"ping": mistyped}), [make_check(_fine)], HASTY)["it"].outcome == "passed"


def test_a_second_answer_to_one_request_is_heard_and_does_no_harm() -> None:
    async def twice(wire: Wire, message: Message) -> None:
        await wire.reply(message, {})
        await wire.reply(message, {})

    async def counts(peer: Peer) -> None:
        await peer.fence()
        await peer.fence()
        expect(sum(entry.is_response() for entry in peer.heard) == 1, "one that nobody awaits", peer.heard)

    assert judged(Scripted({"ping": twice}), [make_check(counts, sharing=Sharing.FRESH)])["it"].outcome == "passed"


def test_a_target_that_asks_and_leaves_while_it_is_answered_does_no_harm_to_the_run() -> None:
    async def asks_and_leaves(wire: Wire, message: Message) -> None:
        await wire.say({"jsonrpc": "2.0", "id": 1, "method": "roots/list"})
        await wire.leave()

    verdicts = judged(
        Scripted({"die": asks_and_leaves}), [make_check(_kill, sharing=Sharing.FRESH), make_check(_fine, "other")]
    )
    assert (verdicts["it"].outcome, verdicts["other"].outcome) == ("failed", "passed")


# Monitors -------------------------------------------------------------------------------------------


def test_a_monitor_judges_every_conversation_and_the_first_wrong_one_is_its_failure() -> None:
    def no_results(conversation: Any) -> Any:
        for entry in conversation.received():
            yield Mismatch("an error", "a result", [entry.index]) if "result" in entry.value else None

    verdicts = judged(Scripted(), [make_check(_fine), make_monitor(no_results), make_monitor(nothing_wrong, "calm")])
    assert verdicts["watch"].outcome == "failed"
    assert verdicts["watch"].evidence[0].direction == "received"
    assert verdicts["calm"].outcome == "passed"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(lambda _: iter(()), "blocked"), (lambda _: iter([1 / 0]), "broken")],
)
def test_a_monitor_that_saw_nothing_is_blocked_and_one_that_stumbles_is_broken(body: Any, outcome: str) -> None:
    assert judged(Scripted(), [make_monitor(body)])["watch"].outcome == outcome
