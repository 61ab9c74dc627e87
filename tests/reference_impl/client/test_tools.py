"""Structured results and the schemas that tools promise them by."""

import pytest

from reference_impl.client import InvalidAnswer

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "required": ["sum"]}


def compile_schema(schema):
    if schema != SCHEMA:
        raise ValueError("unknown dialect")
    return lambda value: None if "sum" in value else "'sum' is a required property"


def server_answering(result, schema=SCHEMA):
    async def server(peer):
        await peer.open_modern()
        tool = {"name": "add", "inputSchema": {"type": "object"}, "outputSchema": schema}
        await peer.complete(await peer.expect("tools/list"), tools=[tool])
        await peer.complete(await peer.expect("tools/call"), content=[], **result)

    return server


@pytest.mark.parametrize(
    "result",
    [{"structuredContent": {"sum": 1}}, {"isError": True}, {"isError": True, "structuredContent": {}}],
    ids=str,
)
async def test_a_result_that_keeps_the_promise_or_is_an_error_passes(talk, result):
    async with talk(server_answering(result), compile_schema=compile_schema) as client:
        await client.list_tools()
        assert (await client.call_tool("add"))["content"] == []


@pytest.mark.parametrize(
    ("result", "reason"), [({"structuredContent": {}}, "'sum' is a required property"), ({}, "lacks")], ids=str
)
async def test_a_result_that_breaks_the_promise_is_an_invalid_answer(talk, result, reason):
    async with talk(server_answering(result), compile_schema=compile_schema) as client:
        await client.list_tools()
        with pytest.raises(InvalidAnswer, match=reason):
            await client.call_tool("add")


async def test_no_result_is_good_by_a_schema_that_cannot_be_judged_by(talk):
    result = {"structuredContent": {"sum": 1}}
    async with talk(server_answering(result, {"$schema": "x"}), compile_schema=compile_schema) as client:
        await client.list_tools()
        with pytest.raises(InvalidAnswer, match="unknown dialect"):
            await client.call_tool("add")


async def test_what_has_no_array_for_content_is_an_invalid_answer(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.complete(await peer.expect("tools/call"), content="done")

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="no array"):
            await client.call_tool("add")


async def test_without_a_compiler_nothing_is_judged(talk):
    async with talk(server_answering({}), compile_schema=None) as client:
        await client.list_tools()
        assert (await client.call_tool("add"))["content"] == []


async def test_results_are_judged_unless_it_is_switched_off(talk):
    async with talk(server_answering({"structuredContent": {}})) as client:
        await client.list_tools()
        with pytest.raises(InvalidAnswer, match="sum"):
            await client.call_tool("add")


async def test_tools_that_have_changed_since_are_held_to_no_old_promise(talk):
    async def server(peer):
        await peer.open_modern()
        tool = {"name": "add", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA}
        await peer.complete(await peer.expect("tools/list"), tools=[tool])
        call = await peer.expect("tools/call")
        await peer.send({"method": "notifications/tools/list_changed"})
        await peer.complete(call, content=[], structuredContent={"total": 1})

    async with talk(server) as client:
        await client.list_tools()
        assert (await client.call_tool("add"))["structuredContent"] == {"total": 1}


async def test_a_schema_is_compiled_once_as_long_as_it_stays_the_same(talk):
    compiled = []

    def compile_schema(schema):
        compiled.append(schema)
        return lambda _: None

    async def server(peer):
        await peer.open_modern()
        for required in ([], [], ["sum"]):
            tool = {"name": "add", "inputSchema": {"type": "object"}, "outputSchema": {"required": required}}
            await peer.complete(await peer.expect("tools/list"), tools=[tool])
            await peer.complete(await peer.expect("tools/call"), content=[], structuredContent={})

    async with talk(server, compile_schema=compile_schema) as client:
        for _ in range(3):
            await client.list_tools()
            await client.call_tool("add")
    assert compiled == [{"required": []}, {"required": ["sum"]}]
