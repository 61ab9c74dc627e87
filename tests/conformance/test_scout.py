"""A first look at a target: what it offers, or in one line why it offers nothing."""

from __future__ import annotations

import sys

import anyio
import pytest

from conformance.scout import Scouted, Unreachable, scout
from conformance.surface import Permission
from conformance.target import HttpTarget, StdioTarget, Target
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

from .scripted import BRISK, Message, Scripted, Wire


def _scout(target: Target, *wanted: str) -> Scouted:
    return anyio.run(scout, target, BRISK, Permission(frozenset({"write"})), wanted)


def test_a_look_finds_lists_and_capabilities_and_keeps_the_permission() -> None:
    async def tools(wire: Wire, message: Message) -> None:
        await wire.reply(message, {"tools": [{"name": "write", "inputSchema": {"type": "object"}}]})

    scouted = _scout(Scripted({"tools/list": tools}, {"tools": {}}).target)
    surface = scouted.surfaces[LATEST_LEGACY.name]
    assert [call.params for call in surface.calls()] == [{"name": "write", "arguments": {}}]
    assert scouted.capabilities == {LATEST_LEGACY.name: {"tools": {}}}


def test_a_target_that_opens_only_once_says_so() -> None:
    async def twice(wire: Wire, message: Message) -> None:
        await (wire.reply(message, server.greeting()) if wire.number <= 2 else wire.leave())

    server = Scripted({"initialize": twice})
    with pytest.raises(Unreachable, match="the handshake worked once, and then failed"):
        _scout(server.target)


def test_a_command_that_gives_no_answer_is_told_what_was_tried_and_what_may_help() -> None:
    talks = "import sys; print('usage: tool FILE', file=sys.stderr, flush=True); sys.stdin.read()"
    with pytest.raises(Unreachable, match=r"silence for .* sent server/discover .* usage: tool FILE\. .*--start"):
        _scout(StdioTarget((sys.executable, "-c", talks)))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (StdioTarget(("/no/such/program",)), "could not be started"),
        (HttpTarget("http://127.0.0.1:1/mcp"), "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_reached_is_said_in_one_line(target: Target, words: str) -> None:
    with pytest.raises(Unreachable, match=words) as caught:
        _scout(target)
    assert "\n" not in str(caught.value)


def test_a_revision_that_is_not_spoken_is_named_beside_those_that_are() -> None:
    with pytest.raises(Unreachable, match=f"does not speak {LATEST.name}"):
        _scout(Scripted().target, LATEST.name)


def test_an_older_revision_that_is_wanted_is_offered() -> None:
    async def any_version(wire: Wire, message: Message) -> None:
        offered = message["params"]["protocolVersion"]
        await wire.reply(message, {**server.greeting(), "protocolVersion": offered})

    server = Scripted({"initialize": any_version})
    assert set(_scout(server.target, "2025-03-26").surfaces) == {"2025-03-26"}


def test_an_older_revision_that_is_answered_with_a_newer_one_is_not_spoken() -> None:
    with pytest.raises(Unreachable, match="expected protocolVersion 2025-03-26, which was offered"):
        _scout(Scripted().target, "2025-03-26")
