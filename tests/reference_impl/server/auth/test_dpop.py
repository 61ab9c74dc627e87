"""Tokens bound to a key, and the proofs of it."""

import base64
import hashlib
import itertools

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from reference_impl.server.access import Access
from reference_impl.server.auth import DpopProofs, Nonces, StaticTokens
from reference_impl.server.auth.dpop import DpopError, Shown
from reference_impl.server.auth.jwt import sign

pytestmark = pytest.mark.anyio
URL = "https://mcp.example/mcp"
KEY = ECKey.generate_key("P-256")
NOW = 1_800_000_000
COUNT = itertools.count()
WHO = {"name": "who"}


def hashed(token):
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def proof(key=KEY, header=None, **claims):
    said = {"jti": str(next(COUNT)), "htm": "POST", "htu": URL, "iat": NOW, "ath": hashed("bound"), **claims}
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
    return sign(head, {name: value for name, value in said.items() if value is not None}, key)


@pytest.fixture
def proofs(clock):
    return DpopProofs(clock=clock)


def shown(text, method="POST", url=URL, token="bound"):
    return Shown(method, url, text, token)


async def test_a_proof_shows_the_thumbprint_of_its_key(proofs):
    assert proofs.verify(shown(proof())) == KEY.thumbprint()
    rsa = RSAKey.generate_key(2048)
    assert proofs.verify(shown(proof(rsa, {"alg": "RS256"}))) == rsa.thumbprint()


@pytest.mark.parametrize(
    "claims",
    [
        {"htm": "GET"},
        {"htu": "https://mcp.example/other"},
        {"htu": "https://evil.example/mcp"},
        {"htu": "http://mcp.example/mcp"},
        {"htu": "https://mcp.example:8443/mcp"},
        {"htu": "http://["},
        {"htu": 7},
        {"iat": NOW - 61},
        {"iat": NOW + 61},
        {"iat": "now"},
        {"iat": None},
        {"jti": None},
        {"ath": hashed("another")},
        {"ath": None},
    ],
)
async def test_a_proof_is_for_one_request_and_one_token(proofs, claims):
    with pytest.raises(DpopError) as refusal:
        proofs.verify(shown(proof(**claims)))
    assert refusal.value.code == "invalid_dpop_proof"


async def test_the_url_of_a_proof_is_compared_without_query_and_in_canonical_form(proofs):
    assert proofs.verify(shown(proof(htu="HTTPS://mcp.EXAMPLE:443/mcp?x=1#y")))


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"jwk": {}}, {"jwk": {"kty": "EC"}}, {"jwk": {"kty": "EC", "crv": "P-256", "x": 7, "y": 8}}],
)
async def test_a_proof_has_its_type_and_its_key(proofs, header):
    with pytest.raises(DpopError):
        proofs.verify(shown(proof(header=header)))


async def test_a_private_or_symmetric_key_or_that_of_another_is_no_key_of_a_proof(proofs):
    others = ECKey.generate_key("P-256").as_dict(private=False)
    for key in (KEY.as_dict(private=True), OctKey.generate_key(256).as_dict(private=True), others):
        with pytest.raises(DpopError):
            proofs.verify(shown(proof(header={"jwk": key})))
    for garbage in (None, "", "a.b.c", proof() + ", " + proof()):
        with pytest.raises(DpopError):
            proofs.verify(shown(garbage))


async def test_a_proof_is_good_once(proofs):
    used = proof()
    proofs.verify(shown(used))
    with pytest.raises(DpopError, match="used before"):
        proofs.verify(shown(used))


async def test_a_nonce_is_asked_for_and_given_up_after_a_while(clock):
    proofs = DpopProofs(nonces=Nonces(clock=clock), clock=clock)
    for nonce in (None, "made up", 7, "\u00e9"):
        with pytest.raises(DpopError) as refusal:
            proofs.verify(shown(proof(nonce=nonce)))
        assert refusal.value.code == "use_dpop_nonce"
    given = refusal.value.nonce
    assert proofs.verify(shown(proof(nonce=given)))
    clock.now += 300
    assert proofs.verify(shown(proof(nonce=given, iat=int(clock.now))))
    clock.now += 300
    with pytest.raises(DpopError):
        proofs.verify(shown(proof(nonce=given, iat=int(clock.now))))


TOKENS = {
    "bound": Access("ann", scopes=frozenset({"mcp"}), jkt=KEY.thumbprint()),
    "free": Access("eve", scopes=frozenset({"mcp"})),
}


@pytest.fixture
def web(guarded, proofs):
    return guarded(verifier=StaticTokens(TOKENS), dpop=proofs)


async def called(web, authorization, dpop=None, name="who"):
    headers = {"authorization": authorization} | ({} if dpop is None else {"dpop": dpop})
    return await web.modern("tools/call", {"name": name}, headers=headers)


async def test_a_bound_token_needs_a_proof(web):
    assert (await called(web, "DPoP bound", proof())).status == 200
    for reply in (
        await called(web, "Bearer bound"),
        await called(web, "Bearer bound", proof()),
        await called(web, "DPoP bound"),
        await called(web, "DPoP bound", proof(ECKey.generate_key("P-256"))),
        await called(web, "DPoP free", proof(ath=hashed("free"))),
    ):
        assert reply.status == 401
        assert 'DPoP error="invalid_' in reply.headers["www-authenticate"]


async def test_a_stolen_request_cannot_be_sent_again(web):
    used = proof()
    assert (await called(web, "DPoP bound", used)).status == 200
    assert (await called(web, "DPoP bound", used)).status == 401


async def test_free_tokens_are_taken_unless_proofs_are_required(web, guarded, clock):
    assert (await called(web, "Bearer free")).status == 200
    strict = guarded(verifier=StaticTokens(TOKENS), dpop=DpopProofs(required=True, clock=clock))
    reply = await called(strict, "Bearer free")
    assert (reply.status, reply.headers["www-authenticate"].startswith("DPoP ")) == (401, True)
    metadata = (await strict.send("GET", path="/.well-known/oauth-protected-resource")).json
    assert metadata["dpop_bound_access_tokens_required"] is True
    assert "ES256" in metadata["dpop_signing_alg_values_supported"]


async def test_both_schemes_are_offered(web):
    challenge = (await web.modern("tools/call", WHO)).headers["www-authenticate"]
    assert challenge.startswith("Bearer resource_metadata=")
    assert ', DPoP resource_metadata="' in challenge
    assert 'algs="ES256 ' in challenge


async def test_the_challenge_of_a_bound_token_speaks_its_scheme(web):
    reply = await called(web, "DPoP bound", proof(), "write")
    assert reply.headers["www-authenticate"].startswith('DPoP error="insufficient_scope"')


async def test_a_nonce_comes_with_the_refusal_that_asks_for_it(guarded, clock):
    web = guarded(verifier=StaticTokens(TOKENS), dpop=DpopProofs(nonces=Nonces(clock=clock), clock=clock))
    refused = await called(web, "DPoP bound", proof())
    assert 'DPoP error="use_dpop_nonce"' in refused.headers["www-authenticate"]
    assert (await called(web, "DPoP bound", proof(nonce=refused.headers["dpop-nonce"]))).status == 200


async def test_a_bound_token_is_no_bearer_token_where_no_proofs_are_taken(guarded):
    web = guarded(verifier=StaticTokens(TOKENS))
    assert (await called(web, "Bearer bound")).status == 401
    assert (await called(web, "DPoP bound", proof())).status == 401
