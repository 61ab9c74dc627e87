"""Clients that register themselves, and clients that describe themselves."""

import asyncio

import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.servers.authorization import Features

pytestmark = pytest.mark.anyio
NATIVE = {"client_name": "App", "redirect_uris": ["http://127.0.0.1:3000/cb"], "token_endpoint_auth_method": "none"}


async def test_a_client_registers_and_is_known_from_then_on(server):
    more = {"grant_types": ["authorization_code", "refresh_token"], "scope": "mcp", "application_type": "native"}
    answer = await server.post_json("/register", NATIVE | more)
    client = answer.json
    assert (answer.status, client["token_endpoint_auth_method"]) == (201, "none")
    assert client["scope"] == "mcp files:read files:write openid offline_access"
    assert "client_secret" not in client
    assert (client["client_name"], client["application_type"]) == ("App", "native")
    asked = {"client_id": client["client_id"], "redirect_uri": "http://127.0.0.1:4000/cb"}
    code = await server.code(**asked, scope="mcp")
    assert "refresh_token" in (await server.redeem(code, **asked)).json
    assert "code" in (await server.authorize(**asked, scope="mcp files:read")).answer
    assert (await server.authorize(**asked, scope="root")).answer["error"] == "invalid_scope"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", None])
async def test_a_client_that_wants_a_secret_gets_one(server, method):
    metadata = {"redirect_uris": ["https://a.example/cb"]} | (
        {} if method is None else {"token_endpoint_auth_method": method}
    )
    client = (await server.post_json("/register", metadata)).json
    assert client["token_endpoint_auth_method"] == (method or "client_secret_basic")
    assert len(client["client_secret"]) >= 32
    asked = {"client_id": client["client_id"], "redirect_uri": "https://a.example/cb"}
    code = await server.code(**asked)
    assert (await server.redeem(code, **asked)).json["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://a.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://user@a.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://["]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://localhost/cb"], "application_type": "web"}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://a.example/cb"}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://a.example/cb"] * 30}, "invalid_client_metadata"),
        (NATIVE | {"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        (NATIVE | {"token_endpoint_auth_method": 7}, "invalid_client_metadata"),
        (NATIVE | {"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        (NATIVE | {"grant_types": ["implicit"]}, "invalid_client_metadata"),
        (NATIVE | {"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ],
)
async def test_what_cannot_be_registered_is_refused(server, metadata, error):
    answer = await server.post_json("/register", metadata)
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_a_registration_is_a_json_object(server):
    for body in (b"[]", b"{", b""):
        assert (await server.send("POST", "/register", body)).json["error"] == "invalid_client_metadata"


async def test_an_app_may_have_a_scheme_of_its_own(server):
    metadata = NATIVE | {"redirect_uris": ["com.example.app:/cb"]}
    client_id = (await server.post_json("/register", metadata)).json["client_id"]
    answer = await server.authorize(client_id=client_id, redirect_uri="com.example.app:/cb")
    assert answer.headers["location"].startswith("com.example.app:/cb?code=")


async def test_registrations_are_bounded(server):
    first = (await server.post_json("/register", NATIVE)).json["client_id"]
    for _ in range(1000):
        await server.post_json("/register", NATIVE)
    assert await server.application.clients.find(first) is None


class Host:
    """Hosts one document over HTTP on this machine."""

    def __init__(self):
        self.document = {}
        self.control = "max-age=60"
        self.count = 0

    async def serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.count += 1
        body = encode_json(self.document)
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\ncache-control: {self.control}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def host():
    made = Host()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.id = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/client.json"
    made.document = {"client_id": made.id, **NATIVE}
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
def local(visitor):
    return visitor(features=Features(loopback=True))


async def test_a_client_is_known_by_the_document_at_its_id(local, host):
    asked = {"client_id": host.id, "redirect_uri": "http://127.0.0.1:3000/cb"}
    assert (await local.redeem(await local.code(**asked), **asked)).status == 200
    assert host.count == 1
    assert "location" not in (await local.authorize(client_id=host.id, redirect_uri="https://evil.example")).headers


async def test_a_document_is_kept_as_long_as_it_allows(local, host, clock):
    asked = {"client_id": host.id, "redirect_uri": "http://127.0.0.1:3000/cb"}
    await local.authorize(**asked)
    await local.authorize(**asked)
    assert host.count == 1
    clock.now += 61
    host.control = "no-store"
    await local.authorize(**asked)
    await local.authorize(**asked)
    assert host.count == 3


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "https://other.example/client.json"},
        {"client_id": None},
        {"client_name": None},
        {"redirect_uris": []},
        {"redirect_uris": ["http://evil.example/cb"]},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"client_name": "x" * 20_000},
    ],
)
async def test_a_document_must_be_right_in_every_way(local, host, change):
    host.document |= change
    answer = await local.authorize(client_id=host.id, redirect_uri="http://127.0.0.1:3000/cb")
    assert (answer.status, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("path", ["", "/", "/a/../client.json", "/./client.json", "/client.json#x"])
async def test_an_id_that_is_a_url_has_a_plain_path(local, host, path):
    answer = await local.authorize(client_id=host.id.removesuffix("/client.json") + path)
    assert (answer.status, host.count) == (400, 0)


async def test_documents_on_this_machine_are_fetched_only_when_told_so(server, host):
    for client_id in (host.id.replace("http:", "https:"), "https://169.254.169.254/client.json"):
        answer = await server.authorize(client_id=client_id)
        assert (answer.status, b"cannot be fetched" in answer.body) == (400, True)
    assert (await server.authorize(client_id=host.id)).status == 400
    assert host.count == 0
