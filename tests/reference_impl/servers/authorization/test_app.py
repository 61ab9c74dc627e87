"""Discovery and routes of the authorization server."""

import pytest

from reference_impl.servers.authorization import AuthorizationServer, Features, Settings

pytestmark = pytest.mark.anyio
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


@pytest.mark.parametrize("path", [OAUTH, OPENID])
async def test_both_discovery_documents_name_the_issuer_and_what_it_offers(server, path):
    answer = await server.get(path)
    document = answer.json
    assert (answer.status, document["issuer"]) == (200, "http://127.0.0.1:9000")
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["client_id_metadata_document_supported"] is True
    assert document["registration_endpoint"] == "http://127.0.0.1:9000/register"
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" not in document["grant_types_supported"]


async def test_what_is_switched_off_is_neither_offered_nor_there(visitor):
    features = Features(
        oauth_metadata=False, issuer_parameter=False, registration=False, documents=False, loopback=False
    )
    server = visitor(features=features)
    assert (await server.get(OAUTH)).status == 404
    document = (await server.get(OPENID)).json
    absent = {
        "registration_endpoint",
        "client_id_metadata_document_supported",
        "authorization_response_iss_parameter_supported",
    }
    assert not absent & document.keys()
    assert (await server.post_json("/register", {})).status == 404
    assert "iss" not in (await server.authorize()).answer
    assert (await visitor(features=Features(openid=False)).get(OPENID)).status == 404


async def test_an_issuer_with_a_path_has_its_documents_where_clients_look(visitor):
    server = visitor()
    server.application = AuthorizationServer(Settings("http://127.0.0.1:9000/tenant"))
    for path in (f"{OAUTH}/tenant", f"{OPENID}/tenant", f"/tenant{OPENID}"):
        document = (await server.get(path)).json
        assert document["token_endpoint"] == "http://127.0.0.1:9000/tenant/token"
    assert (await server.get(OAUTH)).status == 404
    assert (await server.get("/tenant/jwks")).status == 200


@pytest.mark.parametrize("issuer", ["", "http://auth.example", "https://auth.example?x=1", "https://auth.example#x"])
async def test_an_issuer_is_one_that_clients_take(issuer):
    with pytest.raises(ValueError, match="issuer"):
        Settings(issuer)


async def test_unknown_paths_methods_and_bodies_are_refused(server):
    assert (await server.get("/nowhere")).status == 404
    wrong = await server.get("/token")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert (await server.send("OPTIONS", "/token")).status == 204
    assert (await server.post_json("/token", {})).json["error"] == "invalid_request"
    assert (await server.send("POST", "/token", b"x" * 70_000)).status == 413


async def test_published_keys_hold_nothing_private_and_outlive_a_rotation(server):
    before = (await server.get("/jwks")).json["keys"]
    server.application.keys.rotate()
    after = (await server.get("/jwks")).json["keys"]
    assert len(after) == 2
    assert after[1] == before[0]
    assert not any("d" in key for key in after)
    server.application.keys.forget()
    assert (await server.get("/jwks")).json["keys"] == after[:1]


async def test_keys_rotate_by_themselves_and_old_ones_go(server, clock):
    application = server.application
    first = application.keys.document()["keys"][0]["kid"]
    clock.now += application.settings.lifetimes.key + 1
    await server.redeem(await server.code())
    kids = [key["kid"] for key in application.keys.document()["keys"]]
    assert kids[1:] == [first]
    clock.now += application.settings.lifetimes.key + 1
    await server.redeem(await server.code())
    assert first not in [key["kid"] for key in application.keys.document()["keys"]]
