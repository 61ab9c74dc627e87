"""A target that is dead or hangs fails what finds out first, and is not waited for again."""

from __future__ import annotations

import sys
import time

import anyio
import pytest

from conformance.bench import Bench
from conformance.check import Check, Sharing
from conformance.expect import expect_result
from conformance.links import Gone
from conformance.peer import Peer
from conformance.target import StdioTarget
from conformance.verdicts import Judged
from conformance.vitals import Vitals
from reference_impl.protocol.revisions import LATEST_LEGACY

from .scripted import HASTY, Message, Scripted, Wire, judged, make_check


async def _asks(peer: Peer) -> None:
    expect_result(await peer.fence())


async def _ignores(wire: Wire, message: Message) -> None:
    pass


def _many(sharing: Sharing) -> list[Check]:
    return [make_check(_asks, f"{sharing.value}-{number}", sharing=sharing) for number in range(12)]


@pytest.mark.parametrize("sharing", [Sharing.SHARED, Sharing.ALONE, Sharing.FRESH])
def test_a_target_that_hangs_after_the_handshake_fails_few_checks_and_blocks_the_rest_by_one_cause(
    sharing: Sharing,
) -> None:
    began = time.monotonic()
    verdicts = judged(Scripted({"ping": _ignores}), _many(sharing), HASTY)
    outcomes = [verdict.outcome for verdict in verdicts.values()]
    assert 1 <= outcomes.count("failed") <= 2
    assert outcomes.count("failed") + outcomes.count("blocked") == 12
    assert len({verdict.cause for verdict in verdicts.values() if verdict.outcome == "blocked"}) == 1
    assert time.monotonic() - began < 12 * HASTY.answer


def test_a_conversation_that_hangs_alone_is_left_and_the_others_go_on() -> None:
    async def third_hangs(wire: Wire, message: Message) -> None:
        if wire.number != 3:
            await wire.reply(message, {})

    verdicts = judged(Scripted({"ping": third_hangs}), _many(Sharing.SHARED), HASTY)
    assert {verdict.outcome for verdict in verdicts.values()} == {"passed"}


def test_a_check_that_alone_is_met_with_silence_does_not_condemn_the_target() -> None:
    async def odd(peer: Peer) -> None:
        await peer.request("odd")

    items = [make_check(odd, "odd", sharing=Sharing.FRESH), *_many(Sharing.FRESH)]
    verdicts = judged(Scripted({"odd": _ignores}), items, HASTY)
    assert {name for name, verdict in verdicts.items() if verdict.outcome != "passed"} == {"odd"}


def test_a_process_that_does_not_start_beside_another_fails_no_check() -> None:
    async def run() -> tuple[Judged, Judged]:
        async with anyio.create_task_group() as tasks:
            starting, gone = (
                Bench(StdioTarget((sys.executable, "-c", code)), LATEST_LEGACY, HASTY, tasks)
                for code in ("import sys; sys.exit('running already')", "")
            )
            beside, other = Vitals(starting), Vitals(gone)
            failed = Judged("failed", mismatch=Gone("an answer", "the process exited"))
            await beside.examine(failed)
            return beside.excused(failed), other.excused(failed)

    excused, believed = anyio.run(run)
    assert (excused.outcome, believed.outcome) == ("blocked", "failed")
    assert "beside the first" in excused.summary
