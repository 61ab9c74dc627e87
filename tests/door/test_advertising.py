"""What a target advertises becomes a row: names, digests, schemas, whatever strange things it said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from conformance.surface import Surface as Lists
from door.advertising import surface_row
from door.commands import run_check
from door.options import CheckingOptions, OutputOptions, TargetOptions
from reports.records import encode, parse, read


def test_lists_become_items_with_what_clients_lean_on() -> None:
    lists = Lists(
        tools=[{"name": "search", "inputSchema": {"type": "object"}, "outputSchema": True}, {"title": "nameless"}],
        prompts=[{"name": "review", "arguments": [{"name": "path", "required": True}, {"name": "tone"}, 7]}],
        resources=[{"uri": "file:///a", "name": "a"}],
        templates=[{"uriTemplate": "file:///{path}"}],
    )
    row = surface_row(lists, {"tools": {}}, "2025-11-25", "stdio")
    assert [(each.name, each.input_schema, each.output_schema) for each in row.tools] == [
        ("search", {"type": "object"}, True)
    ]
    assert row.prompts[0].arguments == {"path": True, "tone": False}
    assert [each.name for each in (*row.resources, *row.templates)] == ["file:///a", "file:///{path}"]


def test_the_digest_tells_any_change_and_no_order() -> None:
    def digest(**tool: object) -> str:
        return surface_row(Lists(tools=[{"name": "a", **tool}]), {}, "-", "stdio").tools[0].digest

    assert digest(title="x", description="y") == digest(description="y", title="x")
    assert digest(title="x") != digest(title="z")


def test_whatever_a_target_says_can_be_recorded() -> None:
    deep: object = {}
    for _ in range(200):
        deep = {"items": deep}
    strange = {"maximum": 10**40, "minimum": -1, "exclusiveMaximum": float("inf"), "title": "\ud800", "items": deep}
    row = surface_row(Lists(tools=[{"name": "a", "inputSchema": strange}]), {"x": 1 << 80}, "-", "http")
    assert json.loads(encode(row))["tools"][0]["input_schema"]["maximum"] == str(10**40)


def test_a_check_records_what_the_target_advertised_at_each_revision(tmp_path: Path) -> None:
    server = str(Path(__file__).with_name("small_server.py"))
    records = tmp_path / "records.jsonl"
    run_check(
        TargetOptions(target=[sys.executable, server]),
        OutputOptions(records=records, quiet=True),
        CheckingOptions(only=["base.*"], revision=["2025-06-18"]),
    )
    (row,) = read(records).surfaces
    assert (row.revision, row.transport) == ("2025-06-18", "stdio")
    assert row.tools
    assert parse(records.read_bytes()).unknown == 0
