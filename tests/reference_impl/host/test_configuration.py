"""`mcp.json`: what is read from it, and what is refused in one line."""

import json

import pytest

from reference_impl.client import StdioCommand
from reference_impl.host import ConfigurationError, read_configuration
from reference_impl.security.authority import issue
from reference_impl.security.sealing import new_key

ENVIRONMENT = {"HOME": "/home/ann", "TOKEN": "very-secret-token"}


@pytest.fixture
def read(tmp_path):
    def read(servers, key="mcpServers"):
        path = tmp_path / "mcp.json"
        path.write_text(json.dumps({key: servers}), "utf-8")
        return read_configuration(path, ENVIRONMENT)

    return read


@pytest.mark.parametrize("key", ["mcpServers", "servers"])
def test_a_command_gets_a_minimal_environment_and_what_it_is_given(read, key):
    entry = {"command": "serve", "args": ["${HOME}/notes", 7], "env": {"A": "env:TOKEN", "B": "x${NO:-y}z"}, "cwd": "/"}
    found = read({"files": entry}, key)
    (server,) = found.servers
    assert server.name == "files"
    assert server.target == StdioCommand(
        ("serve", "/home/ann/notes", "7"), {"A": "very-secret-token", "B": "xyz"}, "/", "minimal"
    )
    assert found.secrets == ("very-secret-token",)
    assert "very-secret-token" not in repr(found.servers)


def test_a_command_may_inherit_everything(read):
    assert read({"a": {"command": "x", "inheritEnvironment": True}}).servers[0].target.inherit == "all"


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ({"url": "https://a.example/mcp"}, "https://a.example/mcp"),
        ({"url": "http://a.example/sse", "type": "sse"}, "sse+http://a.example/sse"),
        ({"url": "sse+http://a.example/sse"}, "sse+http://a.example/sse"),
        ({"url": "ws://a.example/ws"}, "ws://a.example/ws"),
        ({"url": "wss://a.example${HOME}", "autoApprove": []}, "wss://a.example/home/ann"),
    ],
    ids=str,
)
def test_urls_of_every_transport_are_taken(read, entry, target):
    assert read({"a": entry}).servers[0].target == target


def test_headers_and_timeouts_go_into_the_settings(read):
    found = read({"a": {"url": "http://x/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}, "timeout": 3}})
    settings = found.servers[0].settings
    assert settings.headers == {"Authorization": "Bearer very-secret-token"}
    assert settings.timeout == 3
    assert found.secrets == ("Bearer very-secret-token",)


def test_tls_and_seals_are_those_of_the_files(read, tmp_path):
    made = issue(tmp_path)
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(new_key())
    tls = {"ca": str(made.authority), "cert": str(made.client_certificate), "key": str(made.client_key)}
    found = read({"a": {"url": "https://x/mcp", "tls": tls}, "b": {"command": "x", "sealKeys": str(keys)}})
    assert found.servers[0].settings.ssl_context.check_hostname
    assert found.servers[1].settings.seal is not None


def test_what_is_disabled_is_left_out(read):
    assert [server.name for server in read({"a": {"command": "x"}, "b": {"disabled": True}}).servers] == ["a"]


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ({}, "no server is in mcpServers"),
        ([], 'no object "mcpServers"'),
        ({"a": {"command": "x", "disabled": True}}, "or all are disabled"),
        ({"a/b": {"command": "x"}}, "server 'a/b': a name has letters"),
        ({"a": {}}, "server 'a': it takes a command or a url"),
        ({"a": {"command": "x", "url": "http://x"}}, "and not both"),
        ({"a": {"command": ""}}, "the command is empty"),
        ({"a": {"command": 7}}, "server 'a': Expected"),
        ({"a": {"command": "x", "env": {"K": "env:MISSING"}}}, "the environment has no MISSING"),
        ({"a": {"command": "x", "env": {"A=B": "c"}}}, "'A=B' is no name of a variable"),
        ({"a": {"command": "${MISSING}"}}, "the environment has no MISSING"),
        ({"a": {"command": "x", "headers": {"A": "b"}}}, "headers goes with a url"),
        ({"a": {"url": "http://x", "env": {"A": "b"}}}, "env, args and cwd go with a command"),
        ({"a": {"url": "ftp://user:pw@x/"}}, "'ftp://x/' is no URL"),
        ({"a": {"url": "http://[::1/mcp"}}, "is no URL of a server"),
        ({"a": {"url": "http://x:99999/mcp"}}, "is no URL of a server"),
        ({"a": {"url": "ws:///ws"}}, "is no URL of a server"),
        ({"a": {"url": "http://x", "headers": {"A b": "c"}}}, "the header 'A b' cannot be sent"),
        ({"a": {"url": "http://x", "headers": {"A": "c\r\nEvil: 1"}}}, "the header 'A' cannot be sent"),
        ({"a": {"url": "http://x", "timeout": 0}}, "timeout is a number of seconds"),
        ({"a": {"url": "https://x", "tls": {"ca": "none.pem"}}}, "server 'a': none.pem: no such file"),
        ({"a": {"url": "https://x", "tls": {"verify": False}}}, "unknown field 'verify'"),
        ({"a": {"command": "x", "sealKeys": "none"}}, "server 'a': none: no such file"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_in_one_line_that_names_it(read, servers, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        read(servers)
    assert "\n" not in str(caught.value)
    assert "mcp.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ("[" * 99_999, "no JSON"),
        ('{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}', "'a' stands there twice"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, text, said):
    path = tmp_path / "mcp.json"
    with pytest.raises(ConfigurationError, match=r"mcp\.json: no such file"):
        read_configuration(path)
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_configuration(path)
