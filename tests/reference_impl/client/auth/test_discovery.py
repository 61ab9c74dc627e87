"""From a challenge to the authorization server's metadata."""

import pytest

from reference_impl.client.auth.discovery import discover
from reference_impl.client.auth.metadata import read_authorization_server, read_protected_resource
from reference_impl.client.errors import AuthorizationFailed
from tests.reference_impl.client.auth.world import ISSUER, METADATA, SERVER, Issuer, World

pytestmark = pytest.mark.anyio

ROOT = "https://mcp.example/.well-known/oauth-protected-resource"


async def find(world: World, named: str | None = None, preferred: tuple[str, ...] = ()):
    return await discover(world, SERVER, named, preferred, {})


async def test_the_address_in_the_challenge_comes_first():
    world = World()
    world.documents["https://mcp.example/elsewhere.json"] = world.documents[METADATA]
    await find(world, "https://mcp.example/elsewhere.json")
    assert world.fetched[0] == "https://mcp.example/elsewhere.json"
    assert METADATA not in world.fetched


async def test_without_one_the_servers_path_is_tried_and_then_the_root():
    world = World()
    world.documents[ROOT] = world.documents.pop(METADATA) | {"resource": "https://mcp.example"}
    found = await find(world)
    assert world.fetched[:2] == [METADATA, ROOT]
    assert found.resource == "https://mcp.example"  # as it was published, and as it goes into the requests


async def test_an_address_in_the_challenge_that_leads_nowhere_is_not_the_end():
    world = World()
    await find(world, "https://mcp.example/gone")
    assert world.fetched[:2] == ["https://mcp.example/gone", METADATA]


async def test_metadata_about_another_resource_ends_the_matter():
    world = World(resource="https://evil.example/mcp")
    with pytest.raises(AuthorizationFailed, match=r"another resource: https://evil\.example/mcp"):
        await find(world)
    assert world.fetched == [METADATA]


async def test_an_address_in_the_challenge_without_tls_is_not_fetched():
    world = World()
    with pytest.raises(AuthorizationFailed, match="not served over HTTPS"):
        await find(world, "http://mcp.example/metadata")
    assert world.fetched == []


async def test_a_server_has_to_name_an_authorization_server():
    with pytest.raises(AuthorizationFailed, match="names no authorization server"):
        await find(World(authorization_servers=[]))


@pytest.mark.parametrize("read", [read_protected_resource, read_authorization_server])
def test_metadata_that_nests_without_end_is_none(read):
    body = b'{"resource": "https://a", "issuer": "https://a", "x": ' + b"[" * 100_000
    with pytest.raises(AuthorizationFailed, match=r"the document is no .* metadata"):
        read(body, "the document")


@pytest.mark.parametrize("document", ["x", {"resource": 1}, {"resource": SERVER, "authorization_servers": "https://a"}])
async def test_what_is_no_metadata_is_said_to_be_none_without_a_word_of_it(document):
    world = World()
    world.documents[METADATA] = document
    world.documents[ROOT] = {"resource": 7}
    with pytest.raises(AuthorizationFailed, match="is no protected resource metadata"):
        await find(world)


@pytest.mark.parametrize(
    "where",
    [
        "https://auth.example/.well-known/oauth-authorization-server/tenant",
        "https://auth.example/.well-known/openid-configuration/tenant",
        "https://auth.example/tenant/.well-known/openid-configuration",
    ],
)
async def test_the_metadata_of_an_issuer_with_a_path_is_found_at_each_of_three_places(where):
    issuer = Issuer(f"{ISSUER}/tenant")
    world = World(issuer)
    del world.documents[f"{issuer.issuer}/.well-known/oauth-authorization-server"]
    world.documents[where] = issuer.metadata
    assert (await find(world)).server.issuer == f"{ISSUER}/tenant"
    assert world.fetched[-1] == where


async def test_metadata_that_speaks_for_another_issuer_is_not_used():
    world = World(Issuer(said={"issuer": "https://honest.example"}))
    with pytest.raises(AuthorizationFailed, match=r"another issuer: https://honest\.example"):
        await find(world)


@pytest.mark.parametrize("spelling", [f"{ISSUER}/", "https://AUTH.example", "https://auth.example:443"])
async def test_an_issuer_is_compared_letter_by_letter(spelling):
    with pytest.raises(AuthorizationFailed, match="another issuer"):
        await find(World(Issuer(said={"issuer": spelling})))


async def test_the_right_document_is_found_behind_a_wrong_one():
    issuer = Issuer()
    world = World(issuer)
    wrong = issuer.metadata() | {"issuer": "https://other.example"}
    world.documents[f"{ISSUER}/.well-known/oauth-authorization-server"] = wrong
    world.documents[f"{ISSUER}/.well-known/openid-configuration"] = issuer.metadata
    assert (await find(world)).server.issuer == ISSUER


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "registration_endpoint"])
@pytest.mark.parametrize("url", ["http://auth.example/x", "javascript:alert(1)", "file:///etc/passwd", "cmd.exe /c x"])
async def test_an_endpoint_that_is_no_address_for_secrets_spoils_the_metadata(endpoint, url):
    with pytest.raises(AuthorizationFailed, match=endpoint):
        await find(World(Issuer(said={endpoint: url})))


async def test_an_issuer_at_which_the_client_is_known_comes_before_the_order_of_the_list():
    one, two = Issuer("https://one.example"), Issuer("https://two.example")
    assert (await find(World(one, two))).server.issuer == "https://one.example"
    assert (await find(World(one, two), preferred=("https://two.example",))).server.issuer == "https://two.example"
    assert (await find(World(one, two), preferred=("https://three.example",))).server.issuer == "https://one.example"


async def test_an_issuer_that_publishes_nothing_gives_way_to_the_next():
    one, two = Issuer("https://one.example"), Issuer("https://two.example")
    world = World(one, two)
    del world.documents["https://one.example/.well-known/oauth-authorization-server"]
    assert (await find(world)).server.issuer == "https://two.example"
    del world.documents["https://two.example/.well-known/oauth-authorization-server"]
    with pytest.raises(AuthorizationFailed, match=r"https://one\.example publishes no authorization server metadata"):
        await find(world)


async def test_a_list_without_end_is_tried_for_a_while():
    world = World(authorization_servers=[f"https://a{number}.example" for number in range(1000)])
    with pytest.raises(AuthorizationFailed, match=r"https://a0\.example publishes no"):
        await find(world)
    assert len(world.fetched) < 30


# Servers of 2025-03-26, which are their own authorization servers --------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_server_without_resource_metadata_may_be_its_own_authorization_server(slash):
    issuer = Issuer("https://mcp.example", said={"issuer": f"https://mcp.example{slash}"})
    world = World(issuer)
    del world.documents[METADATA]
    found = await find(world)
    assert (found.resource, found.server.issuer) == (SERVER, f"https://mcp.example{slash}")


async def test_a_server_without_any_metadata_has_the_default_endpoints():
    world = World()
    world.documents.clear()
    server = (await find(world)).server
    assert (server.issuer, server.authorization_endpoint) == ("https://mcp.example", "https://mcp.example/authorize")
    assert (server.token_endpoint, server.registration_endpoint) == (
        "https://mcp.example/token",
        "https://mcp.example/register",
    )


async def test_the_revision_is_told_while_metadata_is_looked_for():
    world = World()
    await discover(world, SERVER, None, (), {"mcp-protocol-version": "2025-03-26"})
    assert all(headers == {"mcp-protocol-version": "2025-03-26"} for headers in world.headers)
