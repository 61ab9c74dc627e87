"""What `docs/authorization.md` shows works."""

import re
from pathlib import Path

import pytest

from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth.fetch import Fetcher
from reference_impl.server.auth.introspection import IntrospectionVerifier
from reference_impl.server.auth.jwt_verifier import JwtRules, JwtVerifier
from reference_impl.server.auth.keys import Freshness
from reference_impl.servers.authorization import AuthorizationServer

PAGE = (Path(__file__).parent.parent / "docs" / "authorization.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def ran(snippet: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/authorization.md", "exec"), names)
    return names


def test_the_snippets_make_what_they_show() -> None:
    protected, issuer = map(ran, SNIPPETS)
    assert isinstance(protected["app"], MCPApplication)
    assert isinstance(issuer["issuer"], AuthorizationServer)


@pytest.mark.parametrize(
    ("said", "default"),
    [
        ("ten minutes", Freshness().lifetime == 600),
        ("at most every 30 seconds", Freshness().cooldown == 30),
        ("five seconds or 256 KiB", (Fetcher().seconds, Fetcher().largest) == (5, 256 * 1024)),
        ("leeway (30 seconds)", JwtRules().leeway == 30),
        ("five minutes at most", JwtVerifier.cache_seconds == 300),
        ("answer for 30 seconds", IntrospectionVerifier("https://r", "https://i", "", ("", "")).cache_seconds == 30),
    ],
)
def test_the_numbers_are_those_of_the_code(said: str, default: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert default
