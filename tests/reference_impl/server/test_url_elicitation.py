"""Pages that a user has to visit first: the error of 2025-11-25, the input of 2026-07-28, and word that it is done."""

from __future__ import annotations

import pytest

from reference_impl.server import AdvancedMCPServer, Context

pytestmark = pytest.mark.anyio
URLS = {"elicitation": {"form": {}, "url": {}}}
PAGE = "https://example.com/connect"


@pytest.fixture
def contexts():
    return []


@pytest.fixture
def server(contexts):
    server = AdvancedMCPServer("s")

    @server.tool()
    async def guarded(context: Context) -> str:
        contexts.append(context)
        await context.require_visit("Connect your account", PAGE, identifier="visit-1")
        return "went on"

    return server


async def test_in_2025_the_request_fails_with_the_page(over_lines, server, contexts):
    async with over_lines(server) as client:
        await client.initialize(capabilities=URLS)
        error = (await client.ask("tools/call", {"name": "guarded"}))["error"]
        assert error["code"] == -32042
        page = {"mode": "url", "elicitationId": "visit-1", "url": PAGE, "message": "Connect your account"}
        assert error["data"] == {"elicitations": [page]}
        contexts[0].elicitation_complete("visit-1")
        done = await client.receive()
        assert (done["method"], done["params"]) == (
            "notifications/elicitation/complete",
            {"elicitationId": "visit-1"},
        )


async def test_only_the_client_that_was_asked_hears_that_it_is_done(over_lines, server, contexts):
    async with over_lines(server) as client, over_lines(server) as other:
        await client.initialize(capabilities=URLS)
        await other.initialize(capabilities=URLS)
        await client.ask("tools/call", {"name": "guarded"})
        contexts[0].elicitation_complete("visit-1")
        await client.fence()
        await other.fence()
        assert [message["method"] for message in client.seen] == ["notifications/elicitation/complete"]
        assert other.seen == []


async def test_in_2026_the_page_is_an_input_that_is_required(over_lines, server, contexts):
    async with over_lines(server) as client:
        asked = (await client.modern("tools/call", {"name": "guarded"}, URLS))["result"]
        assert asked["resultType"] == "input_required"
        assert asked["inputRequests"]["visit"]["params"] == {
            "mode": "url",
            "url": PAGE,
            "message": "Connect your account",
        }
        for action, told in (("accept", "went on"), ("decline", "Cannot go on without the page")):
            again = {"requestState": asked["requestState"], "inputResponses": {"visit": {"action": action}}}
            result = (await client.modern("tools/call", {"name": "guarded", **again}, URLS))["result"]
            assert result["content"][0]["text"].startswith(told)
        contexts[0].elicitation_complete("visit-1")
        await client.modern("server/discover")
        assert client.seen == []


@pytest.mark.parametrize(
    ("version", "capabilities"), [("2025-11-25", {"elicitation": {}}), ("2025-06-18", URLS), ("2024-11-05", URLS)]
)
async def test_a_client_that_cannot_show_pages_is_told_in_words(over_lines, server, contexts, version, capabilities):
    async with over_lines(server) as client:
        await client.initialize(version, capabilities)
        result = (await client.ask("tools/call", {"name": "guarded"}))["result"]
        assert result["isError"] is True
        contexts[0].elicitation_complete("visit-1")
        await client.fence()
        assert client.seen == []
