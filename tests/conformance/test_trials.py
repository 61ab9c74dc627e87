"""Calls that are tried: the first that is answered well, and what the others were answered."""

from __future__ import annotations

import anyio
import pytest

from conformance.scout import scout
from conformance.surface import Permission
from conformance.trials import Tried
from reference_impl.protocol.revisions import LATEST_LEGACY

from .scripted import BRISK, Message, Scripted, Wire

_BAD = {"isError": True, "content": [{"type": "text", "text": "no such\n zone"}]}
_GOOD = {"content": []}


def _tried(answers: dict[str, Message]) -> tuple[Tried, list[str]]:
    """Return what became of the trials on a server whose tools answer so, and which were called."""

    async def tools(wire: Wire, message: Message) -> None:
        listed = [{"name": name, "inputSchema": {"type": "object"}} for name in answers]
        await wire.reply(message, {"tools": listed})

    async def call(wire: Wire, message: Message) -> None:
        called.append(message["params"]["name"])
        await wire.reply(message, answers[message["params"]["name"]])

    called: list[str] = []
    server = Scripted({"tools/list": tools, "tools/call": call}, {"tools": {}})
    found = anyio.run(scout, server.target, BRISK, Permission(frozenset(answers)))
    return found.tried[LATEST_LEGACY.name], called


def test_calls_are_tried_until_one_is_answered_well() -> None:
    tried, called = _tried({"zone": _BAD, "now": _GOOD, "then": _GOOD})
    assert tried.answered is not None
    assert (tried.answered.tool["name"], tried.refused, called) == ("now", {"zone": "no such zone"}, ["zone", "now"])


def test_no_more_than_five_are_tried_and_none_that_looks_slow() -> None:
    tried, called = _tried({"sleep": _GOOD, **{f"zone{number}": _BAD for number in range(8)}})
    assert (tried.answered, called) == (None, [f"zone{number}" for number in range(5)])
    assert list(tried.refused) == called


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"isError": True, "content": []}, "isError"),
        ({"resultType": "input_required", "inputRequests": {}}, "it asks for input"),
    ],
)
def test_an_answer_that_is_no_result_is_told(answer: Message, said: str) -> None:
    assert _tried({"zone": answer})[0] == Tried(refused={"zone": said})
