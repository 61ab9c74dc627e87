"""Client assertions and proofs, verified by the library that others use."""

import warnings

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey, thumbprint

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.fetching import Fetched
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.signing import ProofKey, client_assertion
from reference_impl.client.auth.token_endpoint import request_token
from reference_impl.client.errors import AuthorizationFailed
from tests.reference_impl.client.auth.test_token_endpoint import Endpoint
from tests.reference_impl.client.auth.world import ISSUER, SERVER, Issuer, World, headers, refused, reply

pytestmark = pytest.mark.anyio

EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
ED = OKPKey.generate_key("Ed25519")


def pem(key) -> str:
    return key.as_pem(private=True).decode()


def decode(token: str, key, algorithm: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.decode(token, key, algorithms=[algorithm])


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "RS256"), (ED, "EdDSA")])
def test_an_assertion_is_signed_for_the_issuer_alone_and_for_a_short_while(key, algorithm):
    token = client_assertion(ClientIdentity("me", private_key=pem(key)), ISSUER, None)
    decoded = decode(token, key, algorithm)
    assert decoded.header["alg"] == algorithm
    claims = decoded.claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", ISSUER)
    assert 0 < claims["exp"] - claims["iat"] <= 300
    again = client_assertion(ClientIdentity("me", private_key=pem(key)), ISSUER, None)
    assert claims["jti"] != decode(again, key, algorithm).claims["jti"]


def test_the_algorithm_is_one_that_the_authorization_server_takes():
    identity = ClientIdentity("me", private_key=pem(RSA))
    token = client_assertion(identity, ISSUER, ("ES256", "PS256"))
    assert jwt.decode(token, RSA, algorithms=["PS256"]).claims["sub"] == "me"


def test_an_assertion_is_not_made_where_it_would_not_be_taken():
    identity = ClientIdentity("me", private_key=pem(EC))
    with pytest.raises(AuthorizationFailed, match="no assertions signed with ES256"):
        client_assertion(identity, ISSUER, ("RS256",))
    with pytest.raises(AuthorizationFailed, match="none that can be used") as failure:
        client_assertion(ClientIdentity("me", private_key="hush"), ISSUER, None)
    assert "hush" not in str(failure.value)
    with pytest.raises(AuthorizationFailed, match="cannot sign with RS256"):
        client_assertion(ClientIdentity("me", private_key=pem(EC), algorithm="RS256"), ISSUER, None)


def proof(token: str):
    """Verify a proof by the key that it carries."""
    header = jwt.decode(token, ECKey.import_key(_jwk(token)), algorithms=["ES256"])
    assert header.header["typ"] == "dpop+jwt"
    assert "d" not in header.header["jwk"]
    return header


def _jwk(token: str):
    from joserfc.jws import extract_compact

    return extract_compact(token.encode()).headers()["jwk"]


def test_a_proof_is_made_for_one_request():
    key = ProofKey()
    url = "https://a.example/mcp?x=y#z"
    first, second = proof(key.proof("POST", url)), proof(key.proof("POST", url, "token"))
    assert first.claims["htu"] == "https://a.example/mcp"
    assert first.claims["htm"] == "POST"
    assert first.claims["jti"] != second.claims["jti"]
    assert ("ath" in first.claims, "nonce" in first.claims) == (False, False)
    # The digest of "token" by RFC 9449, section 4.2, made with openssl.
    assert second.claims["ath"] == "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A"


def test_a_nonce_belongs_to_the_origin_that_named_it():
    key = ProofKey()
    assert key.note("https://a.example/token", "n1")
    assert not key.note("https://a.example/token", "n1")
    assert not key.note("https://a.example/token", None)
    assert proof(key.proof("POST", "https://a.example/mcp")).claims["nonce"] == "n1"
    assert "nonce" not in proof(key.proof("POST", "https://b.example/mcp")).claims


def test_a_key_can_be_kept():
    key = ProofKey()
    again = ProofKey(key.kept())
    ours, theirs = (_jwk(each.proof("GET", SERVER)) for each in (key, again))
    assert thumbprint(ours) == thumbprint(theirs)


async def test_a_token_endpoint_that_wants_a_nonce_is_asked_again_with_it_once():
    wants = Fetched(400, {"dpop-nonce": "n1"}, b'{"error": "use_dpop_nonce"}')
    endpoint = Endpoint(wants, reply(200, {"access_token": "t", "token_type": "DPoP"}))
    server = AuthorizationServer(issuer=ISSUER, token_endpoint=f"{ISSUER}/token")
    await request_token(endpoint, server, ClientIdentity("a", ISSUER), {}, ProofKey())
    nonces = [proof(head["dpop"]).claims.get("nonce") for _, head in endpoint.seen]
    assert nonces == [None, "n1"]
    endpoint = Endpoint(wants, Fetched(400, {"dpop-nonce": "n2"}, b'{"error": "use_dpop_nonce"}'))
    with pytest.raises(AuthorizationFailed, match="use_dpop_nonce"):
        await request_token(endpoint, server, ClientIdentity("a", ISSUER), {}, ProofKey())


# Tokens that are bound to a key -------------------------------------------------------------------


def binding(**said) -> World:
    return World(Issuer(answer={"token_type": "DPoP"}, said=said))


async def test_a_server_that_wants_bound_tokens_gets_a_fresh_proof_with_every_request():
    world = binding(dpop_signing_alg_values_supported=["ES256"])
    oauth = world.oauth()
    assert await refused(oauth, "DPoP")
    asked = proof(world.issuer.heads[0]["dpop"])
    assert asked.claims["htu"] == f"{ISSUER}/token"
    first, second = await headers(oauth), await headers(oauth)
    assert first["authorization"] == "DPoP token-1"
    assert first["dpop"] != second["dpop"]
    assert proof(first["dpop"]).claims["ath"]


async def test_resource_metadata_may_demand_bound_tokens_as_well():
    world = binding()
    world.describe(dpop_bound_access_tokens_required=True)
    oauth = world.oauth()
    await refused(oauth, "Bearer")
    assert (await headers(oauth))["authorization"] == "DPoP token-1"


async def test_an_unbound_token_is_not_taken_where_bound_ones_are_wanted():
    with pytest.raises(AuthorizationFailed, match="of the kind"):
        await refused(World().oauth(), "DPoP")


async def test_an_authorization_server_that_knows_other_proofs_alone_is_of_no_use():
    world = binding(dpop_signing_alg_values_supported=["RS256"])
    with pytest.raises(AuthorizationFailed, match="binds no tokens by ES256"):
        await refused(world.oauth(), "DPoP")
    assert world.issuer.asked == []


async def test_a_nonce_of_the_server_goes_into_the_next_proof():
    world = binding()
    oauth = world.oauth()
    await refused(oauth, "DPoP")
    oauth.noted(SERVER, {"dpop-nonce": "n7"})
    assert proof((await headers(oauth))["dpop"]).claims["nonce"] == "n7"
    assert not await refused(oauth, 'DPoP error="use_dpop_nonce"')  # without a nonce there is nothing to do


async def test_a_bound_token_comes_back_from_the_store_with_its_key():
    world = binding()
    first = world.oauth()
    await refused(first, "DPoP")
    second = world.oauth(store=first._store)
    keys = [_jwk((await headers(oauth))["dpop"]) for oauth in (first, second)]
    assert keys[0] == keys[1]
