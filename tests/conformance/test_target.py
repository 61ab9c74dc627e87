"""TARGET as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.target import (
    HttpTarget,
    MemoryTarget,
    SseTarget,
    StdioTarget,
    TargetError,
    WebSocketTarget,
    parse_target,
    shown,
)


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["node", "build/index.js", "--x"], StdioTarget(("node", "build/index.js", "--x"))),
        (["node 'a b.js'"], StdioTarget(("node", "a b.js"))),
        (["server"], StdioTarget(("server",))),
        (["http://127.0.0.1:3000/mcp"], HttpTarget("http://127.0.0.1:3000/mcp")),
        (["sse+http://127.0.0.1:3000/sse"], SseTarget("http://127.0.0.1:3000/sse")),
        (["SSE+https://a/sse"], SseTarget("https://a/sse")),
        (["ws://127.0.0.1:3000/ws"], WebSocketTarget("ws://127.0.0.1:3000/ws")),
        (["wss://a/ws"], WebSocketTarget("wss://a/ws")),
        (["https://[::1]:8443/mcp?x=y"], HttpTarget("https://[::1]:8443/mcp?x=y")),
        (["curl", "http://127.0.0.1"], StdioTarget(("curl", "http://127.0.0.1"))),
    ],
)
def test_a_target_is_a_url_or_a_command(words: list[str], target: object) -> None:
    assert parse_target(words) == target


@pytest.mark.parametrize(
    "words",
    [
        [],
        [""],
        ["  "],
        ["'open"],
        ["ftp://x"],
        ["http://"],
        ["http://:80"],
        ["http://h:port"],
        ["http://h:0"],
        ["http://h/a b"],
        ["http://h", "more"],
        ["http://me@h/mcp"],
        ["http://[::1/mcp"],
        ["localhost:3000"],
        ["127.0.0.1:3000/mcp"],
    ],
)
def test_anything_else_is_refused_in_one_line(words: list[str]) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(words)
    assert "\n" not in str(caught.value)


def test_a_program_whose_name_has_a_space_is_one_word(tmp_path: Path) -> None:
    program = tmp_path / "my server"
    program.write_text("")
    assert parse_target([str(program)]) == StdioTarget((str(program),))


async def _open() -> object:
    raise AssertionError


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (StdioTarget(("a", "b c"), {"KEY": "secret"}), "-- a 'b c'"),
        (HttpTarget("http://h/mcp", {"Authorization": "secret"}), "http://h/mcp"),
        (SseTarget("http://h/sse", {"Authorization": "secret"}), "sse+http://h/sse"),
        (WebSocketTarget("ws://h/ws"), "ws://h/ws"),
        (MemoryTarget("scripted", _open), "scripted"),  # type: ignore[arg-type] # is never opened
    ],
)
def test_a_target_is_shown_as_typed_without_its_secrets(target: object, text: str) -> None:
    assert shown(target) == text  # type: ignore[arg-type] # one of the three kinds
