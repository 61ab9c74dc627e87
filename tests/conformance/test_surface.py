"""What a target offers, and what of it may be used."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.expect import Blocked, Inapplicable
from conformance.peer import Peer
from conformance.surface import Permission, Surface, gather

from .scripted import Message, Scripted, Wire
from .test_peer import with_peer

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def tool(name: str, schema: Any = None, **annotations: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": schema or {"type": "object"}, "annotations": annotations}


def surface(*tools: dict[str, Any], **permission: Any) -> Surface:
    return Surface(Permission(**permission), list(tools))


READ = tool("read", TEXT, readOnlyHint=True)


@pytest.mark.parametrize("hint", [False, None, "true", 1])
def test_only_a_tool_that_says_it_is_read_only_is_called_unasked(hint: Any) -> None:
    assert [call.tool["name"] for call in surface(READ, tool("write", readOnlyHint=hint)).calls()] == ["read"]


def test_the_user_allows_tools_by_name_and_gives_samples() -> None:
    own = surface(tool("write", TEXT), allowed=frozenset({"write"}), samples={"write": {"text": "mine"}})
    assert own.need_call().params == {"name": "write", "arguments": {"text": "mine"}}


@pytest.mark.parametrize("annotations", [None, [], "readOnlyHint"])
def test_annotations_that_are_no_object_say_nothing(annotations: Any) -> None:
    assert not list(surface({"name": "x", "annotations": annotations}).calls())


def test_without_tools_calls_do_not_apply_and_without_permission_they_are_blocked() -> None:
    with pytest.raises(Inapplicable):
        surface().need_call()
    with pytest.raises(Blocked, match="--allow"):
        surface(tool("write")).need_call()


def test_a_slow_tool_is_not_taken_for_a_quick_one() -> None:
    seconds = {"type": "object", "properties": {"seconds": {"type": "number"}}}
    both = surface(tool("sleep", seconds, readOnlyHint=True), READ)
    assert both.need_call().tool["name"] == "read"
    assert both.need_slow(2.5).params == {"name": "sleep", "arguments": {"seconds": 2.5}}
    with pytest.raises(Blocked, match="slow"):
        surface(READ).need_slow(1)


def test_a_slow_tool_gets_seconds_in_the_form_that_its_schema_wants_or_is_none() -> None:
    def named(**member: Any) -> Surface:
        return surface(tool("waiting_list", {"type": "object", "properties": {"time": member}}, readOnlyHint=True))

    assert repr(named(type="number").need_slow(1.0).arguments) == "{'time': 1}"
    assert repr(named(type="integer").need_slow(0.4).arguments) == "{'time': 1}"
    for member in ({"type": "string"}, {"type": "number", "maximum": 0.1}):
        with pytest.raises(Blocked, match="slow"):
            named(**member).need_slow(0.4)


def test_an_echo_takes_text_of_any_size_and_content() -> None:
    call, member = surface(READ).need_echo()
    assert (call.tool["name"], member) == ("read", "text")
    short = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 3}}}
    with pytest.raises(Blocked, match="free string"):
        surface(tool("read", short, readOnlyHint=True)).need_echo()


def test_what_is_listed_wrongly_is_passed_over() -> None:
    odd = Surface(resources=[{"uri": 7}, {"uri": "a://b"}], prompts=[{"name": None}, {"name": "p", "arguments": "x"}])
    assert odd.need_resource() == {"uri": "a://b"}
    assert odd.need_prompt()[0]["name"] == "p"


def _gathered(pages: dict[Any, Any]) -> tuple[list[Any], Scripted]:
    async def listing(wire: Wire, message: Message) -> None:
        page = pages.get((message.get("params") or {}).get("cursor"))
        await (wire.refuse(message) if page is None else wire.reply(message, page))

    server = Scripted({"tools/list": listing}, {"tools": {}})

    async def scene(peer: Peer) -> list[Any]:
        await gather(peer)
        return peer.surface.tools

    return with_peer(server, scene), server


def test_pages_are_followed_to_the_end_and_undeclared_lists_are_not_asked_for() -> None:
    tools, server = _gathered({None: {"tools": [{"name": "a"}], "nextCursor": "2"}, "2": {"tools": [{"name": "b"}]}})
    assert [item["name"] for item in tools] == ["a", "b"]
    assert {message["method"] for message in server.heard if message["method"].endswith("/list")} == {"tools/list"}


@pytest.mark.parametrize(
    "first",
    [
        {"tools": "none", "nextCursor": 7},
        {"tools": [7, None, "x"]},
        {"nextCursor": "gone"},
        {"tools": {}, "nextCursor": "gone"},
        [],
        None,
    ],
)
def test_a_list_that_is_none_leaves_the_surface_empty(first: Any) -> None:
    assert _gathered({None: first})[0] == []


def test_a_cursor_that_goes_in_circles_is_not_followed_for_ever() -> None:
    tools, server = _gathered(
        {None: {"tools": [], "nextCursor": "a"}, "a": {"tools": [], "nextCursor": "b"}, "b": {"nextCursor": "a"}}
    )
    assert tools == []
    assert len(server.heard) < 100


def test_a_tool_that_requires_a_task_is_called_as_one_only() -> None:
    tools = {
        support: tool(str(support), readOnlyHint=True) | {"execution": {"taskSupport": support}} for support in SUPPORT
    }
    own = surface(READ, *tools.values(), tool("write") | {"execution": {"taskSupport": "optional"}})
    assert [call.tool["name"] for call in own.calls()] == ["read", "forbidden", "optional"]
    assert [call.tool["name"] for call in own.task_calls()] == ["optional", "required"]


SUPPORT = ("forbidden", "optional", "required")
