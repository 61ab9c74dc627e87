"""Scopes of tools, resources and prompts over HTTP."""

import pytest

from reference_impl.server import AdvancedMCPServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "params", "scope"),
    [
        ("tools/call", {"name": "write"}, "mcp files:read files:write"),
        ("resources/read", {"uri": "secret://one"}, "mcp secrets"),
        ("resources/read", {"uri": "secret://of/ann"}, "mcp secrets"),
        ("prompts/get", {"name": "plan", "arguments": {"topic": "x"}}, "mcp plans"),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "plan"}, "argument": {"name": "topic", "value": ""}},
            "mcp plans",
        ),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["secret://one"]}}, "mcp secrets"),
    ],
)
async def test_what_needs_more_is_refused_with_all_that_it_needs(web, bearer, method, params, scope):
    reply = await web.modern(method, params, headers=bearer("eve"))
    assert reply.status == 403
    challenge = reply.headers["www-authenticate"]
    assert f'error="insufficient_scope", scope="{scope}"' in challenge
    assert "resource_metadata=" in challenge


async def test_nothing_of_a_refused_tool_runs(guarded, bearer):
    web = guarded()
    await web.modern("tools/call", {"name": "write"}, headers=bearer("ann"))
    assert web.application.server.instructions is None
    await web.modern("tools/call", {"name": "write"}, headers=bearer("ann-again"))
    assert web.application.server.instructions == "written"


async def test_a_broad_scope_holds_its_narrower_ones(guarded, bearer):
    implied = {"admin": ("files", "secrets"), "files": ("files:read", "files:write"), "secrets": ("admin",)}
    web = guarded(implied=implied)
    assert (await web.modern("tools/call", {"name": "write"}, headers=bearer("all"))).status == 200
    assert (await web.modern("resources/read", {"uri": "secret://one"}, headers=bearer("all"))).status == 200
    assert (await web.modern("tools/call", {"name": "write"}, headers=bearer("eve"))).status == 403


async def test_hostile_params_reach_nothing_and_break_nothing(web, bearer):
    for params in ({"name": ["write"]}, {"name": None}, {"uri": {}}, {"ref": 1}, {"notifications": []}, {}):
        for method in ("tools/call", "resources/read", "prompts/get", "completion/complete", "subscriptions/listen"):
            reply = await web.modern(method, params, headers=bearer("eve") | {"mcp-name": None})
            assert reply.status != 403
            assert "error" in reply.json


async def test_a_batch_is_refused_as_a_whole_with_all_that_its_members_need(web, bearer):
    params = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    opened = await web.send(body=body, headers=bearer("ann"))
    session = {"mcp-session-id": opened.headers["mcp-session-id"]} | bearer("ann")
    calls = [
        ("tools/call", {"name": "who"}),
        ("tools/call", {"name": "write"}),
        ("resources/read", {"uri": "secret://one"}),
    ]
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": name, "params": with_} for number, (name, with_) in enumerate(calls)
    ]
    reply = await web.send(body=[*batch, 7, {"no": "message"}], headers=session)
    assert reply.status == 403
    assert 'scope="mcp files:read files:write secrets"' in reply.headers["www-authenticate"]
    assert web.application.server.instructions is None
    assert len((await web.send(body=batch[:1], headers=session)).json) == 1


async def listed(web, headers, method, member):
    return [item["name"] for item in (await web.modern(method, headers=headers)).json["result"][member]]


async def test_lists_name_everything_or_hide_what_a_token_does_not_reach(guarded, bearer):
    ann = bearer("ann-again")
    for hides, tools, resources, templates, prompts in (
        (False, ["who", "write"], ["one", "open"], ["some"], ["plan"]),
        (True, ["who", "write"], ["open"], [], []),
    ):
        web = guarded(hides=hides)
        assert await listed(web, ann, "tools/list", "tools") == tools
        assert await listed(web, ann, "resources/list", "resources") == resources
        assert await listed(web, ann, "resources/templates/list", "resourceTemplates") == templates
        assert await listed(web, ann, "prompts/list", "prompts") == prompts
    assert await listed(guarded(hides=True), bearer("eve"), "tools/list", "tools") == ["who"]


async def test_what_a_token_was_answered_with_is_for_no_shared_cache(web, bearer):
    assert (await web.modern("tools/list", headers=bearer("ann"))).json["result"]["cacheScope"] == "private"


async def test_scopes_are_never_on_the_wire(web, bearer):
    for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list"):
        assert b'"scopes"' not in (await web.modern(method, headers=bearer("ann"))).body


async def test_without_authorization_scopes_mean_nothing(over_lines):
    server = AdvancedMCPServer("open")

    @server.tool("write", scopes=("files:write",))
    async def write(context) -> str:
        return f"{context.access} {sorted(context.scopes)}"

    async with over_lines(server) as client:
        answer = await client.modern("tools/call", {"name": "write"})
    assert answer["result"]["content"][0]["text"] == "None []"


def test_scopes_are_several_strings():
    with pytest.raises(ValueError, match="several"):
        AdvancedMCPServer("s").tool("t", scopes="files")(lambda: "x")
