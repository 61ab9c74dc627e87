"""Whom Touchstone asks for documents, and where it looks for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conformance.identities import Identities
from conformance.published import _beside, may_read, split
from conformance.target import HttpTarget


def _peer(url: str, *readable: str) -> Any:
    return SimpleNamespace(http=SimpleNamespace(target=HttpTarget(url, {}, Identities(readable=readable))))


@pytest.mark.parametrize(
    ("target", "url", "read"),
    [
        ("http://127.0.0.1:1/mcp", "http://127.0.0.1:1/x", True),
        ("http://127.0.0.1:1/mcp", "http://localhost:2/x", True),
        ("http://127.0.0.1:1/mcp", "https://mcp.example/x", False),
        ("https://mcp.example/mcp", "https://MCP.example:443/x", True),
        ("https://mcp.example/mcp", "http://mcp.example/x", False),
        ("https://mcp.example/mcp", "https://mcp.example:8443/x", False),
        ("https://mcp.example/mcp", "http://127.0.0.1:2/x", False),
        ("https://mcp.example/mcp", "http://169.254.169.254/latest", False),
        ("https://mcp.example/mcp", "https://auth.example/x", False),
        ("https://mcp.example/mcp", "file:///etc/passwd", False),
        ("https://mcp.example/mcp", "/x", False),
    ],
)
def test_a_target_leads_us_to_no_origin_but_its_own(target: str, url: str, read: bool) -> None:
    assert may_read(_peer(target), url) is read


def test_the_user_may_let_us_read_elsewhere() -> None:
    assert may_read(
        _peer("https://mcp.example/mcp", "https://auth.example/realm"), "https://auth.example/.well-known/x"
    )


@pytest.mark.parametrize("url", [None, 1, "", "x", "ftp://a/b", "http://", "http://[", "http://a:0/"])
def test_what_is_no_url_is_none(url: object) -> None:
    assert split(url) is None


@pytest.mark.parametrize(
    ("endpoint", "places"),
    [
        ("https://a/mcp", ["https://a/w/mcp", "https://a/w/mcp", "https://a/w"]),
        ("https://a/mcp/", ["https://a/w/mcp/", "https://a/w/mcp", "https://a/w"]),
        ("https://a/", ["https://a/w", "https://a/w", "https://a/w"]),
        ("https://a/mcp?x=1", ["https://a/w/mcp?x=1", "https://a/w/mcp?x=1", "https://a/w"]),
    ],
)
def test_a_well_known_place_stands_before_the_path(endpoint: str, places: list[str]) -> None:
    assert _beside(endpoint, "/w") == places
