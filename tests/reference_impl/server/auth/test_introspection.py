"""Tokens that only their issuer understands."""

import base64

import pytest

from reference_impl.server.auth import IntrospectionVerifier, InvalidTokenError, VerificationUnavailableError

pytestmark = pytest.mark.anyio
GOOD = {
    "active": True,
    "sub": "ann",
    "aud": "https://mcp.example/mcp",
    "client_id": "cli",
    "scope": "mcp",
    "exp": 1_800_000_300,
}


@pytest.fixture
def verifier(origin, clock):
    where = f"{origin.url}/introspect"
    return IntrospectionVerifier("https://mcp.example/mcp", "https://auth.example", where, ("rs", "p:w/d"), clock=clock)


async def test_the_issuer_is_asked_by_a_client_that_it_knows(verifier, origin):
    origin.documents["/introspect"] = GOOD
    access = await verifier.verify("opaque+token")
    assert (access.issuer, access.subject, access.client_id) == ("https://auth.example", "ann", "cli")
    assert access.scopes == {"mcp"}
    assert origin.bodies == [b"token=opaque%2Btoken&token_type_hint=access_token"]
    scheme, _, credentials = origin.headers[0]["authorization"].partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", b"rs:p%3Aw%2Fd")


@pytest.mark.parametrize(
    "answer",
    [
        {"active": False},
        {},
        GOOD | {"active": "true"},
        GOOD | {"active": 1},
        GOOD | {"aud": "https://other.example"},
        {key: value for key, value in GOOD.items() if key != "aud"},
        {key: value for key, value in GOOD.items() if key != "sub"},
        GOOD | {"iss": "https://evil.example"},
        GOOD | {"exp": 1_799_999_999},
        GOOD | {"exp": "soon"},
    ],
)
async def test_an_answer_that_does_not_say_yes_is_a_no(verifier, origin, answer):
    origin.documents["/introspect"] = answer
    with pytest.raises(InvalidTokenError):
        await verifier.verify("t")


@pytest.mark.parametrize("answer", [None, b"", b"[]", b"<html>"])
async def test_no_answer_lets_nobody_in(verifier, origin, answer):
    origin.documents["/introspect"] = answer
    if answer is None:
        origin.documents.clear()
    with pytest.raises(VerificationUnavailableError):
        await verifier.verify("t")
