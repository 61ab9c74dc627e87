"""Which argument gets which payload, and how a payload gets there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.security import paths, requests, sql
from conformance.security.aims import Role, aims
from conformance.surface import Permission, Surface

STRING = {"type": "string"}


def tool(name: str, *, description: str = "", read_only: bool = True, **members: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": members, "required": sorted(members)}
    return {
        "name": name,
        "description": description,
        "inputSchema": schema,
        "annotations": {"readOnlyHint": read_only},
    }


def found(role: Role | None, *tools: dict[str, Any], **lists: Any) -> list[str]:
    return [str(aim) for aim in aims(Surface(Permission(), list(tools), **lists), role)]


@pytest.mark.parametrize(
    ("role", "name", "schema"),
    [
        (paths.ROLE, "path", STRING),
        (paths.ROLE, "filePath", STRING),
        (paths.ROLE, "paths", {"type": "array", "items": STRING}),
        (paths.ROLE, "what", {"type": ["string", "null"], "description": "Path of the note"}),
        (paths.ROLE, "source_file", {"anyOf": [STRING, {"type": "null"}]}),
        (requests.ROLE, "target", {"type": "string", "format": "uri"}),
        (requests.ROLE, "pageUrl", STRING),
        (sql.ROLE, "sql", {"type": "string", "description": "SQL to run"}),
    ],
)
def test_a_role_is_guessed(role: Role, name: str, schema: Any) -> None:
    assert found(role, tool("take", **{name: schema})) == [f"take({name})"]


@pytest.mark.parametrize(
    ("role", "name", "schema"),
    [
        (paths.ROLE, "count", {"type": "integer"}),
        (paths.ROLE, "path", {"enum": ["a", "b"]}),
        (paths.ROLE, "pathology", STRING),
        (sql.ROLE, "query", {"type": "string", "description": "What to look for in the mail"}),
        (requests.ROLE, "curl", STRING),
    ],
)
def test_what_is_none_is_left_alone(role: Role, name: str, schema: Any) -> None:
    assert found(role, tool("take", **{name: schema})) == []


def test_a_tool_that_is_neither_read_only_nor_allowed_is_left_alone() -> None:
    assert found(None, tool("write", read_only=False, path=STRING)) == []
    surface = Surface(Permission(frozenset({"write"})), [tool("write", read_only=False, path=STRING)])
    assert [str(aim) for aim in aims(surface, None)] == ["write(path)"]


def test_a_payload_stands_in_its_place_beside_the_simplest_values_and_the_folder() -> None:
    item = tool("diff", repo_path=STRING, paths={"type": "array", "items": STRING})
    (aim,) = [aim for aim in aims(Surface(Permission(), [item]), paths.ROLE, Path("/r")) if aim.argument == "paths"]
    assert aim.loaded("../x") == {"name": "diff", "arguments": {"repo_path": "/r", "paths": ["../x"]}}


def test_templates_and_prompts_are_aimed_at_too() -> None:
    template = {"uriTemplate": "file:///{+where}/{page}", "name": "files"}
    prompt = {"name": "sum", "arguments": [{"name": "url", "required": True}]}
    surface = Surface(Permission(), templates=[template], prompts=[prompt])
    first, second = aims(surface, paths.ROLE)
    assert first.loaded("../x") == {"uri": "file:///../x/a"}
    assert second.loaded("../x") == {"uri": "file:///a/..%2Fx"}
    (asked,) = aims(surface, requests.ROLE)
    assert (asked.method, asked.loaded("u")) == ("prompts/get", {"name": "sum", "arguments": {"url": "u"}})
