"""How the client authenticates, and what an answer has to be."""

import json

import pytest

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.fetching import Fetched
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.token_endpoint import auth_method, request_token
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from tests.reference_impl.client.auth.world import ISSUER, basic, reply

pytestmark = pytest.mark.anyio


class Endpoint:
    """Answers each form with the next reply."""

    def __init__(self, *replies: Fetched) -> None:
        self.replies = list(replies) or [reply(200, {"access_token": "t", "token_type": "bearer"})]
        self.seen: list[tuple[dict[str, str], dict[str, str]]] = []

    async def post_form(self, url, fields, headers):
        assert url == f"{ISSUER}/token"
        self.seen.append((dict(fields), dict(headers)))
        return self.replies.pop(0)

    get = post_json = None


def server(*methods: str, **said) -> AuthorizationServer:
    named = methods or None
    return AuthorizationServer(
        issuer=ISSUER, token_endpoint=f"{ISSUER}/token", token_endpoint_auth_methods_supported=named, **said
    )


async def ask(client: ClientIdentity, *methods: str):
    endpoint = Endpoint()
    await request_token(endpoint, server(*methods), client, {"grant_type": "x"})
    return endpoint.seen[0]


async def test_a_secret_goes_into_the_header_form_encoded():
    fields, headers = await ask(ClientIdentity("a:b", ISSUER, "c d/ü"), "client_secret_basic")
    assert basic(headers) == "a%3Ab:c+d%2F%C3%BC"
    assert fields == {"grant_type": "x", "client_id": "a:b"}


async def test_a_secret_goes_into_the_form_where_that_is_the_only_way():
    fields, headers = await ask(ClientIdentity("a", ISSUER, "s"), "client_secret_post")
    assert (fields["client_id"], fields["client_secret"], headers) == ("a", "s", {})


async def test_a_public_client_says_its_name():
    fields, headers = await ask(ClientIdentity("a", ISSUER), "client_secret_basic", "none")
    assert (fields, headers) == ({"grant_type": "x", "client_id": "a"}, {})


@pytest.mark.parametrize(
    ("client", "methods", "method"),
    [
        (ClientIdentity("a", client_secret="s"), (), "client_secret_basic"),
        (ClientIdentity("a", client_secret="s"), ("client_secret_post", "client_secret_basic"), "client_secret_basic"),
        (ClientIdentity("a", client_secret="s"), ("none",), "none"),
        (ClientIdentity("a", client_secret="s", auth_method="client_secret_post"), (), "client_secret_post"),
        (ClientIdentity("a", auth_method="client_secret_post"), ("none",), "none"),
        (ClientIdentity("a", client_secret="s", private_key="k"), ("none", "private_key_jwt"), "private_key_jwt"),
        (ClientIdentity("a"), (), "none"),
        (ClientIdentity("a"), ("client_secret_basic",), "none"),
    ],
)
def test_the_way_to_authenticate_is_what_was_registered_else_the_best_of_both(client, methods, method):
    assert auth_method(client, server(*methods)) == method


def test_a_secret_is_not_sent_in_a_way_that_the_server_does_not_name():
    with pytest.raises(AuthorizationFailed, match="none of the client's ways"):
        auth_method(ClientIdentity("a", client_secret="s"), server("private_key_jwt"))


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_an_oauth_error_is_told_by_its_code(status):
    endpoint = Endpoint(reply(status, {"error": "invalid_grant", "error_description": "too late"}))
    with pytest.raises(TokenRefused, match=r"https://auth\.example refused: invalid_grant: too late") as failure:
        await request_token(endpoint, server(), ClientIdentity("a", ISSUER), {})
    assert failure.value.error == "invalid_grant"


DEEP = b'{"hush": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "body", [b"hush", b'{"access_token": 1, "secret": "hush"}', json.dumps(["hush"]).encode(), DEEP], ids=range(4)
)
@pytest.mark.parametrize("status", [200, 400])
async def test_what_is_no_answer_is_not_quoted(body, status):
    with pytest.raises(AuthorizationFailed, match=f"gave no token: HTTP {status}") as failure:
        await request_token(Endpoint(Fetched(status, {}, body)), server(), ClientIdentity("a", ISSUER), {})
    assert "hush" not in str(failure.value)


@pytest.mark.parametrize(("written", "read"), [(60, 60.0), ("60", 60.0), ("soon", None), (None, None)])
async def test_a_lifetime_may_be_written_in_several_ways(written, read):
    endpoint = Endpoint(reply(200, {"access_token": "hush", "token_type": "Bearer", "expires_in": written}))
    response = await request_token(endpoint, server(), ClientIdentity("a", ISSUER), {})
    assert response.lifetime == read
    assert "hush" not in repr(response)
