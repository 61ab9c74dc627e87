"""What the server offers, method by method, in the revisions where it differs."""

import pytest

from reference_impl.metrics import ServerMetrics
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.server import AdvancedMCPServer, ServerOptions, ToolResult, link
from reference_impl.servers.everything import make_server

pytestmark = pytest.mark.anyio
LEGACY = [revision.name for revision in REVISIONS if not revision.modern]
FAILS = "This tool always fails"
INFO = {"name": "everything", "version": "1.0.0"}


@pytest.mark.parametrize("version", LEGACY)
async def test_an_offered_legacy_version_is_accepted(over_lines, version):
    async with over_lines() as client:
        result = await client.initialize(version)
        assert result["protocolVersion"] == version
        assert result["serverInfo"] == INFO
        assert result["capabilities"]["tools"] == {"listChanged": True}


@pytest.mark.parametrize("version", ["1999-01-01", "2099-01-01", "2026-07-28", ""])
async def test_an_unknown_version_is_answered_with_the_newest_legacy_one(over_lines, version):
    async with over_lines() as client:
        assert (await client.initialize(version))["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    "params", [{}, {"protocolVersion": "2025-11-25"}, {"protocolVersion": 1, "capabilities": {}, "clientInfo": {}}]
)
async def test_a_malformed_initialize_is_refused_and_opens_nothing(over_lines, params):
    async with over_lines() as client:
        assert (await client.ask("initialize", params))["error"]["code"] == -32602
        assert "error" in await client.ask("tools/list")


async def test_discovery_tells_versions_capabilities_and_how_long_to_believe_it(over_lines):
    async with over_lines() as client:
        result = (await client.modern("server/discover"))["result"]
        assert result["supportedVersions"] == [revision.name for revision in reversed(REVISIONS)]
        assert result["resultType"] == "complete"
        assert result["ttlMs"] >= 0
        assert result["cacheScope"] == "public"
        assert result["_meta"] == {"io.modelcontextprotocol/serverInfo": INFO}
        assert set(result["capabilities"]) == {"tools", "resources", "prompts", "completions", "logging", "extensions"}


async def test_a_version_that_is_not_served_is_refused_with_those_that_are(over_lines):
    async with over_lines() as client:
        meta = {"io.modelcontextprotocol/protocolVersion": "1900-01-01"}
        error = (await client.modern("tools/list", **meta))["error"]
        assert error["code"] == -32022
        assert error["data"]["requested"] == "1900-01-01"
        assert "2026-07-28" in error["data"]["supported"]


@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
async def test_a_modern_request_without_its_metadata_is_refused(over_lines, missing):
    async with over_lines() as client:
        meta = {f"io.modelcontextprotocol/{missing}": None}
        assert (await client.modern("tools/list", **meta))["error"]["code"] == -32602


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "roots/list", "no/such"]
)
async def test_methods_that_the_modern_era_lacks_do_not_exist(over_lines, method):
    async with over_lines() as client:
        assert (await client.modern(method))["error"]["code"] == -32601


@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen", "sampling/createMessage", "no/such"])
async def test_methods_that_the_legacy_era_lacks_do_not_exist(over_lines, method):
    async with over_lines() as client:
        await client.initialize()
        assert (await client.ask(method))["error"]["code"] == -32601


async def test_what_is_not_offered_is_not_declared_and_not_served(over_lines, empty_server):
    async with over_lines(empty_server) as client:
        assert set((await client.initialize())["capabilities"]) == {"logging"}
        for method in (
            "tools/list",
            "resources/list",
            "resources/templates/list",
            "prompts/list",
            "completion/complete",
        ):
            assert (await client.ask(method))["error"]["code"] == -32601


async def test_definitions_leave_out_what_a_revision_does_not_know(over_lines):
    members = {}
    for version in LEGACY:
        async with over_lines() as client:
            await client.initialize(version)
            tools = {tool["name"]: tool for tool in (await client.ask("tools/list"))["result"]["tools"]}
            members[version] = set(tools["add"]) - {"name", "description", "inputSchema"}
    assert members == {
        "2024-11-05": set(),
        "2025-03-26": {"annotations"},
        "2025-06-18": {"annotations", "outputSchema", "title"},
        "2025-11-25": {"annotations", "outputSchema", "title"},
    }


async def test_lists_come_in_the_same_order_every_time(over_lines):
    async with over_lines() as client:
        first = await client.modern("tools/list")
        second = await client.modern("tools/list")
        assert first["result"] == second["result"]


@pytest.mark.parametrize("arguments", [{}, {"a": 1}, {"a": "x", "b": 1}, {"a": 1, "b": 2, "c": 3}])
async def test_bad_arguments_are_error_results_since_2025_11_25_and_errors_before(over_lines, arguments):
    call = {"name": "add", "arguments": arguments}
    async with over_lines() as client:
        await client.initialize("2025-11-25")
        assert (await client.ask("tools/call", call))["result"]["isError"] is True
        assert (await client.modern("tools/call", call))["result"]["isError"] is True
    async with over_lines() as client:
        await client.initialize("2025-06-18")
        assert (await client.ask("tools/call", call))["error"]["code"] == -32602


@pytest.mark.parametrize("params", [{}, {"name": 1}, {"name": "nobody"}, {"name": "echo", "arguments": "x"}])
async def test_calls_of_no_tool_are_protocol_errors(over_lines, params):
    async with over_lines() as client:
        await client.initialize()
        assert (await client.ask("tools/call", params))["error"]["code"] == -32602


async def test_structured_content_is_repeated_as_text_and_kept_from_revisions_without_it(over_lines):
    call = {"name": "add", "arguments": {"a": 1, "b": 2}}
    async with over_lines() as client:
        await client.initialize("2025-03-26")
        assert (await client.ask("tools/call", call))["result"] == {"content": [{"type": "text", "text": '{"sum":3}'}]}
        assert (await client.modern("tools/call", call))["result"]["structuredContent"] == {"sum": 3}


async def test_structured_content_that_is_no_object_waits_for_2026_07_28(over_lines, empty_server):
    @empty_server.tool("list", outputSchema={"type": "array"})
    async def numbers() -> list[int]:
        return [1, 2]

    async with over_lines(empty_server) as client:
        await client.initialize()
        assert "outputSchema" not in (await client.ask("tools/list"))["result"]["tools"][0]
        assert "structuredContent" not in (await client.ask("tools/call", {"name": "list"}))["result"]
        assert (await client.modern("tools/call", {"name": "list"}))["result"]["structuredContent"] == [1, 2]


async def test_output_that_does_not_fit_its_schema_is_an_error_result(over_lines, empty_server):
    @empty_server.tool("broken", outputSchema={"type": "object", "required": ["x"]})
    async def broken() -> dict[str, int]:
        return {}

    async with over_lines(empty_server) as client:
        result = (await client.modern("tools/call", {"name": "broken"}))["result"]
        assert result["isError"] is True
        assert "structuredContent" not in result


async def test_content_that_a_revision_lacks_is_told_in_words(over_lines):
    async with over_lines() as client:
        await client.initialize("2024-11-05")
        for name in ("audio", "link"):
            blocks = (await client.ask("tools/call", {"name": name}))["result"]["content"]
            assert {block["type"] for block in blocks} == {"text"}
        assert (await client.modern("tools/call", {"name": "audio"}))["result"]["content"][0]["type"] == "audio"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("too big"), "Invalid input: too big"),
        (PermissionError("/etc/shadow"), "Permission denied for this operation"),
        (FileNotFoundError("/secret/path"), "Requested resource not found"),
        (RuntimeError("password=hunter2"), "An unexpected error occurred"),
    ],
)
async def test_failures_of_tools_are_results_that_leak_nothing(over_lines, empty_server, error, told):
    @empty_server.tool("failing")
    async def failing() -> str:
        raise error

    async with over_lines(empty_server) as client:
        result = (await client.modern("tools/call", {"name": "failing"}))["result"]
        assert result["isError"] is True
        assert result["content"] == [{"type": "text", "text": told}]


async def test_a_tool_result_says_everything_itself(over_lines, empty_server):
    @empty_server.tool("full")
    async def full() -> ToolResult:
        return ToolResult([link("test://x", "x")], structured=None, meta={"com.example/a": 1})

    async with over_lines(empty_server) as client:
        result = (await client.modern("tools/call", {"name": "full"}))["result"]
        assert result["content"][0]["type"] == "resource_link"
        assert result["structuredContent"] is None
        assert result["_meta"]["com.example/a"] == 1


async def test_pages_cover_a_list_once_and_end(over_lines):
    async with over_lines() as client:
        uris, cursor = [], {}
        while True:
            result = (await client.modern("resources/list", cursor))["result"]
            uris += [resource["uri"] for resource in result["resources"]]
            if "nextCursor" not in result:
                break
            cursor = {"cursor": result["nextCursor"]}
        assert len(uris) == len(set(uris)) == 15


@pytest.mark.parametrize("method", ["tools/list", "prompts/list", "resources/list", "resources/templates/list"])
@pytest.mark.parametrize("cursor", ["bogus", "", 7, {}, "dG9vbHMvbGlzdDo1", "cmVzb3VyY2VzL2xpc3Q6Nw=="])
async def test_cursors_that_were_never_given_out_are_refused(over_lines, method, cursor):
    async with over_lines() as client:
        assert (await client.modern(method, {"cursor": cursor}))["error"]["code"] == -32602


async def test_resources_are_read_as_text_blob_or_by_template(over_lines):
    async with over_lines() as client:

        async def read(uri):
            return (await client.modern("resources/read", {"uri": uri}))["result"]["contents"][0]

        assert (await read("test://static-text"))["text"] == "A static text, the same at every reading."
        assert (await read("test://static-binary"))["blob"].startswith("iVBORw0KGgo")
        assert await read("test://square/12") == {"uri": "test://square/12", "mimeType": "text/plain", "text": "144"}
        assert (await read("test://echo/a/b%20c"))["text"] == "a/b c"


@pytest.mark.parametrize("uri", ["test://nobody", "test://square/x", "file:///etc/passwd", ""])
async def test_unknown_resources_have_the_code_of_the_revision(over_lines, uri):
    async with over_lines() as client:
        await client.initialize()
        assert (await client.ask("resources/read", {"uri": uri}))["error"]["code"] == -32002
        assert (await client.modern("resources/read", {"uri": uri}))["error"]["code"] == -32602


async def test_prompts_are_filled_in(over_lines):
    async with over_lines() as client:
        params = {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "b", "other": "c"}}
        result = (await client.modern("prompts/get", params))["result"]
        text = "Please compare 'a' with 'b'."
        assert result["messages"] == [{"role": "user", "content": {"type": "text", "text": text}}]
        roles = (await client.modern("prompts/get", {"name": "conversation"}))["result"]["messages"]
        assert [message["role"] for message in roles] == ["user", "assistant"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": "nobody"},
        {"name": "test_prompt_with_arguments"},
        {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a"}},
        {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": 2}},
        {"name": "test_prompt_with_arguments", "arguments": []},
    ],
)
async def test_bad_prompt_requests_are_refused(over_lines, params):
    async with over_lines() as client:
        assert (await client.modern("prompts/get", params))["error"]["code"] == -32602


async def test_completion_gives_at_most_a_hundred_values_and_says_how_many_there_are(over_lines):
    async with over_lines() as client:
        params = {
            "ref": {"type": "ref/resource", "uri": "test://template/{id}/data"},
            "argument": {"name": "id", "value": ""},
        }
        completion = (await client.modern("completion/complete", params))["result"]["completion"]
        assert len(completion["values"]) == 100
        assert (completion["total"], completion["hasMore"]) == (200, True)


async def test_completion_knows_prompts_and_their_arguments(over_lines):
    async with over_lines() as client:
        ref = {"type": "ref/prompt", "name": "review"}
        params = {"ref": ref, "argument": {"name": "language", "value": "ru"}, "context": {"arguments": {"code": "x"}}}
        values = (await client.modern("completion/complete", params))["result"]["completion"]["values"]
        assert values == ["ruby", "rust"]
        params = {"ref": ref, "argument": {"name": "code", "value": ""}}
        assert (await client.modern("completion/complete", params))["result"]["completion"]["values"] == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"ref": {"type": "ref/prompt", "name": "nobody"}, "argument": {"name": "a", "value": ""}},
        {"ref": {"type": "ref/other", "name": "review"}, "argument": {"name": "language", "value": ""}},
        {"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "nothing", "value": ""}},
        {"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "language"}},
        {"ref": {"type": "ref/prompt", "name": "review"}},
        {"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "language", "value": ""}, "context": []},
    ],
)
async def test_bad_completion_requests_are_refused(over_lines, params):
    async with over_lines() as client:
        assert (await client.modern("completion/complete", params))["error"]["code"] == -32602


async def test_a_legacy_client_chooses_its_log_level(over_lines):
    async with over_lines() as client:
        await client.initialize()
        call = {"name": "log", "arguments": {"level": "info", "count": 2}}
        await client.ask("tools/call", call)
        assert [message["params"]["level"] for message in client.seen] == ["info", "info"]
        assert (await client.ask("logging/setLevel", {"level": "error"}))["result"] == {}
        client.seen.clear()
        await client.ask("tools/call", call)
        assert client.seen == []
        assert (await client.ask("logging/setLevel", {"level": "loud"}))["error"]["code"] == -32602


async def test_a_modern_request_gets_the_log_messages_that_it_asks_for_and_no_others(over_lines):
    async with over_lines() as client:
        call = {"name": "log", "arguments": {"level": "info", "count": 1}}
        for level, heard in ((None, 0), ("error", 0), ("info", 1), ("debug", 1)):
            client.seen.clear()
            meta = {} if level is None else {"io.modelcontextprotocol/logLevel": level}
            await client.modern("tools/call", call, **meta)
            assert len(client.seen) == heard
        meta = {"io.modelcontextprotocol/logLevel": "loud"}
        assert (await client.modern("tools/call", call, **meta))["error"]["code"] == -32602


@pytest.mark.parametrize("token", ["abc", 0, 17])
async def test_progress_carries_the_token_and_only_rises(over_lines, token):
    async with over_lines() as client:
        call = {"name": "slow", "arguments": {"seconds": 0, "steps": 5}}
        await client.modern("tools/call", call, progressToken=token)
        assert [message["params"]["progressToken"] for message in client.seen] == [token] * 5
        assert [message["params"]["progress"] for message in client.seen] == [1, 2, 3, 4, 5]


async def test_without_a_token_there_is_no_progress_and_falling_values_are_left_out(over_lines, empty_server):
    @empty_server.tool("jumpy")
    async def jumpy(context) -> str:
        for value in (1, 3, 2, 3, float("nan"), 4.5):
            context.progress(value)
        return "done"

    async with over_lines(empty_server) as client:
        await client.modern("tools/call", {"name": "jumpy"})
        assert client.seen == []
        await client.modern("tools/call", {"name": "jumpy"}, progressToken="p")
        assert [message["params"]["progress"] for message in client.seen] == [1, 3, 4.5]


async def test_messages_of_progress_are_left_out_where_the_revision_has_none(over_lines):
    async with over_lines() as client:
        await client.initialize("2024-11-05")
        call = {"name": "slow", "arguments": {"seconds": 0, "steps": 1}, "_meta": {"progressToken": 1}}
        await client.ask("tools/call", call)
        assert client.seen[0]["params"] == {"progressToken": 1, "progress": 1, "total": 1}


async def test_prompt_and_resource_failures_are_internal_errors_without_details(over_lines, empty_server):
    @empty_server.prompt("broken")
    async def broken_prompt() -> str:
        raise RuntimeError("secret")

    @empty_server.resource("test://broken")
    async def broken_resource() -> str:
        raise RuntimeError("secret")

    async with over_lines(empty_server) as client:
        for method, params in (("prompts/get", {"name": "broken"}), ("resources/read", {"uri": "test://broken"})):
            error = (await client.modern(method, params))["error"]
            assert error == {"code": -32603, "message": "Internal error"}


async def test_metrics_hear_of_calls_reads_and_errors(over_lines):
    class Metrics:
        def __init__(self):
            self.heard = []

        def record_tool_call(self, tool_name, duration_seconds, success):
            assert duration_seconds >= 0
            self.heard.append((tool_name, success))

        def record_resource_access(self, uri, _seconds, _success):
            self.heard.append(uri)

        def record_error(self, error_class, code, message):
            self.heard.append((error_class, code, message))

    metrics = Metrics()
    async with over_lines(make_server(metrics)) as client:
        await client.modern("tools/call", {"name": "echo", "arguments": {"text": ""}})
        await client.modern("tools/call", {"name": "fail"})
        await client.modern("resources/read", {"uri": "test://static-text"})
    assert metrics.heard == [("echo", True), ("ToolError", "fail", FAILS), ("fail", False), "test://static-text"]


async def test_the_metrics_model_counts_errors_by_name_and_reads_by_template(over_lines):
    metrics = ServerMetrics()
    async with over_lines(make_server(metrics)) as client:
        await client.modern("tools/call", {"name": "fail"})
        await client.modern("tools/call", {"name": "fail"})
        for number in (1, 2):
            await client.modern("resources/read", {"uri": f"test://template/{number}/data"})
    assert [(*kind, found.count, found.example) for kind, found in metrics.errors.kinds.items()] == [
        ("ToolError", "fail", 2, FAILS)
    ]
    assert list(metrics.resource_accesses) == ["test://template/{id}/data"]


async def test_a_server_that_never_changes_declares_no_changes_and_refuses_to_be_listened_to(over_lines):
    server = AdvancedMCPServer("still", options=ServerOptions(listens=False, logs=False))
    server.tool("one")(lambda: "1")
    async with over_lines(server) as client:
        assert (await client.modern("server/discover"))["result"]["capabilities"] == {"tools": {}}
        listen = {"notifications": {"toolsListChanged": True}}
        assert (await client.modern("subscriptions/listen", listen))["error"]["code"] == -32601
