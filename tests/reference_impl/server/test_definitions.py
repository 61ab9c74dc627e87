"""Declaring tools, resources and prompts."""

from typing import Annotated, Literal

import msgspec
import pytest

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.schemas import input_schema


async def nothing() -> str:
    return ""


@pytest.mark.parametrize("name", ["", "with space", "ünï", "a/b", "x" * 129])
def test_a_tool_name_that_the_specification_does_not_admit_is_refused(empty_server, name):
    with pytest.raises(ValueError, match="is no tool name"):
        empty_server.tool(name or " ")(nothing)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "object", "properties": {"a": {"type": "nonsense"}}},
        {"type": "object", "$schema": "http://example.com/dialect"},
        {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}},
        {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "not a token"}}},
        {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": 7}}},
        {"type": "object", "properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}},
        {"type": "object", "anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "x-mcp-header": "X"}, "b": {"type": "string", "x-mcp-header": "x"}},
        },
    ],
)
def test_a_bad_input_schema_is_refused_when_the_tool_is_declared(empty_server, schema):
    with pytest.raises(ValueError, match=r"."):
        empty_server.tool("t", None, schema)(nothing)


def test_one_name_is_one_tool(empty_server):
    empty_server.tool("t")(nothing)
    with pytest.raises(ValueError, match="already"):
        empty_server.tool("t")(nothing)


def test_a_blocking_function_cannot_have_a_context(empty_server):
    def blocking(context):
        return str(context)

    with pytest.raises(TypeError, match="async"):
        empty_server.tool("t")(blocking)


def test_a_function_speaks_for_itself(empty_server):
    @empty_server.tool()
    async def search(query: Annotated[str, msgspec.Meta(description="Words")], limit: int = 10) -> str:
        """Find things.

        In several lines.
        """
        return query * limit

    assert empty_server.tools["search"].wire == {
        "name": "search",
        "description": "Find things. In several lines.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "Words"},
                "limit": {"type": "integer", "default": 10},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
    }


def test_hints_of_every_kind_have_a_schema():
    class Point(msgspec.Struct):
        x: int

    async def handler(context, kind: Literal["a", "b"], points: list[Point], extra: dict[str, float] | None = None):
        return context, kind, points, extra

    schema = input_schema(handler)
    assert schema["properties"]["kind"] == {"enum": ["a", "b"]}
    assert schema["properties"]["points"] == {"type": "array", "items": {"$ref": "#/$defs/Point"}}
    assert schema["$defs"]["Point"]["properties"] == {"x": {"type": "integer"}}
    assert schema["required"] == ["kind", "points"]
    assert "context" not in schema["properties"]


def test_parameters_of_a_prompt_are_its_arguments(empty_server):
    @empty_server.prompt()
    async def greet(name: str, tone: str = "kind") -> str:
        return name + tone

    prompt = empty_server.prompts["greet"]
    assert prompt.wire["arguments"] == [{"name": "name", "required": True}, {"name": "tone", "required": False}]
    assert prompt.required == {"name"}


@pytest.mark.parametrize("uri", ["x://{a*}", "x://{a:3}", "x://{?a*}"])
def test_a_template_whose_variables_cannot_be_found_again_is_refused(uri):
    with pytest.raises(ValueError, match="cannot be found again"):
        AdvancedMCPServer("s").resource(uri)(nothing)


def test_taking_something_back_needs_that_it_was_offered():
    server = AdvancedMCPServer("s")
    server.tool("t")(nothing)
    server.remove("tools", "t")
    assert server.tools == {}
    with pytest.raises(KeyError):
        server.remove("tools", "t")
