"""What a server says of itself and of what it offers, as each revision knows it; and what guards completion."""

from __future__ import annotations

import pytest

from reference_impl.server import AdvancedMCPServer, AuthenticationMiddleware, RateLimitingMiddleware, ServerOptions

INFO = "io.modelcontextprotocol/serverInfo"
ICON = {"src": "https://example.com/i.png", "mimeType": "image/png"}
ABOUT = {"title": "The Server", "description": "Serves", "websiteUrl": "https://example.com", "icons": [ICON]}


@pytest.fixture
def server():
    server = AdvancedMCPServer("s", "2", options=ServerOptions(about=ABOUT))

    @server.resource("mem://forever", ttlMs=3_600_000, cacheScope="private", icons=[ICON])
    async def forever() -> str:
        return "x"

    @server.resource("mem://plain")
    async def plain() -> str:
        return "x"

    @server.prompt()
    async def greet(name: str) -> str:
        return name

    @server.completion("greet", "name")
    async def names(_typed: str, _known: dict[str, str]) -> list[str]:
        return [f"name{number}" for number in range(150)]

    return server


COMPLETE = {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": ""}}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("version", "members"),
    [("2024-11-05", set()), ("2025-03-26", set()), ("2025-06-18", {"title"}), ("2025-11-25", set(ABOUT))],
)
async def test_a_server_says_of_itself_what_the_revision_knows(over_lines, server, version, members):
    async with over_lines(server) as client:
        info = (await client.initialize(version))["serverInfo"]
        assert info == {"name": "s", "version": "2"} | {key: ABOUT[key] for key in members}


@pytest.mark.anyio
async def test_discovery_tells_all_of_it_and_other_results_only_the_name(over_lines, server):
    async with over_lines(server) as client:
        discovered = (await client.modern("server/discover"))["result"]["_meta"][INFO]
        assert discovered == {"name": "s", "version": "2", **ABOUT}
        listed = (await client.modern("prompts/list"))["result"]["_meta"][INFO]
        assert listed == {"name": "s", "version": "2"}


@pytest.mark.anyio
async def test_a_resource_may_have_caching_hints_of_its_own(over_lines, server):
    async with over_lines(server) as client:
        read = (await client.modern("resources/read", {"uri": "mem://forever"}))["result"]
        assert (read["ttlMs"], read["cacheScope"]) == (3_600_000, "private")
        read = (await client.modern("resources/read", {"uri": "mem://plain"}))["result"]
        assert (read["ttlMs"], read["cacheScope"]) == (60_000, "public")
        listed = (await client.modern("resources/list"))["result"]["resources"]
        assert listed == [
            {"uri": "mem://forever", "name": "forever", "icons": [ICON]},
            {"uri": "mem://plain", "name": "plain"},
        ]


@pytest.mark.anyio
async def test_hints_are_unknown_to_legacy_clients(over_lines, server):
    async with over_lines(server) as client:
        await client.initialize()
        read = (await client.ask("resources/read", {"uri": "mem://forever"}))["result"]
        assert read == {"contents": [{"uri": "mem://forever", "text": "x"}]}


@pytest.mark.anyio
async def test_completion_is_limited_like_every_call(over_lines, server):
    server.add_middleware(RateLimitingMiddleware(rate=0.001, burst=1))
    async with over_lines(server) as client:
        answer = (await client.modern("completion/complete", COMPLETE))["result"]["completion"]
        assert (len(answer["values"]), answer["total"], answer["hasMore"]) == (100, 150, True)
        error = (await client.modern("completion/complete", COMPLETE))["error"]
        assert error["code"] == -32603
        assert "Rate limit" in error["message"]


@pytest.mark.anyio
async def test_completion_is_guarded_like_every_call(over_lines, server):
    server.add_middleware(AuthenticationMiddleware(lambda _who, kind, _name: kind != "completion"))
    async with over_lines(server) as client:
        assert "error" in await client.modern("completion/complete", COMPLETE)
        assert "result" in await client.modern("prompts/get", {"name": "greet", "arguments": {"name": "x"}})


@pytest.mark.parametrize("source", ["http://example.com/i.png", "javascript:x", "data:text/html,x", "", None])
def test_icons_that_are_not_safe_to_show_are_refused(source):
    server = AdvancedMCPServer("s")
    icons = [{"src": source}]
    for register in (
        server.tool("t", icons=icons),
        server.resource("mem://x", icons=icons),
        server.prompt("p", icons=icons),
    ):
        with pytest.raises(ValueError, match="icon"):
            register(_nothing)
    with pytest.raises(ValueError, match="icon"):
        AdvancedMCPServer("s", options=ServerOptions(about={"icons": icons}))


@pytest.mark.parametrize("uri", ["", "no scheme", "/path", "1x://a", "{scheme}://x"])
def test_a_resource_needs_a_uri(uri):
    with pytest.raises(ValueError, match="no URI"):
        AdvancedMCPServer("s").resource(uri)(_nothing)


def test_hints_are_checked():
    with pytest.raises(ValueError, match="ttlMs"):
        AdvancedMCPServer("s").resource("mem://x", ttlMs=-1)(_nothing)


async def _nothing() -> str:
    return "x"
