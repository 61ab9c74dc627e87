"""A server that takes over what another one offers."""

from reference_impl.protocol.revisions import LATEST
from reference_impl.server import AdvancedMCPServer


def server_with(*tools, prompt="Asks."):
    server = AdvancedMCPServer("s")
    for name in tools:
        server.tool(name, f"Does {name}.")(lambda: "done")
    server.prompt("p", prompt)(lambda: "p")
    return server


def names(server):
    return [tool["name"] for tool in server.listing("tools", LATEST)]


def test_what_the_other_offers_takes_the_place_of_all_that_was_offered():
    server, other = server_with("a", "b"), server_with("c", "a")
    assert names(server) == ["a", "b"]
    assert server.adopt(other) == ["tools"]
    assert names(server) == ["c", "a"]
    assert server.tools["a"] is other.tools["a"]


def test_lists_that_read_the_same_are_not_counted_as_changed():
    server = server_with("a")
    assert server.adopt(server_with("a")) == []
    assert server.adopt(server_with("a", prompt="Asks otherwise.")) == ["prompts"]
    assert server.listing("prompts", LATEST)[0]["description"] == "Asks otherwise."


def test_completions_come_along():
    server, other = server_with("a"), server_with("a")

    @other.completion("p", "x")
    async def complete(_value, _known):
        return []

    server.adopt(other)
    assert server.capabilities(LATEST)["completions"] == {}
