"""What a protected endpoint lets in, and how it refuses the rest."""

import logging

import pytest

from reference_impl.server.access import ACCESS, Access
from reference_impl.server.auth import Authorization, InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.gate import Gate
from reference_impl.server.http.messages import HttpRequest

pytestmark = pytest.mark.anyio
WHO = {"name": "who"}
METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"


class Counting:
    """A verifier that counts its work; its answers are what it is given."""

    def __init__(self, answer, cache_seconds=60.0):
        self.answer = answer
        self.cache_seconds = cache_seconds
        self.count = 0

    async def verify(self, _token):
        self.count += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_a_request_without_token_hears_where_to_get_one(web):
    reply = await web.modern("tools/call", WHO)
    assert reply.status == 401
    challenge = reply.headers["www-authenticate"]
    assert challenge == f'Bearer resource_metadata="{METADATA}", scope="mcp"'
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json["error"]["code"] == -32600


async def test_a_good_token_names_its_principal_and_scopes(web, bearer):
    reply = await web.modern("tools/call", WHO, headers=bearer("ann"))
    assert reply.json["result"]["content"][0]["text"] == "https://auth.example ann cli | files:read mcp"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
async def test_the_name_of_the_scheme_may_be_written_in_any_case(web, scheme):
    assert (await web.modern("tools/call", WHO, headers={"authorization": f"{scheme} ann"})).status == 200


@pytest.mark.parametrize("value", ["Basic YW5uOmFubg==", "DPoP ann", "ann", "", "Negotiate x"])
async def test_other_schemes_are_no_token(web, value):
    reply = await web.modern("tools/call", WHO, headers={"authorization": value})
    assert (reply.status, "error=" in reply.headers["www-authenticate"]) == (401, False)


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer ann eve", "Bearer ann, Bearer eve", "Bearer a\u00e9", "Bearer =x"]
)
async def test_a_malformed_authorization_is_a_bad_request(web, value):
    reply = await web.modern("tools/call", WHO, headers={"authorization": value})
    assert reply.status == 400
    assert 'error="invalid_request"' in reply.headers["www-authenticate"]


async def test_a_huge_token_is_refused_before_anybody_looks_at_it(guarded, bearer):
    verifier = Counting(Access("ann"))
    web = guarded(verifier=verifier)
    assert (await web.modern("tools/call", WHO, headers=bearer("x" * 20_000))).status == 400
    assert verifier.count == 0


async def test_a_token_in_the_url_counts_for_nothing(web, bearer):
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    alone = await web.send(body=body, query="access_token=ann")
    assert (alone.status, "error=" in alone.headers["www-authenticate"]) == (401, False)
    both = await web.send(body=body, query="a=b&access_token=ann", headers=bearer("ann"))
    assert (both.status, 'error="invalid_request"' in both.headers["www-authenticate"]) == (400, True)


async def test_an_unknown_token_is_called_invalid_and_is_named_nowhere(web, bearer, caplog):
    caplog.set_level(logging.DEBUG)
    reply = await web.modern("tools/call", WHO, headers=bearer("s3cr3t-t0ken"))
    assert (reply.status, 'error="invalid_token"' in reply.headers["www-authenticate"]) == (401, True)
    assert "s3cr3t" not in caplog.text + reply.body.decode() + str(reply.headers)
    assert "a token was refused" in caplog.text


async def test_a_token_without_the_scopes_of_the_endpoint_is_forbidden(web, bearer):
    reply = await web.modern("tools/call", WHO, headers=bearer("none"))
    assert reply.status == 403
    challenge = reply.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="insufficient_scope", scope="mcp"')
    assert f'resource_metadata="{METADATA}"' in challenge


async def test_what_cannot_be_told_now_lets_nobody_in_and_throws_no_token_away(guarded, bearer):
    web = guarded(verifier=Counting(VerificationUnavailableError("the keys of the issuer cannot be fetched")))
    reply = await web.modern("tools/call", WHO, headers=bearer("ann"))
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert "www-authenticate" not in reply.headers


async def test_a_token_is_verified_once_while_it_may_be_kept(guarded, bearer):
    kept, fresh = Counting(Access("ann")), Counting(Access("ann"), cache_seconds=0)
    for verifier, expected in ((kept, 1), (fresh, 3)):
        web = guarded(verifier=verifier, scopes=())
        for _ in range(3):
            assert (await web.modern("tools/call", WHO, headers=bearer("t"))).status == 200
        assert verifier.count == expected


async def test_a_token_that_has_ended_is_not_kept(guarded, bearer):
    verifier = Counting(Access("ann", expires_at=1.0))
    web = guarded(verifier=verifier, scopes=())
    for _ in range(2):
        await web.modern("tools/call", WHO, headers=bearer("t"))
    assert verifier.count == 2


async def test_a_token_is_kept_no_longer_than_it_lives(clock):
    verifier = Counting(Access("ann", expires_at=clock.now + 5))
    gate = Gate(Authorization("https://mcp.example/mcp", ("https://auth.example",), verifier), "/mcp", clock)
    request = HttpRequest("POST", "/mcp", {b"authorization": b"Bearer t"}, None, None)
    for passed, count in ((0, 1), (4, 1), (2, 2)):
        clock.now += passed
        assert (await gate.admit(request, {})).principal == "ann"
        assert verifier.count == count
    ACCESS.set(None)


async def test_nothing_of_a_request_is_left_behind_in_its_task(web):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer ann"), (b"accept", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers, "server": ("127.0.0.1", 8000)}
    await web.application(scope, receive, send)
    assert sent[0]["status"] == 400
    assert ACCESS.get() is None


async def test_a_refusal_is_not_kept(guarded, bearer):
    verifier = Counting(InvalidTokenError("the token is unknown"))
    web = guarded(verifier=verifier)
    assert (await web.modern("tools/call", WHO, headers=bearer("t"))).status == 401
    verifier.answer = Access("ann", scopes=frozenset({"mcp"}))
    assert (await web.modern("tools/call", WHO, headers=bearer("t"))).status == 200


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
async def test_the_metadata_is_open_to_all(web, path):
    reply = await web.send("GET", path=path)
    assert reply.json == {
        "resource": "https://mcp.example/mcp",
        "authorization_servers": ["https://auth.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["mcp"],
    }
    assert (await web.send("POST", path=path)).status == 405
    assert (await web.send("GET", path="/.well-known/oauth-protected-resource/other")).status == 404


async def test_everything_but_health_and_metadata_needs_a_token(web):
    assert (await web.send("GET", path="/health")).json == {"status": "ok"}
    for method, path in [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("GET", "/capabilities"),
        ("GET", "/x"),
    ]:
        assert (await web.send(method, path=path)).status == 401
