"""Questions that hang on one another go out round by round, and what is not answered holds up no more than itself."""

from __future__ import annotations

from typing import Any

from conformance.clients.dialogue import Script, dialogue
from conformance.clients.reply import Later, Wait
from conformance.clients.scenario import Scene
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import LATEST_LEGACY


def _scene() -> Scene:
    return Scene(LATEST_LEGACY, "stdio", Conversation("stdio", "test"))


def test_a_round_is_made_of_what_was_answered_before() -> None:
    scene, seen = _scene(), []

    def script() -> Script:
        seen.append((yield [{"method": "a"}, {"method": "b"}]))
        seen.append((yield [{"method": "c"}]))

    steps = iter(dialogue(scene, script(), "q"))
    sent: list[Any] = []
    for number in range(3):
        later, wait = next(steps), next(steps)
        assert isinstance(later, Later)
        assert isinstance(wait, Wait)
        sent.append(list(later.make()))
        assert wait.until() is (number == 2)
        if number == 0:
            scene.answers |= {"q-0": {"id": "q-0", "result": 1}, "q-1": {"id": "q-1", "result": 2}}
            assert wait.until()
    assert [[(item["id"], item["method"]) for item in round_] for round_ in sent] == [
        [("q-0", "a"), ("q-1", "b")],
        [("q-2", "c")],
        [],
    ]
    assert seen == [[{"id": "q-0", "result": 1}, {"id": "q-1", "result": 2}], [None]]


def test_nothing_goes_out_when_the_script_is_over() -> None:
    def script() -> Script:
        return
        yield []

    steps = dialogue(_scene(), script(), "q")
    assert [message for step in steps if isinstance(step, Later) for message in step.make()] == []
    assert all(step.until() for step in steps if isinstance(step, Wait))
