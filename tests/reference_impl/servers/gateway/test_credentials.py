"""The gateway's own credentials go to its upstream and nowhere else; the caller's go nowhere."""

import asyncio
import base64
import json
import logging
import ssl
from html import escape
from urllib.parse import quote, quote_plus

import aiohttp
import anyio
import pytest
import trustme
from aiohttp import web

from reference_impl.client import ClientSettings, connect
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway import GatewaySettings, Limits, make_server
from reference_impl.servers.gateway.redacting import Redactor
from reference_impl.servers.gateway.sample import Sample
from tests.reference_impl.servers.gateway.world import (
    answering,
    document,
    gateway,
    operation,
    saved,
    upstream,
)
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio
SECRET = 'tok3n/+ "quoted" end'
ONE = document({"/a": {"get": operation(operationId="a")}})
FLOW = {"clientCredentials": {"tokenUrl": "", "scopes": {"read": "", "write": ""}}}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def protected(scheme, *, url="http://127.0.0.1", security=None):
    if "flows" in scheme:
        scheme = {**scheme, "flows": {"clientCredentials": {"tokenUrl": f"{url}/token", "scopes": {}}}}
    paths = {"/a": {"get": operation(operationId="a")}, "/open": {"get": operation(operationId="open", security=[])}}
    more = {"security": [{"the_key": []}] if security is None else security}
    return document(paths, components={"securitySchemes": {"the_key": scheme}}, **more)


@pytest.mark.parametrize(
    ("scheme", "secret", "place"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, SECRET, ("x-key", SECRET)),
        ({"type": "apiKey", "in": "cookie", "name": "sid"}, "a;b c", ("cookie", "sid=a%3Bb%20c")),
        ({"type": "http", "scheme": "bearer"}, "abc", ("authorization", "Bearer abc")),
        ({"type": "http", "scheme": "Basic"}, "me:pass", ("authorization", "Basic bWU6cGFzcw==")),
        ({"type": "openIdConnect", "openIdConnectUrl": "https://x"}, "abc", ("authorization", "Bearer abc")),
        ({"type": "oauth2", "flows": {"implicit": {}}}, "abc", ("authorization", "Bearer abc")),
    ],
)
async def test_each_kind_of_credential_goes_to_its_place(tmp_path, scheme, secret, place):
    async with upstream() as there:
        value = document(
            {"/a": {"get": operation(operationId="a")}, "/open": {"get": operation(operationId="open", security=[])}},
            components={"securitySchemes": {"the_key": scheme}},
            security=[{"the_key": []}],
        )
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": secret})
        async with talking(server) as talk:
            await talk.call("a")
            assert there.last.headers[place[0]] == place[1]
            await talk.call("open")
            assert place[0] not in there.last.headers


async def test_a_key_in_the_query_is_encoded(tmp_path):
    value = protected({"type": "apiKey", "in": "query", "name": "key"})
    async with upstream() as there:
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "a&b=c#d"})
        async with talking(server) as talk:
            await talk.call("a")
            assert there.last.target == "/a?key=a%26b%3Dc%23d"


async def test_without_its_credential_nothing_is_sent(tmp_path):
    value = protected({"type": "http", "scheme": "bearer"})
    async with upstream() as there:
        async with talking(gateway(tmp_path, value, there.url)) as talk:
            told = await talk.fails("a")
            assert told == (
                "This operation needs credentials that the gateway has not: TOUCHSTONE_GATEWAY_THE_KEY for the_key"
            )
            await talk.call("open")
        assert [seen.target for seen in there.seen] == ["/open"]


async def test_the_first_way_in_that_is_complete_is_taken(tmp_path):
    value = protected({"type": "http", "scheme": "bearer"}, security=[{"the_key": [], "other": []}, {}])
    async with upstream() as there:
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "abc"})
        async with talking(server) as talk:
            await talk.call("a")
        assert "authorization" not in there.last.headers


async def test_which_variables_are_read_is_said_and_their_values_are_not(tmp_path):
    lines = []
    value = protected({"type": "http", "scheme": "bearer"})
    for auth, environ in (({}, {}), ({"the_key": "env:MINE"}, {"MINE": "hidden"}), ({"the_key": "none"}, {})):
        given = GatewaySettings(
            document=saved(tmp_path, value), server="http://api.example", auth=auth, environ=environ
        )
        make_server(given, tell=lines.append)
    text = "\n".join(lines)
    assert "the_key (bearer) reads TOUCHSTONE_GATEWAY_THE_KEY: not set" in text
    assert "the_key (bearer) reads MINE: set\ncredentials travel unencrypted" in text
    assert "the_key: nothing is sent" in text
    assert "hidden" not in text
    assert "hidden" not in repr(given)


@pytest.mark.parametrize(
    ("auth", "environ", "words"),
    [
        ({"typo": "none"}, {}, "has the_key to choose from"),
        ({"the_key": "sesame"}, {}, "takes env:NAME"),
        ({"the_key": "env:"}, {}, "takes env:NAME"),
        ({"the_key": "env:A"}, {"A": "x\r\nHost: evil"}, "HTTP cannot carry"),
        ({"the_key": "env:A"}, {"A": "nocolon"}, "user:password"),
    ],
)
async def test_a_credential_that_cannot_be_used_is_refused_and_not_told(tmp_path, auth, environ, words):
    value = protected({"type": "http", "scheme": "basic"})
    with pytest.raises(SetupError, match=words) as refused:
        gateway(tmp_path, value, auth=auth, environ=environ)
    assert not any(text in str(refused.value) for text in ("sesame", "nocolon", "evil"))


async def test_a_scheme_that_nobody_knows_is_said_and_its_operations_refuse(tmp_path):
    async with upstream() as there:
        async with talking(gateway(tmp_path, protected({"type": "mutualTLS"}), there.url)) as talk:
            assert "mutualTLS is not supported" in await talk.fails("a")
        assert there.seen == []


# The caller's own ---------------------------------------------------------------------------------


@pytest.mark.parametrize("modern", [True, False])
async def test_nothing_of_the_callers_request_reaches_the_upstream(tmp_path, modern):
    """OWASP AISVS 10.2.7: a token that was for the gateway is for nobody else."""
    canary = "caller-5f1c"
    headers = {
        "authorization": f"Bearer {canary}",
        "cookie": f"session={canary}",
        "x-api-key": canary,
        "x-forwarded-for": canary,
        "proxy-authorization": canary,
        "user-agent": canary,
        "traceparent": f"00-{canary}",
        "accept-language": canary,
    }
    value = protected({"type": "apiKey", "in": "header", "name": "X-Api-Key"})
    async with upstream() as there:
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "own"})
        settings = ClientSettings(headers=headers)
        legacy = ClientSettings(headers=headers, revisions=settings.legacy)
        chosen = settings if modern else legacy
        async with serving(MCPApplication(server)) as at, connect(f"http://{at.address}/mcp", chosen) as client:
            assert not (await client.call_tool("a", {})).get("isError")
        [seen] = there.seen
    assert canary not in repr(seen)
    assert seen.headers == {
        "host": there.url.removeprefix("http://"),
        "accept": "application/json, */*;q=0.5",
        "accept-encoding": seen.headers["accept-encoding"],
        "user-agent": "touchstone-gateway",
        "x-api-key": "own",
    }


# What the upstream repeats ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "application/json"), (200, "text/plain"), (200, "image/png"), (200, "a/b"), (401, "text/html"), (500, "x")],
)
async def test_a_secret_that_the_upstream_repeats_is_taken_out(tmp_path, caplog, status, kind):
    caplog.set_level(logging.DEBUG)

    async def echo(request):
        told = [request.headers["x-key"], quote_plus(SECRET), quote(SECRET, safe=""), escape(SECRET)]
        body = json.dumps({"told": told, told[0]: 1}).encode()
        return web.Response(status=status, body=body, headers={"content-type": kind, "x-ratelimit-by": SECRET})

    async with upstream(echo) as there:
        value = protected({"type": "apiKey", "in": "header", "name": "X-Key"})
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": SECRET})
        async with talking(server) as talk:
            whole = json.dumps(await talk.client.call_tool("a", {}))
    for text in (whole, caplog.text):
        assert "tok3n" not in text
        assert base64.b64encode(b"tok3n").decode()[:6] not in text


async def test_a_secret_in_the_name_of_a_host_is_taken_out_of_the_refusal(tmp_path):
    async with upstream(answering((302, {"location": "http://tok3n-of-mine.example/"}, b""))) as there:
        value = protected({"type": "http", "scheme": "bearer"})
        server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "tok3n-of-mine"})
        async with talking(server) as talk:
            assert "redirects to another origin (http://[redacted].example)" in await talk.fails("a")


def test_many_tokens_do_not_make_the_secrets_of_the_environment_forgotten():
    redactor = Redactor(["of-the-environment"])
    for number in range(200):
        redactor.learn(f"token-{number:03}")
    assert redactor.text("of-the-environment token-199") == "[redacted] [redacted]"


async def test_credentials_are_not_sent_to_another_origin(tmp_path):
    async with upstream() as other:
        async with upstream(answering((302, {"location": f"{other.url}/steal"}, b""))) as there:
            value = protected({"type": "http", "scheme": "bearer"})
            server = gateway(tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "abc"})
            async with talking(server) as talk:
                assert f"redirects to another origin ({other.url}), which is not followed" in await talk.fails("a")
        assert other.seen == []


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//evil.example/",
        "http://[::1",
        "http://a@evil.example/",
        "http://\\\\evil.example\\x",
        "https://127.0.0.1/",
    ],
)
async def test_no_redirect_leads_to_another_place(tmp_path, location):
    async with (
        upstream(answering((307, {"location": location}, b""))) as there,
        talking(gateway(tmp_path, ONE, there.url)) as talk,
    ):
        assert "redirects to another origin" in await talk.fails("a")
    assert len(there.seen) == 1


async def test_a_redirect_at_home_is_followed_when_reading_alone(tmp_path):
    node = operation()
    value = document({"/a": {"get": operation(operationId="get"), "post": {**node, "operationId": "post"}}})

    async def answer(request):
        moved = request.path != "/b"
        return web.Response(status=301, headers={"location": "/b?c=1"}) if moved else web.json_response({"at": "b"})

    async with upstream(answer) as there, talking(gateway(tmp_path, value, there.url)) as talk:
        assert await talk.call("get") == {"at": "b"}
        assert [seen.target for seen in there.seen] == ["/a", "/b?c=1"]
        assert "POST /a answered 301" in await talk.fails("post")


async def test_redirects_without_end_are_ended(tmp_path):
    async with (
        upstream(answering((302, {"location": "/a"}, b""))) as there,
        talking(gateway(tmp_path, ONE, there.url)) as talk,
    ):
        assert "redirects more than 5 times" in await talk.fails("a")
    assert len(there.seen) == 5


# OAuth client credentials ---------------------------------------------------------------------------

CLIENT = {"TOUCHSTONE_GATEWAY_THE_KEY_CLIENT_ID": "id:1", "TOUCHSTONE_GATEWAY_THE_KEY_CLIENT_SECRET": "sh/h"}


class Issuer:
    """Issues tokens at /token, and takes the last one alone elsewhere."""

    def __init__(self):
        self.issued = 0
        self.asked = []

    async def __call__(self, request):
        if request.path == "/token":
            self.asked.append((request.headers["authorization"], (await request.post()).copy()))
            self.issued += 1
            return web.json_response({"access_token": f"t{self.issued}abc", "token_type": "Bearer", "expires_in": 600})
        good = request.headers.get("authorization") == f"Bearer t{self.issued}abc"
        return web.json_response({"good": good}, status=200 if good else 401)


async def test_a_token_is_got_once_kept_and_renewed_when_refused(tmp_path):
    issuer = Issuer()
    async with upstream(issuer) as there:
        value = protected({"type": "oauth2", "flows": FLOW}, url=there.url, security=[{"the_key": ["read"]}])
        async with talking(gateway(tmp_path, value, there.url, environ=CLIENT)) as talk:
            assert await talk.call("a") == {"good": True}
            assert await talk.call("a") == {"good": True}
            assert issuer.issued == 1
            issuer.issued = 5  # as if it had been revoked
            assert await talk.call("a") == {"good": True}
            assert issuer.issued == 6
    authorization, form = issuer.asked[0]
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"id%3A1:sh%2Fh"
    assert dict(form) == {"grant_type": "client_credentials", "scope": "read"}


async def test_calls_side_by_side_ask_for_one_token(tmp_path):
    issuer = Issuer()
    async with upstream(issuer) as there:
        value = protected({"type": "oauth2", "flows": FLOW}, url=there.url)
        server = gateway(tmp_path, value, there.url, environ=CLIENT)
        async with talking(server) as talk, anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(talk.call, "a")
    assert issuer.issued == 1


@pytest.mark.parametrize(
    "reply",
    [
        (400, {"content-type": "application/json"}, b'{"error": "invalid_client"}'),
        (200, {}, b"<html>sh/h"),
        (200, {}, b'{"access_token": "a b"}'),
        (200, {}, b'{"access_token": "a", "token_type": "mac"}'),
        (302, {"location": "http://evil.example"}, b""),
    ],
)
async def test_no_token_is_a_clear_error_without_the_secret(tmp_path, reply):
    async with upstream(answering(reply)) as there:
        value = protected({"type": "oauth2", "flows": FLOW}, url=there.url)
        async with talking(gateway(tmp_path, value, there.url, environ=CLIENT)) as talk:
            told = await talk.fails("a")
    assert told.startswith(f"No token for the_key: {there.url} answered {reply[0]}")
    assert "sh/h" not in told
    assert [seen.target for seen in there.seen] == ["/token"]


async def test_the_client_secret_goes_to_an_origin_that_was_named(tmp_path):
    async with upstream() as there, upstream(Issuer()) as issuer:
        value = protected({"type": "oauth2", "flows": FLOW}, url=issuer.url)
        async with talking(gateway(tmp_path, value, there.url, environ=CLIENT)) as talk:
            assert f"say --allow-origin {issuer.url}" in await talk.fails("a")
        assert issuer.seen == []
        allowed = gateway(tmp_path, value, there.url, environ=CLIENT, allow_origins=(issuer.url,))
        async with talking(allowed) as talk:
            await talk.call("a")
        assert there.last.headers["authorization"] == "Bearer t1abc"


# Documents of strangers --------------------------------------------------------------------------


async def test_a_document_from_a_url_speaks_for_its_own_origin_alone():
    value = document({"/a": {"get": operation(operationId="a")}}, servers=[{"url": "http://169.254.169.254/v1"}])
    async with upstream(answering((200, {}, json.dumps(value).encode()))) as there:
        given = GatewaySettings(document=f"{there.url}/openapi.json", environ={})
        with pytest.raises(SetupError, match=r"sends calls to http://169.254.169.254: say --server"):
            await anyio.to_thread.run_sync(make_server, given)
        value["servers"] = [{"url": "/v1"}]
        there.answer = answering((200, {}, json.dumps(value).encode()), (200, {}, b"fine"))
        server = await anyio.to_thread.run_sync(make_server, given)
        async with talking(server) as talk:
            await talk.call("a")
        assert there.last.target == "/v1/a"


async def test_the_sample_takes_its_own_key_alone():
    """It listens on loopback, where every program of the machine can knock."""
    async with Sample().running() as resolver, aiohttp.ClientSession() as session:
        [at] = await resolver.resolve("notes.sample.localhost")
        assert at["host"] == "127.0.0.1"
        url = f"http://127.0.0.1:{at['port']}/v1/notes"
        for headers in ({}, {"x-notes-key": "guess"}, {"x-notes-key": ""}):
            async with session.get(url, headers=headers) as reply:
                assert reply.status == 401


async def test_a_token_that_does_not_come_ends_the_call_at_its_deadline(tmp_path):
    async def hang(_request):
        await asyncio.Event().wait()

    async with upstream(hang) as there:
        value = protected({"type": "oauth2", "flows": FLOW}, url=there.url)
        server = gateway(tmp_path, value, there.url, environ=CLIENT, limits=Limits(timeout=0.1))
        async with talking(server) as talk:
            assert await talk.fails("a") == "GET /a was not sent: there was no token for it in time"


async def test_an_upstream_whose_certificate_nobody_vouches_for_is_sent_nothing(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with upstream(tls=context) as there:
        value = protected({"type": "http", "scheme": "bearer"})
        server = gateway(
            tmp_path, value, there.url, environ={"TOUCHSTONE_GATEWAY_THE_KEY": "abc"}, limits=Limits(attempts=1)
        )
        async with talking(server) as talk:
            assert "cannot be reached (TLS failed: " in await talk.fails("a")
        assert there.seen == []
