"""Introspection and revocation."""

import pytest

from reference_impl.servers.authorization import Client

pytestmark = pytest.mark.anyio
SECRET = {"client_id": "secret", "client_secret": "s3cret:%"}


@pytest.mark.parametrize("tokens", ["jwt", "opaque"])
async def test_a_resource_server_hears_what_a_token_is_worth(visitor, clock, tokens):
    server = visitor(tokens=tokens)
    token = (await server.redeem(await server.code())).json["access_token"]
    assert (token.count(".") == 2) == (tokens == "jwt")
    claims = (await server.post("/introspect", token=token, **SECRET)).json
    assert (claims["active"], claims["sub"], claims["token_type"]) == (True, "demo", "Bearer")
    assert claims["aud"] == "https://mcp.example/mcp"
    clock.now += 301
    assert (await server.post("/introspect", token=token, **SECRET)).json == {"active": False}


async def test_nothing_else_is_active(server):
    tokens = (await server.redeem(await server.code(scope="openid"))).json
    for token in ("made up", tokens["refresh_token"], tokens["id_token"], tokens["access_token"] + "x"):
        assert (await server.post("/introspect", token=token, **SECRET)).json == {"active": False}


async def test_only_resource_servers_may_ask(server):
    assert (await server.post("/introspect", token="x", client_id="public")).status == 403
    assert (await server.post("/introspect", token="x")).status == 400
    assert (await server.post("/introspect", token="x", client_id="secret", client_secret="w")).status == 401


async def test_a_revoked_refresh_token_takes_its_family_along(server):
    tokens = (await server.redeem(await server.code())).json
    answer = await server.post("/revoke", token=tokens["refresh_token"], client_id="public")
    assert (answer.status, answer.body) == (200, b"")
    assert (await server.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    token = tokens["access_token"]
    assert (await server.post("/introspect", token=token, **SECRET)).json == {"active": False}


async def test_a_revoked_access_token_goes_alone(server):
    tokens = (await server.redeem(await server.code())).json
    await server.post("/revoke", token=tokens["access_token"], client_id="public")
    token = tokens["access_token"]
    assert (await server.post("/introspect", token=token, **SECRET)).json == {"active": False}
    assert (await server.refresh(tokens["refresh_token"])).status == 200


async def test_nobody_revokes_anothers_token_or_learns_of_it(visitor):
    redirects = ("https://client.example/callback",)
    server = visitor([Client("public", redirects), Client("other", redirects)])
    tokens = (await server.redeem(await server.code())).json
    for token in (tokens["refresh_token"], tokens["access_token"], "made up"):
        assert (await server.post("/revoke", token=token, client_id="other")).status == 200
    assert (await server.refresh(tokens["refresh_token"])).status == 200
