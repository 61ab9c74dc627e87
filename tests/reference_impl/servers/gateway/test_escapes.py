"""Arguments that try to leave their place, over real HTTP: what the upstream receives is what it was meant to be."""

import json
from contextlib import asynccontextmanager
from itertools import cycle
from urllib.parse import parse_qsl, unquote

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.properties.json_schema import valid
from reference_impl.servers.gateway import GatewaySettings
from reference_impl.servers.gateway.building import plan
from reference_impl.servers.gateway.document import parsed
from tests.reference_impl.servers.gateway.world import document, gateway, operation, parameter, upstream
from tests.reference_impl.servers.talking import talking

TEXT = {"type": "string", "maxLength": 60}
PATHS = {
    "/items/{id}/parts/{part}": {
        "post": operation(
            operationId="hit",
            parameters=[
                parameter("id", "path", TEXT),
                parameter("part", "path", {"type": "array", "items": TEXT, "maxItems": 3}),
                parameter("q", "query", TEXT),
                parameter("tags", "query", {"type": "array", "items": TEXT, "maxItems": 3}, explode=False),
                parameter("open", "query", TEXT, allowReserved=True),
                parameter(
                    "filter",
                    "query",
                    {"type": "object", "additionalProperties": TEXT, "maxProperties": 2},
                    style="deepObject",
                ),
                parameter("free", "query", {"type": "object", "additionalProperties": TEXT, "maxProperties": 2}),
                parameter("X-Trace", "header", TEXT),
                parameter("mood", "cookie", TEXT),
            ],
            requestBody={"content": {"application/json": {"schema": {"type": "object", "additionalProperties": TEXT}}}},
            security=[{"key": []}],
        )
    }
}
SCHEMES = {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "api_key"}}}
VALUE = document(PATHS, components=SCHEMES)
SCHEMA = (
    plan(parsed(json.dumps(VALUE).encode(), "test"), GatewaySettings(server="http://127.0.0.1", environ={}), write=True)
    .tools[0]
    .input
)
SECRET = "s3cret/+&=#"
HOSTILE = (
    *(
        "..",
        ".",
        "../../admin",
        "..%2f..%2fadmin",
        "%2e%2e/",
        "%252e%252e%252f",
        "..\\x",
        "/",
        "//evil.example/x",
        "?a=b",
    ),
    *(
        "#f",
        "&api_key=mine",
        "a;b",
        "@evil.example",
        "http://evil.example/",
        "\r\nHost: evil.example\r\n\r\n",
        "\0",
        "\n",
    ),
    *(
        "a\r\nSet-Cookie: x=y",
        " ",
        "",
        "é\u2028",
        "{id}",
        "%",
        "%zz",
        "+",
        "api_key",
        "q",
        "a=b; c=d",
        "[]",
        "\ud7ff\U0001f600",
    ),
)
NAMES = frozenset(
    {"host", "accept", "accept-encoding", "user-agent", "x-trace", "cookie", "content-type", "content-length"}
)


def hostile(value, words):
    """Put hostile words in the place of every text."""
    if isinstance(value, str):
        word = next(words)
        return value if word is None else word
    if isinstance(value, list):
        return [hostile(item, words) for item in value]
    if isinstance(value, dict):
        return {key: hostile(item, words) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def hit(tmp_path_factory):
    """Return a function that calls the tool, and gives what the upstream saw, or the refusal."""
    folder = tmp_path_factory.mktemp("escapes")

    @asynccontextmanager
    async def world():
        async with upstream() as there:
            environ = {"TOUCHSTONE_GATEWAY_KEY": SECRET}
            server = gateway(folder, VALUE, f"{there.url}/api/v1", environ=environ)
            async with talking(server) as talk:
                yield there, talk

    async def call(there, talk, arguments):
        there.seen.clear()
        result = await talk.client.call_tool("hit", arguments)
        assert len(there.seen) == (0 if result.get("isError") else 1), result
        assert SECRET not in json.dumps(result)
        return there.seen[0] if there.seen else result["content"][0]["text"]

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(world()) as (there, talk):
        yield lambda arguments: portal.call(call, there, talk, arguments)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(valid(SCHEMA), st.lists(st.none() | st.sampled_from(HOSTILE), min_size=12, max_size=12))
def test_every_argument_stays_in_its_place(hit, drawn, words):
    several = cycle(words)
    arguments = {key: hostile(value, several) for key, value in drawn.items()}
    seen = hit(arguments)
    if isinstance(seen, str):
        assert _refusable(arguments), (seen, arguments)
        return
    assert seen.method == "POST"
    _check_path(seen.path, arguments)
    _check_query(seen.query, arguments)
    assert set(seen.headers) <= NAMES
    assert seen.headers["host"].startswith("127.0.0.1:")
    assert seen.headers.get("x-trace", "") == arguments.get("X-Trace", "").strip()
    mood = seen.headers.get("cookie")
    assert (None if mood is None else unquote(mood.removeprefix("mood="))) == arguments.get("mood")
    if "body" in arguments:
        assert json.loads(seen.body) == arguments["body"]
    else:
        assert seen.body == b""


def _refusable(arguments):
    """Tell whether anything in the arguments may not be sent at all."""
    steps = [arguments["id"], *arguments["part"]]
    parts = "".join(steps)
    header = arguments.get("X-Trace", "")
    keys = {key.lower() for key in arguments.get("free", {})}
    named = {*arguments.get("free", {}), *arguments.get("filter", {})}
    return (
        arguments["id"] == ""
        or "".join(arguments["part"]) == ""
        or any(one in parts for one in "\r\n\0")
        or any(ord(one) < 0x20 or ord(one) == 0x7F for one in parts)
        or "." in parts
        or "%" in parts
        or not header.isascii()
        or not header.isprintable()
        or bool(keys & {"q", "tags", "open", "filter", "api_key"})
        or "" in named
    )


def _check_path(path, arguments):
    start, api, version, items, identifier, parts, part = path.split("/")
    assert (start, api, version, items, parts) == ("", "api", "v1", "items", "parts")
    assert unquote(identifier) == arguments["id"]
    assert [unquote(item) for item in part.split(",")] == arguments["part"]
    assert {identifier, part}.isdisjoint({"", ".", ".."})


def _check_query(query, arguments):
    pairs = [tuple(pair.split("=")) for pair in query.split("&")]  # each has exactly one =
    assert pairs[-1][0] == "api_key"
    assert unquote(pairs[-1][1]) == SECRET
    expected = {name: arguments[name] for name in ("q", "open") if name in arguments}
    expected |= {f"filter[{name}]": value for name, value in arguments.get("filter", {}).items()}
    expected |= arguments.get("free", {})
    if arguments.get("tags"):
        expected["tags"] = ",".join(arguments["tags"])
    found = dict(parse_qsl(query, keep_blank_values=True, separator="&"))
    assert found.pop("api_key") == SECRET
    assert found == expected


@pytest.mark.parametrize("name", ["q", "API_KEY", "api_key"])
def test_an_open_object_cannot_set_the_parameters_of_others(hit, name):
    told = hit({"id": "1", "part": ["a"], "free": {name: "mine"}})
    assert told == f"free must not have a member {name}: that is another parameter"
