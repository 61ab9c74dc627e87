"""A document as people write them, from the file to what its API receives."""

import base64
import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiohttp import web

from reference_impl.client import CallOptions
from reference_impl.servers.gateway import GatewaySettings, make_server
from tests.reference_impl.servers.gateway.world import answering, document, gateway, operation, parameter, upstream
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio
SHOP = Path(__file__).with_name("shop.yaml")
ENVIRON = {"TOUCHSTONE_GATEWAY_SESSION": "abc"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def shop(server=None, tell=lambda _: None, **more):
    given = {"write": True, "environ": ENVIRON, **more}
    return make_server(GatewaySettings(document=str(SHOP), server=server, **given), tell=tell)


def test_the_start_says_all_there_is_to_know():
    lines = []
    token = "TOUCHSTONE_GATEWAY_TOKEN"
    shop(tell=lines.append, variables={"stage": "test"})
    assert lines == [
        "gateway to Shop: 7 tools, calls go to https://test.shop.example/api/v2",
        f"security scheme token (bearer) reads {token} or {token}_CLIENT_ID and {token}_CLIENT_SECRET: not set",
        "security scheme session (key) reads TOUCHSTONE_GATEWAY_SESSION: set",
    ]


def test_its_schemas_are_json_schema_2020_12():
    tools = {tool.name: tool.wire for tool in shop().tools.values()}
    listing = tools["goods_list"]["inputSchema"]["properties"]
    assert listing["price"]["properties"]["min"] == {"type": "number", "exclusiveMinimum": 0}
    assert listing["page"] == {"type": "integer", "minimum": 1, "default": 1, "description": "Which page"}
    output = tools["goods_list"]["outputSchema"]
    assert output["properties"]["next"]["type"] == ["string", "null"]
    good = output["$defs"]["Good"]
    assert good["allOf"][0]["properties"] == {"id": {"type": ["integer", "null"]}}
    assert good["allOf"][1]["properties"]["category"] == {"type": ["string", "null"]}
    change = tools["goods_change"]["inputSchema"]
    assert "id" not in change["$defs"]["Good"]["allOf"][0].get("properties", {})
    assert change["required"] == ["id"]


async def test_every_place_is_filled():
    page = json.dumps({"items": [{"id": 1, "name": "Lamp", "parts": [], "category": None}], "next": None}).encode()
    async with upstream(answering((200, {"content-type": "application/json"}, page))) as there:
        server = shop(f"{there.url}/api/v2")
        async with talking(server) as talk:
            found = await talk.call(
                "goods_list",
                page=2,
                ids=[1, 9007199254740993],
                colour=["red", "blue"],
                price={"min": 0.5, "max": 10},
                where={"a": "b&c"},
                currency="NOK",
                **{"X-Request-ID": "7f9c"},
            )
    assert found["items"][0]["name"] == "Lamp"
    assert there.last.path == "/api/v2/goods"
    assert there.last.query == (
        "page=2&ids=1,9007199254740993&colour=red%7Cblue&price%5Bmin%5D=0.5&price%5Bmax%5D=10"
        "&where=%7B%22a%22%3A%22b%26c%22%7D"
    )
    assert there.last.headers["x-request-id"] == "7f9c"
    assert there.last.headers["cookie"] == "currency=NOK"
    assert there.last.headers["accept"] == "application/json, application/problem+json, */*;q=0.1"


async def test_bodies_are_written_for_their_types():
    async with upstream(answering((204, {}, b""))) as there, talking(shop(there.url)) as talk:
        await talk.call("goods_change", id=5, body={"name": "Lamp", "parts": [{"name": "Bulb"}]})
        assert there.last.headers["content-type"] == "application/merge-patch+json"
        assert json.loads(there.last.body) == {"name": "Lamp", "parts": [{"name": "Bulb"}]}
        assert there.last.headers["cookie"] == "sid=abc"
        await talk.call("orders_create", body={"good": 5, "count": 2, "note": "a&b=c +é", "options": ["x", "y"]})
        assert there.last.headers["content-type"] == "application/x-www-form-urlencoded"
        assert there.last.body == b"good=5&count=2&note=a%26b%3Dc+%2B%C3%A9&options=x&options=y"
        await talk.call("orders_note", id="a/b", body="Please hurry \u2713")
        assert (there.last.target, there.last.body) == ("/orders/a%2Fb/note", "Please hurry \u2713".encode())
        await talk.call("pictures_put", id=5, body=base64.b64encode(b"\x89PNG").decode())
        assert (there.last.headers["content-type"], there.last.body) == ("application/octet-stream", b"\x89PNG")
        assert await talk.fails("pictures_put", id=5, body="not base64!") == "body must be written in Base64"


async def test_files_travel_as_forms_and_names_cannot_break_out():
    async with upstream(answering((201, {}, b""))) as there, talking(shop(there.url)) as talk:
        evil = 'x"\r\nContent-Type: text/html\r\n\r\n'
        body = {"file": base64.b64encode(b"\x00\r\n--data").decode(), "caption": "a\r\n--b", "tags": ["x", "y"]}
        await talk.call("pictures_upload", id=5, body={**body, "crop": {"x": 1}, evil: "z"})
    head = f"content-type: {there.last.headers['content-type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + there.last.body, policy=policy.HTTP)
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True))
        for part in whole.iter_parts()
    ]
    assert parts == [
        ("file", "file", b"\x00\r\n--data"),
        ("caption", None, b"a\r\n--b"),
        ("tags", None, b"x"),
        ("tags", None, b"y"),
        ("crop", None, b'{"x":1}'),
        ("x%22%0D%0AContent-Type: text/html%0D%0A%0D%0A", None, b"z"),
    ]


async def test_arguments_that_do_not_fit_are_refused_before_anything_is_sent():
    async with upstream() as there, talking(shop(there.url)) as talk:
        for tool, arguments in (
            ("goods_read", {"id": "../admin"}),
            ("goods_list", {"page": 0}),
            ("goods_list", {"unknown": 1}),
            ("orders_create", {"body": {"good": 1}}),
            ("goods_read", {}),
        ):
            assert "Invalid arguments" in await talk.fails(tool, **arguments)
        assert there.seen == []


async def test_a_null_for_what_is_optional_sends_nothing(tmp_path):
    nullable = {"type": ["string", "null"]}
    node = operation(
        operationId="a", parameters=[parameter("q", "query", nullable), parameter("X-H", "header", nullable)]
    )
    async with upstream() as there, talking(gateway(tmp_path, document({"/a": {"get": node}}), there.url)) as talk:
        await talk.call("a", q=None, **{"X-H": None})
        assert there.last.target == "/a"
        assert "x-h" not in there.last.headers


# What else it offers --------------------------------------------------------------------------------


async def test_the_document_its_schemas_and_its_operations_can_be_read():
    async with talking(shop()) as talk:
        read = talk.client.read_resource
        whole = json.loads((await read("openapi://document"))["contents"][0]["text"])
        assert whole["info"]["title"] == "Shop"
        schema = json.loads((await read("openapi://schemas/Category"))["contents"][0]["text"])
        assert schema == {"type": "string", "nullable": True, "enum": ["light", "wood"]}
        told = json.loads((await read("openapi://operations/goods_read"))["contents"][0]["text"])
        assert (told["method"], told["path"]) == ("GET", "/goods/{id}")
        with pytest.raises(Exception, match="not found"):
            await read("openapi://schemas/Nothing")
        template = {"type": "ref/resource", "uri": "openapi://operations/{tool}"}
        found = await talk.client.complete(template, "tool", "GOODS")
        assert found["completion"]["values"] == ["goods_list", "goods_read", "goods_change"]


async def test_prompts_name_the_tools():
    async with talking(shop(include=("tag:goods",))) as talk:
        prompt = await talk.client.get_prompt("use_api", {"task": "Find a lamp"})
        text = prompt["messages"][0]["content"]["text"]
        assert "Find a lamp" in text
        assert "- goods_list: List goods" in text
        assert "orders_" not in text
        explained = await talk.client.get_prompt("explain_operation", {"tool": "goods_read"})
        assert explained["messages"][0]["content"]["resource"]["uri"] == "openapi://operations/goods_read"


async def test_bytes_and_attempts_are_progress(tmp_path):
    async def slowly(request):
        if len(there.seen) == 1:
            return web.Response(status=503, headers={"retry-after": "0"})
        response = web.StreamResponse(headers={"content-length": "30000", "content-type": "text/plain"})
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"x" * 10_000)
        return response

    heard = []
    async with upstream(slowly) as there:
        value = document({"/a": {"get": operation(operationId="a")}})
        async with talking(gateway(tmp_path, value, there.url)) as talk:
            await talk.client.call_tool("a", {}, CallOptions(on_progress=heard.append))
    values = [one.progress for one in heard]
    assert heard[0].message == "Attempt 1 failed; the next is in 0.0 s"
    assert heard[-1].message == "30000 bytes received"
    assert values == sorted(set(values))
