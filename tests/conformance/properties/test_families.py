"""Several cases together: one write, one fence, and blame only for what fails by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.expect import Mismatch
from conformance.properties.case import Case, Kin
from conformance.properties.expectation import Expectation
from conformance.properties.families import can_be_together
from conformance.properties.prober import Prober

from ..scripted import HASTY, Message, Scripted, Wire
from .test_prober import ODD, PING, with_prober

SOUND = tuple(replace(PING, label=f"ping {number}") for number in range(12))


def _numbered(number: int, **more: Any) -> Case:
    message = {"jsonrpc": "2.0", "id": 7, "method": "take", "params": {"number": number}}
    return Case(f"the number {number}", Expectation.RESULT, message, **more)


def _culprit(server: Scripted, *cases: Case, **more: Any) -> str | None:
    """Which of the cases is found guilty, by its label."""

    async def scene(prober: Prober) -> str | None:
        try:
            await prober._fly(cases)
        except Mismatch:
            assert prober.culprit is not None
            return prober.culprit.label
        return None

    found: str | None = with_prober(server, scene, **more)
    return found


async def _takes(wire: Wire, message: Message) -> None:
    await wire.reply(message, {})


async def _dies(wire: Wire, message: Message) -> None:
    await wire.leave()


async def _ignores(wire: Wire, message: Message) -> None:
    pass


async def _twice(wire: Wire, message: Message) -> None:
    await wire.reply(message, {})
    await wire.reply(message, {})


def test_sound_cases_pass_together_with_one_fence_behind_them() -> None:
    server = Scripted({"take": _takes})
    assert _culprit(server, *(_numbered(number) for number in range(20))) is None
    heard = [message["method"] for message in server.heard[2:]]
    assert heard == ["take"] * 20 + ["ping"]
    assert len({message["id"] for message in server.heard if "id" in message}) == 22


@pytest.mark.parametrize("handler", [_dies, _ignores, _twice])
def test_the_one_that_is_answered_wrongly_or_not_at_all_is_found_by_itself(handler: Any) -> None:
    server = Scripted({"odd": handler})
    assert _culprit(server, *SOUND[:6], ODD, *SOUND[6:], patience=HASTY.scaled(0.8)) == "odd"


def test_a_result_where_only_an_error_may_come_is_found() -> None:
    server = Scripted({"take": _takes})
    refused = replace(_numbered(1), expectation=Expectation.ERROR_OR_SILENCE, label="wrong", way="type")
    assert _culprit(server, *SOUND, refused) == "wrong"


def test_whoever_stumbles_only_over_many_at_a_time_is_not_blamed_and_gets_fewer() -> None:
    taken: dict[int, int] = {}

    async def takes_five(wire: Wire, message: Message) -> None:
        taken[wire.number] = taken.get(wire.number, 0) + 1
        if taken[wire.number] <= 5 or wire.number > 1:
            await wire.reply(message, {})

    async def scene(prober: Prober) -> tuple[int, int]:
        await prober.try_case(_numbered(0))
        prober._each = 1e-6
        before = prober.together
        await prober._fly([_numbered(number) for number in range(12)])
        prober._each = 1e-6
        return before, prober.together

    assert with_prober(Scripted({"take": takes_five}), scene, HASTY.scaled(0.8)) == (32, 16)


def test_a_case_that_does_not_hold_what_its_label_says_is_not_tried_alone() -> None:
    server = Scripted({"take": _dies})
    assert _culprit(server, PING, _numbered(1, kin=Kin(holds=lambda: False))) is None


def test_how_many_go_together_follows_from_how_long_one_takes() -> None:
    async def scene(prober: Prober) -> list[int]:
        found = [prober.together]
        for seconds in (0.0, 0.01, 1.0):
            prober._took(seconds, 1)
            found.append(prober.together)
        return found

    assert with_prober(Scripted(), scene) == [1, 32, 10, 1]


@pytest.mark.parametrize(
    ("case", "can"),
    [
        (PING, True),
        (replace(PING, relation="again"), False),
        (replace(PING, headers={"accept": None}), False),
        (replace(PING, message={"jsonrpc": "2.0", "method": "ping"}), False),
        (replace(PING, message={"jsonrpc": "2.0", "id": None, "method": "ping"}), False),
        (Case("bytes", Expectation.ANSWER, chunks=(b"{}",)), False),
    ],
)
def test_only_what_an_answer_can_be_told_by_goes_together(case: Case, can: bool) -> None:
    assert can_be_together(case) is can
