"""Which addresses may be used, and where metadata lies."""

import pytest

from reference_impl.client.auth.addresses import (
    authorization_server_locations,
    base_url,
    canonical,
    covers,
    require_secure,
    resource_locations,
)
from reference_impl.client.errors import AuthorizationFailed


@pytest.mark.parametrize(
    "url", ["https://a.example/x", "http://localhost:1/x", "http://127.0.0.1/", "http://[::1]:80/"]
)
def test_secrets_go_over_https_or_stay_on_this_machine(url):
    assert require_secure(url, "it") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "http://localhost.a.example/",
        "http://127.0.0.1.a.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https:///nowhere",
        "https://user@a.example/",
        "https://a.example/#fragment",
        "https://a.example/\nx",
        "https://a.example:port/",
        "calc.exe",
    ],
)
def test_everything_else_is_refused(url):
    with pytest.raises(AuthorizationFailed):
        require_secure(url, "it")


def test_the_canonical_address_has_one_spelling():
    assert canonical("HTTPS://MCP.Example:443/mcp/?a=b#c") == "https://mcp.example/mcp"
    assert canonical("https://mcp.example/") == "https://mcp.example"
    assert canonical("http://[::1]:8080/mcp") == "http://[::1]:8080/mcp"
    assert base_url("https://mcp.example:8443/v1/mcp") == "https://mcp.example:8443"


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ("https://mcp.example/mcp", True),
        ("https://mcp.example/mcp/", True),
        ("https://MCP.example:443/mcp", True),
        ("https://mcp.example", True),
        ("https://mcp.example/mc", False),
        ("https://mcp.example/mcp/inner", False),
        ("https://mcp.example/mcp#x", False),
        ("http://mcp.example/mcp", False),
        ("https://mcp.example:8443/mcp", False),
        ("https://evil.example/mcp", False),
        ("https://mcp.example.evil.example/mcp", False),
        ("mcp", False),
    ],
)
def test_an_identifier_covers_its_server_or_a_parent_of_it(resource, covered):
    assert covers(resource, "https://mcp.example/mcp") is covered


def test_resource_metadata_lies_at_the_servers_path_and_then_at_the_root():
    assert resource_locations("https://a.example/public/mcp") == (
        "https://a.example/.well-known/oauth-protected-resource/public/mcp",
        "https://a.example/.well-known/oauth-protected-resource",
    )
    assert resource_locations("https://a.example") == ("https://a.example/.well-known/oauth-protected-resource",)


def test_authorization_server_metadata_lies_at_three_places_or_two():
    assert authorization_server_locations("https://a.example/tenant1") == (
        "https://a.example/.well-known/oauth-authorization-server/tenant1",
        "https://a.example/.well-known/openid-configuration/tenant1",
        "https://a.example/tenant1/.well-known/openid-configuration",
    )
    assert authorization_server_locations("https://a.example/") == (
        "https://a.example/.well-known/oauth-authorization-server",
        "https://a.example/.well-known/openid-configuration",
    )
