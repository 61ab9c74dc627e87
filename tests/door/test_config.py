"""Settings: the command line over a file over defaults, and whose headers go where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conformance.identities import Identities
from conformance.target import HttpTarget, SseTarget, StdioTarget, UrlTarget, WebSocketTarget
from door.config import Settings, read_settings
from door.errors import Exit, Refusal


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "a-token-of-trust")


def _written(text: str) -> None:
    Path("touchstone.toml").write_text(text)


FULL = """
[target]
command = ["node", "index.js"]
env = { API_KEY = "env:TOKEN", PORT = 3000 }
cwd = "sub"

[tools]
allow = ["search"]

[tools.samples]
search = { query = "x" }

[load]
objectives = ["p99<100ms"]
"""


def test_without_a_file_and_words_there_is_nothing_to_test() -> None:
    assert read_settings([]) == Settings()


def test_a_file_holds_everything() -> None:
    _written(FULL)
    settings = read_settings([], allow=["write"])
    assert settings.target == StdioTarget(("node", "index.js"), {"API_KEY": "a-token-of-trust", "PORT": "3000"}, "sub")
    assert settings.permission.allowed == {"search", "write"}
    assert settings.permission.samples == {"search": {"query": "x"}}
    assert settings.objectives == ("p99<100ms",)
    assert settings.secrets == ("a-token-of-trust",)


def test_the_command_line_adds_to_the_target_of_the_file_and_overrides_it() -> None:
    _written(FULL)
    target = read_settings([], env=["PORT=4000", "SPACED= a b "]).target
    assert isinstance(target, StdioTarget)
    assert target.env == {"API_KEY": "a-token-of-trust", "PORT": "4000", "SPACED": " a b "}


@pytest.mark.parametrize("words", [["node", "index.js"], ["node index.js"]])
def test_the_target_of_the_file_typed_again_is_the_target_of_the_file(words: list[str]) -> None:
    _written(FULL)
    target = read_settings(words).target
    assert isinstance(target, StdioTarget)
    assert target.env["API_KEY"] == "a-token-of-trust"
    assert target.cwd == "sub"


def test_another_target_gets_nothing_of_the_file_s_but_its_tools_and_objectives() -> None:
    _written(FULL)
    settings = read_settings(["python", "server.py"])
    assert settings.target == StdioTarget(("python", "server.py"))
    assert settings.permission.allowed == {"search"}
    assert settings.secrets == ()


def test_headers_go_to_the_url_of_the_file_alone() -> None:
    _written("[target]\nurl = 'http://a/mcp'\nheaders = { Authorization = 'env:TOKEN' }\n")
    assert read_settings([]).target == HttpTarget("http://a/mcp", {"Authorization": "a-token-of-trust"})
    assert read_settings(["http://b/mcp"]).target == HttpTarget("http://b/mcp")
    own = read_settings([], headers=["X-Own: yes: indeed"]).target
    assert isinstance(own, HttpTarget)
    assert own.headers["X-Own"] == "yes: indeed"


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ({"command": "node", "args": ["a", 1]}, StdioTarget(("node", "a", "1"))),
        ({"command": "a b", "cwd": "c", "type": "stdio"}, StdioTarget(("a b",), {}, "c")),
        ({"url": "http://a/mcp", "headers": {"A": "b"}, "disabled": False}, HttpTarget("http://a/mcp", {"A": "b"})),
        ({"url": "http://a/sse", "type": "sse", "headers": {"A": "b"}}, SseTarget("http://a/sse", {"A": "b"})),
        ({"url": "http://a/sse", "transport": "SSE"}, SseTarget("http://a/sse")),
        ({"url": "http://a/mcp", "type": "http", "transport": {"odd": 1}}, HttpTarget("http://a/mcp")),
        ({"url": "ws://a/ws"}, WebSocketTarget("ws://a/ws")),
    ],
)
@pytest.mark.parametrize("member", ["mcpServers", "servers"])
def test_an_entry_of_a_hosts_file_is_a_target(member: str, entry: object, target: object) -> None:
    Path("mcp.json").write_text("\ufeff" + json.dumps({member: {"my#server": entry}}), "utf-8")
    assert read_settings(["mcp.json#my#server"]).target == target


def test_command_line_headers_and_variables_join_those_of_a_hosts_file() -> None:
    servers = {"web": {"url": "http://a/mcp", "headers": {"A": "secret-of-file"}}, "local": {"command": "x"}}
    Path("mcp.json").write_text(json.dumps({"mcpServers": servers}))
    settings = read_settings(["mcp.json#web"], headers=["B: secret-of-line"])
    assert settings.target == HttpTarget("http://a/mcp", {"A": "secret-of-file", "B": "secret-of-line"})
    assert settings.secrets == ("secret-of-file", "secret-of-line")
    assert read_settings(["mcp.json#local"], env=["A=b"]).target == StdioTarget(("x",), {"A": "b"})


@pytest.mark.parametrize("word", ["http://a/x.json#frag", "https://a/mcp.json#name"])
def test_a_url_is_no_hosts_file(word: str) -> None:
    assert read_settings([word]).target == HttpTarget(word)


def test_secrets_are_values_long_enough_that_are_not_public_anyway() -> None:
    headers = ["Accept: application/json", "Authorization: env:TOKEN", "X-Pin: 1234"]
    settings = read_settings(["http://a/mcp?api_key=key-in-the-url&page=frontpage"], headers=headers)
    assert settings.secrets == ("a-token-of-trust", "key-in-the-url")


def test_a_refusal_is_wrong_usage_unless_it_says_otherwise() -> None:
    with pytest.raises(Refusal) as caught:
        read_settings(["ftp://a"])
    assert caught.value.code is Exit.USAGE


def test_tools_that_ask_may_be_called() -> None:
    _written("[tools]\nallow = ['a']\nasks = ['b']\n")
    permission = read_settings(["x"]).permission
    assert (permission.allowed, permission.asking) == ({"a", "b"}, {"b"})


# Tokens -------------------------------------------------------------------------------------------

PROTECTED = """
[target]
url = "http://127.0.0.1:1/mcp"

[authorization]
good = "env:TOKEN"
second = "another-s-token"
"""


def test_the_tokens_of_a_file_go_to_its_own_target_alone() -> None:
    _written(PROTECTED)
    for words in ([], ["http://127.0.0.1:1/mcp"]):
        settings = read_settings(words)
        assert isinstance(settings.target, HttpTarget)
        assert (settings.target.token, settings.target.identities.second) == ("a-token-of-trust", "another-s-token")
        assert set(settings.secrets) == {"a-token-of-trust", "another-s-token"}
    assert read_settings(["http://127.0.0.1:2/mcp"]).target == HttpTarget("http://127.0.0.1:2/mcp")


@pytest.mark.parametrize("typed", [{"token": "typed-token"}, {"headers": ["authorization: Bearer typed-token"]}])
def test_a_token_that_was_typed_counts_more_than_the_file_s(typed: dict[str, Any]) -> None:
    _written(PROTECTED)
    target = read_settings([], **typed).target
    assert isinstance(target, HttpTarget)
    assert (target.token, target.identities.second) == ("typed-token", "another-s-token")


def test_a_token_is_a_header_and_a_secret() -> None:
    settings = read_settings(["http://127.0.0.1:1/mcp"], token="env:TOKEN")
    assert settings.target == HttpTarget("http://127.0.0.1:1/mcp", {"authorization": "Bearer a-token-of-trust"})
    assert settings.secrets == ("a-token-of-trust",)
    assert "a-token-of-trust" not in repr(
        Settings(HttpTarget("http://a/mcp", {}, Identities(second="a-token-of-trust")))
    )


@pytest.mark.parametrize(
    ("file", "words", "options", "told"),
    [
        ("[authorization]\ngood = 'x'", ["http://a/mcp"], {}, "which has none"),
        ("[target]\ncommand = 'x'\n[authorization]\ngood = 'x'", [], {}, "goes with a url"),
        (PROTECTED.replace("another-s", "Bearer "), [], {}, "second: a token is one word"),
        (PROTECTED.replace("another-s-token", "env:NOBODY"), [], {}, "no NOBODY"),
        (PROTECTED.replace("second", "third"), [], {}, "authorization.*third|third"),
        ("", ["http://a/mcp"], {"token": ""}, "--token: a token is one word"),
        ("", ["server"], {"token": "x"}, "--token goes with a URL"),
        ("", ["http://a/mcp"], {"token": "x", "headers": ["Authorization: Bearer y"]}, "give one"),
        (PROTECTED + "issuer = 'https://auth.example'", [], {}, "Touchstone serves it"),
        (PROTECTED + "issuer = 'http://127.0.0.1'", [], {}, "Touchstone serves it"),
    ],
)
def test_tokens_that_cannot_be_meant_are_refused(
    file: str, words: list[str], options: dict[str, Any], told: str
) -> None:
    _written(file)
    with pytest.raises(Refusal, match=told):
        read_settings(words, **options)


def test_an_issuer_needs_libraries_that_not_everybody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("door.issuing.find_spec", lambda _: None)
    _written(PROTECTED + "issuer = 'http://127.0.0.1:9'")
    with pytest.raises(Refusal, match=r"install mcp-touchstone\[servers\]"):
        read_settings([])


def test_an_issuer_makes_the_tokens_that_were_not_given() -> None:
    _written(PROTECTED + "issuer = 'http://127.0.0.1:9'\nscopes = ['mcp']")
    settings = read_settings([])
    assert isinstance(settings.target, HttpTarget)
    who = settings.target.identities
    made = {who.expired, who.foreign, who.narrow}
    assert settings.target.token == "a-token-of-trust"
    assert who.second == "another-s-token"
    assert None not in made
    assert len(made) == 3
    assert made <= set(settings.secrets)
    assert settings.issuer is not None


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/ws", "sse+http://127.0.0.1:1/sse"])
def test_a_token_goes_over_the_other_transports_too(url: str) -> None:
    _written(PROTECTED.replace("http://127.0.0.1:1/mcp", url))
    for target in (read_settings([]).target, read_settings([url], token="a-token-of-trust").target):
        assert isinstance(target, UrlTarget)
        assert target.headers == {"authorization": "Bearer a-token-of-trust"}


def test_origins_to_read_from_are_urls() -> None:
    _written(PROTECTED + "readable = ['https://auth.example']")
    target = read_settings([]).target
    assert isinstance(target, HttpTarget)
    assert target.identities.readable == ("https://auth.example",)
    _written(PROTECTED + "readable = ['auth.example']")
    with pytest.raises(Refusal, match=r"'auth\.example' is no URL"):
        read_settings([])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[load]\nmix = []\n", "load.mix is empty: each request is a [[load.mix]]"),
        ("[load]\nobjectivs = ['p99<1s']\n", "load: no such key: 'objectivs'; did you mean 'objectives'?"),
        ("[[load.mix]]\ntoool = 'x'\n", "load.mix[0]: no such key: 'toool'; did you mean 'tool'?"),
    ],
)
def test_a_table_of_load_that_says_nothing_is_refused_in_a_line(table: str, said: str) -> None:
    _written(table)
    with pytest.raises(Refusal, match=re.escape(said)) as refused:
        read_settings([])
    assert (refused.value.code, str(refused.value).count("\n")) == (2, 0)


@pytest.mark.parametrize(
    ("table", "texts"),
    [
        ("[load]\nobjectives = ['p99<1s', 'search: p99<2s']\n", ("p99<1s", "search: p99<2s")),
        (
            "[load.objectives]\noverall = ['p99<1s', 'errors<1%']\nsearch = 'p99<2s'\n'a b' = ['max<3s']\n",
            ("p99<1s", "errors<1%", "search: p99<2s", "a b: max<3s"),
        ),
    ],
)
def test_objectives_are_a_list_or_a_table_of_operations(table: str, texts: tuple[str, ...]) -> None:
    _written(table)
    assert read_settings([]).objectives == texts
