"""How an endpoint is protected, and what its metadata says."""

import subprocess
import sys

import pytest

from reference_impl.server import auth
from reference_impl.server.auth import Authorization, StaticTokens

AS = ("https://auth.example",)


def made(resource="https://mcp.example/mcp", servers=AS, **more):
    return Authorization(resource, servers, StaticTokens({}), **more)


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://mcp.example", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://MCP.example:8443/a/mcp", "https://mcp.example:8443/.well-known/oauth-protected-resource/a/mcp"),
        ("http://localhost:80/mcp", "http://localhost:80/.well-known/oauth-protected-resource/mcp"),
    ],
)
def test_the_well_known_path_comes_before_the_path_of_the_resource(resource, url):
    assert made(resource).metadata_url == url


def test_metadata_is_served_for_the_resource_the_endpoint_and_the_root():
    well_known = "/.well-known/oauth-protected-resource"
    paths = made("https://mcp.example/outside").metadata_paths("/mcp")
    assert paths == {well_known, f"{well_known}/outside", f"{well_known}/mcp"}


def test_metadata_advertises_what_basic_use_needs_and_more_if_told():
    assert "scopes_supported" not in made().metadata()
    more = made(scopes=("mcp",), supported=("mcp", "x"), described={"resource_name": "M", "resource": "no"})
    assert more.metadata()["scopes_supported"] == ["mcp", "x"]
    assert more.metadata()["resource_name"] == "M"
    assert more.metadata()["resource"] == "https://mcp.example/mcp"


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource": "mcp.example"},
        {"resource": "http://mcp.example/mcp"},
        {"resource": "https://mcp.example/#x"},
        {"resource": 'https://mcp.example/"'},
        {"servers": ()},
        {"scopes": ("a b",)},
        {"scopes": ("mcp", "offline_access")},
        {"supported": ('"',)},
    ],
)
def test_what_clients_could_not_use_is_refused(wrong):
    with pytest.raises(ValueError, match=r"resource|authorization server|scope"):
        made(**wrong)


def test_scopes_reach_what_they_imply_even_in_circles():
    reach = made(implied={"a": ("b",), "b": ("c", "a")}).reach
    assert reach(frozenset({"a"})) == {"a", "b", "c"}
    assert reach(frozenset({"c"})) == {"c"}


def test_principals_are_told_apart_whatever_their_names_hold():
    names = [("a", "b c", None), ("a", "b", "c"), ("a b", "c", None), ("a", "b%20c", None), ("", "a b c", None)]
    access = [auth.Access(subject, issuer, client) for issuer, subject, client in names]
    assert len({item.principal for item in access}) == len(names)


def test_what_needs_optional_packages_is_imported_when_it_is_asked_for():
    program = (
        "import sys, reference_impl.server.auth as a; print({'joserfc', 'aiohttp'} & set(sys.modules)); a.JwtVerifier"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
    program = "import sys; sys.modules['joserfc'] = None; from reference_impl.server.auth import JwtVerifier"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "JwtVerifier needs joserfc: install mcp-touchstone[servers]" in done.stderr
    with pytest.raises(AttributeError):
        auth.Nothing  # noqa: B018 - looking is what is tested
