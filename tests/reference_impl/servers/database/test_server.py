"""The server as its clients see it: tools, resources, prompts, completion."""

import hashlib
import json
import sqlite3

import anyio
import pytest

from reference_impl.client import ClientSettings
from reference_impl.client.errors import RequestFailed, ResourceNotFound
from reference_impl.client.settings import CallOptions
from reference_impl.server.errors import SetupError
from reference_impl.servers.database import DatabaseSettings, make_server
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio

ENDLESS = "WITH RECURSIVE a (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT count(*) FROM a"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_query_returns_a_table_and_the_same_as_structured_content(era):
    async with talking(make_server(), ClientSettings(era=era)) as talk:
        result = await talk.client.call_tool(
            "execute_query", {"query": "SELECT id, title, updated FROM books WHERE price > ?", "params": [50]}
        )
    assert result["structuredContent"] == {
        "columns": [
            {"name": "id", "type": "integer"},
            {"name": "title", "type": "text"},
            {"name": "updated", "type": "null"},
        ],
        "rows": [[2, "Rings and Ideals", None]],
        "row_count": 1,
        "truncated": False,
    }
    assert result["content"][0]["text"].splitlines() == [
        "| id | title            | updated |",
        "|----|------------------|---------|",
        "| 2  | Rings and Ideals | NULL    |",
        "",
        "1 row",
    ]


async def test_tools_that_read_say_so_and_changing_is_offered_only_where_it_is_allowed():
    async with talking(make_server()) as talk:
        tools = {tool["name"]: tool for tool in await talk.client.list_tools()}
    assert set(tools) == {"execute_query", "explain_query", "get_schema"}
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())
    async with talking(make_server(settings=DatabaseSettings(write=True))) as talk:
        tools = {tool["name"]: tool for tool in await talk.client.list_tools()}
        assert tools["modify_data"]["annotations"]["destructiveHint"]
        changed = await talk.call("modify_data", query="UPDATE books SET stock = 0 WHERE id < ?", params=[3])
        assert changed["changed_rows"] == 2
        assert "DELETE is not allowed" in await talk.fails("execute_query", query="DELETE FROM books WHERE id = 1")


async def test_limits_are_the_caller_s_within_those_of_the_server():
    async with talking(make_server(settings=DatabaseSettings(max_rows=5))) as talk:
        some = await talk.call("execute_query", query="SELECT * FROM orders", limit=2)
        assert (some["row_count"], some["truncated"]) == (2, True)
        assert some["truncated_because"] == "there are more than 2 rows"
        assert (await talk.call("execute_query", query="SELECT * FROM orders"))["row_count"] == 5
        assert "Invalid arguments" in await talk.fails("execute_query", query="SELECT 1", limit=6)


async def test_schemas_are_told_by_tool_and_resource_and_template():
    async with talking(make_server()) as talk:
        listed = await talk.call("get_schema")
        assert [table["name"] for table in listed["tables"]] == [
            "books",
            "customers",
            "order_items",
            "order_totals",
            "orders",
        ]
        (table,) = (await talk.call("get_schema", table_name="orders"))["tables"]
        assert table["foreign_keys"] == ["(customer_id) references customers (id)"]
        assert "no table 'nope'" in await talk.fails("get_schema", table_name="nope")
        uris = [resource["uri"] for resource in await talk.client.list_resources()]
        assert uris[:2] == ["schema://tables", "schema://tables/books"]
        (contents,) = (await talk.client.read_resource("schema://tables/orders"))["contents"]
        assert json.loads(contents["text"]) == table
        (contents,) = (await talk.client.read_resource("schema://tables"))["contents"]
        assert json.loads(contents["text"]) == listed["tables"]
        with pytest.raises(ResourceNotFound):
            await talk.client.read_resource("schema://tables/nope")


async def test_tables_that_come_and_go_are_resources_that_come_and_go(tmp_path):
    path = tmp_path / "some.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute('CREATE TABLE "a b/é" (x)')
    async with talking(make_server(str(path))) as talk:
        uris = [resource["uri"] for resource in await talk.client.list_resources()]
        assert uris == ["schema://tables", "schema://tables/a%20b%2F%C3%A9"]
        (contents,) = (await talk.client.read_resource(uris[1]))["contents"]
        assert json.loads(contents["text"])["name"] == "a b/é"
        writer.execute('DROP TABLE "a b/é"')
        writer.execute("CREATE TABLE fresh (x)")
        await talk.call("get_schema")
        uris = [resource["uri"] for resource in await talk.client.list_resources()]
        assert uris == ["schema://tables", "schema://tables/fresh"]
    writer.close()


async def test_prompts_bring_the_schema_and_complete_the_names_of_tables():
    async with talking(make_server()) as talk:
        prompt = await talk.client.get_prompt("explain_table", {"table": "books"})
        assert "| author" in prompt["messages"][0]["content"]["text"]
        prompt = await talk.client.get_prompt("write_query", {"question": "Who ordered most?"})
        text = prompt["messages"][0]["content"]["text"]
        assert "Who ordered most?" in text
        assert "table order_items" in text
        with pytest.raises(RequestFailed, match="no table 'nope'"):
            await talk.client.get_prompt("explain_table", {"table": "nope"})
        for reference in (
            {"type": "ref/prompt", "name": "explain_table"},
            {"type": "ref/resource", "uri": "schema://tables/{table}"},
        ):
            found = await talk.client.complete(reference, "table", "ORDER")
            assert found["completion"]["values"] == ["order_items", "order_totals", "orders"]


async def test_a_long_statement_reports_progress_and_can_be_cancelled():
    reports: list[float] = []
    seen = anyio.Event()

    def report(news):
        reports.append(news.progress)
        seen.set()

    server = make_server(settings=DatabaseSettings(connections=1))
    async with talking(server) as talk, anyio.create_task_group() as tasks:
        options = CallOptions(on_progress=report)
        tasks.start_soon(talk.client.call_tool, "execute_query", {"query": ENDLESS}, options)
        await seen.wait()
        tasks.cancel_scope.cancel()
    assert reports[0] == 1


async def test_after_a_cancelled_statement_the_only_connection_serves_the_next():
    server = make_server(settings=DatabaseSettings(connections=1))
    async with talking(server) as talk:
        with anyio.move_on_after(0.2):
            await talk.client.call_tool("execute_query", {"query": ENDLESS})
        assert (await talk.call("execute_query", query="SELECT 1"))["rows"] == [[1]]


async def test_no_failure_tells_where_the_database_is(tmp_path):
    path = tmp_path / "private-place.db"
    sqlite3.connect(path).close()
    async with talking(make_server(str(path))) as talk:
        path.unlink()
        for query in ("SELECT 1", "SELECT * FROM nope", "SELECT * FROM pragma_database_list"):
            assert "private-place" not in await talk.fails("execute_query", query=query)


async def test_reading_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "some.db"
    writer = sqlite3.connect(path)
    writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    writer.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    async with talking(make_server(str(path))) as talk:
        assert (await talk.call("execute_query", query="SELECT * FROM t"))["rows"] == [[1]]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_is_safe_query_is_what_its_name_says():
    server = make_server()
    assert server.is_safe_query("SELECT created_at FROM orders WHERE status = 'DROP'")
    assert not server.is_safe_query("DROP TABLE orders")


def test_bounds_must_make_sense():
    with pytest.raises(SetupError, match="connections must be more than 0"):
        DatabaseSettings(connections=0)
