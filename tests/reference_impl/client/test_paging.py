"""Lists in pages, and pages that are kept."""

import pytest

from reference_impl.client import CallOptions, InvalidAnswer

pytestmark = pytest.mark.anyio


async def serve_pages(peer, *steps):
    """Answer list requests: each step is the cursor expected, and the result's members."""
    for cursor, result in steps:
        request = await peer.expect("tools/list")
        assert request["params"].get("cursor") == cursor
        await peer.complete(request, **result)


def page(*names, **more):
    return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names], **more}


async def names(client, **options):
    return [tool["name"] for tool in await client.list_tools(CallOptions(**options))]


async def test_any_string_is_a_cursor_and_its_absence_the_end(talk):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, page("a", nextCursor="")), ("", page(nextCursor=" x\n")), (" x\n", page("b")))

    async with talk(server) as client:
        assert await names(client) == ["a", "b"]


async def test_a_null_cursor_ends_the_list_too(talk):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, page("a", nextCursor=None)))

    async with talk(server) as client:
        assert await names(client) == ["a"]


async def test_a_cursor_that_comes_again_is_an_invalid_answer(talk):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, page("a", nextCursor="1")), ("1", page("b", nextCursor="1")))

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="cursor '1' again"):
            await client.list_tools()


@pytest.mark.parametrize("result", [{}, {"tools": {}}, {"tools": ["a"]}], ids=str)
async def test_a_page_without_a_list_is_an_invalid_answer(talk, result):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, result))

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="no list of tools"):
            await client.list_tools()


async def test_fresh_pages_are_not_asked_for_again(talk):
    async def server(peer):
        await peer.open_modern()
        kept = {"ttlMs": 60_000, "cacheScope": "public"}
        await serve_pages(peer, (None, page("a", nextCursor="1", **kept)), ("1", page("b", **kept)))
        await serve_pages(peer, (None, page("c", **kept)))

    async with talk(server) as client:
        assert await names(client) == ["a", "b"]
        assert await names(client) == ["a", "b"]
        assert await names(client, fresh=True) == ["c"]


async def test_a_change_notification_makes_kept_pages_stale(talk):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, page("a", ttlMs=60_000)))
        call = await peer.expect("tools/call")
        await peer.send({"method": "notifications/tools/list_changed"})
        await peer.complete(call, content=[])
        await serve_pages(peer, (None, page("b", ttlMs=60_000)))

    async with talk(server) as client:
        assert await names(client) == ["a"]
        await client.call_tool("a")
        assert await names(client) == ["b"]


async def test_a_change_during_the_request_keeps_its_result_out_of_the_cache(talk):
    async def server(peer):
        await peer.open_modern()
        request = await peer.expect("tools/list")
        await peer.send({"method": "notifications/tools/list_changed"})
        await peer.complete(request, **page("old", ttlMs=60_000))
        await serve_pages(peer, (None, page("new", ttlMs=60_000)))

    async with talk(server) as client:
        assert await names(client) == ["old"]
        assert await names(client) == ["new"]


async def test_a_kept_cursor_that_has_become_invalid_starts_the_list_again(talk):
    async def server(peer):
        await peer.open_modern()
        await serve_pages(peer, (None, page("a", nextCursor="1", ttlMs=60_000)), ("1", page("b")))
        request = await peer.expect("tools/list")
        assert request["params"]["cursor"] == "1"
        await peer.refuse(request, -32602, "invalid cursor")
        await serve_pages(peer, (None, page("c")))

    async with talk(server) as client:
        assert await names(client) == ["a", "b"]
        assert await names(client) == ["c"]


async def test_what_answers_an_input_is_never_kept(talk):
    async def server(peer):
        await peer.open_modern()
        for _ in range(2):
            request = await peer.expect("resources/read")
            await peer.answer(request, {"resultType": "input_required", "requestState": "s"})
            await peer.complete(await peer.expect("resources/read"), contents=[], ttlMs=60_000, cacheScope="public")

    async with talk(server) as client:
        for _ in range(2):
            await client.read_resource("x://y")


async def test_a_legacy_server_has_no_say_in_caching(talk):
    async def server(peer):
        await peer.open_legacy()
        for _ in range(2):
            await peer.answer(await peer.expect("resources/read"), {"contents": [], "ttlMs": 60_000})

    async with talk(server) as client:
        for _ in range(2):
            await client.read_resource("x://y")
