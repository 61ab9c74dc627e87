"""The authorization endpoint, and the consent page."""

import re

import pytest

from reference_impl.servers.authorization import Client, Features

pytestmark = pytest.mark.anyio
ISSUER = "http://127.0.0.1:9000"
REDIRECT = "https://client.example/callback"


async def test_the_demo_user_agrees_and_the_client_gets_a_code(server):
    answer = await server.authorize()
    assert (answer.status, answer.location) == (302, REDIRECT)
    assert answer.answer.keys() == {"code", "state", "iss"}
    assert (answer.answer["state"], answer.answer["iss"]) == ("s1", ISSUER)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": None},
        {"client_id": "unknown"},
        {"redirect_uri": "https://client.example/callback/"},
        {"redirect_uri": "https://client.example/callback?x=1"},
        {"redirect_uri": "https://CLIENT.example/callback"},
        {"redirect_uri": "https://client.example:8443/callback"},
        {"redirect_uri": "https://client.example.evil.example/callback"},
        {"redirect_uri": "https://client.example/callback#x"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:1/other"},
        {"redirect_uri": "http://localhost:1/callback"},
        {"redirect_uri": "https://127.0.0.1:1/callback"},
        {"redirect_uri": "http://127.0.0.1:80@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:99999/callback"},
        {"redirect_uri": None},
        {"redirect_uri": ["https://evil.example", REDIRECT]},
        {"client_id": "<script>alert(1)</script>"},
    ],
)
async def test_a_wrong_client_or_redirect_uri_redirects_nowhere(server, asked):
    answer = await server.authorize(**asked)
    assert answer.status == 400
    assert "location" not in answer.headers
    assert b"<script" not in answer.body
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_only_the_port_of_a_loopback_redirect_may_differ(server):
    answer = await server.authorize(redirect_uri="http://127.0.0.1:51234/callback")
    assert answer.location == "http://127.0.0.1:51234/callback"


async def test_a_client_with_one_redirect_uri_need_not_name_it(visitor):
    server = visitor([Client("one", (REDIRECT,))])
    assert (await server.authorize(client_id="one", redirect_uri=None)).location == REDIRECT


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "mcp root"}, "invalid_scope"),
        ({"resource": "not a url"}, "invalid_target"),
        ({"resource": "https://mcp.example/mcp#x"}, "invalid_target"),
        ({"resource": "http://["}, "invalid_target"),
    ],
)
async def test_other_faults_are_told_to_the_client_with_state_and_issuer(server, asked, error):
    answer = await server.authorize(**asked)
    assert (answer.status, answer.location) == (302, REDIRECT)
    assert answer.answer["error"] == error
    assert (answer.answer["state"], answer.answer["iss"]) == ("s1", ISSUER)


async def test_only_known_resources_get_tokens_where_they_are_listed(visitor):
    server = visitor(resources=("https://mcp.example/mcp",))
    assert "code" in (await server.authorize()).answer
    assert "code" in (await server.authorize(resource="HTTPS://MCP.example/mcp/")).answer
    assert (await server.authorize(resource="https://evil.example")).answer["error"] == "invalid_target"


async def test_a_client_without_the_grant_gets_no_code(visitor):
    server = visitor([Client("public", (REDIRECT,), grants=("refresh_token",))])
    assert (await server.authorize()).answer["error"] == "unauthorized_client"


@pytest.fixture
def asking(visitor):
    name = "<b>Eve & co</b>"
    clients = [Client("public", (REDIRECT, "http://127.0.0.1/callback"), name=name)]
    return visitor(clients, features=Features(consent=True))


async def consent(server, **asked):
    page = await server.authorize(**asked)
    ticket = re.search(rb'name="ticket" value="([^"]+)"', page.body)[1].decode()
    cookie = page.headers["set-cookie"].partition(";")[0]
    return page, ticket, {"cookie": f"other=1; {cookie}"}


async def test_the_page_says_who_asks_for_what_and_where_the_answer_goes(asking):
    page, _, _ = await consent(asking)
    text = page.body.decode()
    assert page.status == 200
    for said in ("&lt;b&gt;Eve &amp; co&lt;/b&gt;", "client.example", "files:write", "https://mcp.example/mcp"):
        assert said in text
    assert "Any program on this machine" not in text
    assert (page.headers["x-frame-options"], page.headers["cache-control"]) == ("DENY", "no-store")
    assert "HttpOnly; SameSite=Strict" in page.headers["set-cookie"]
    local, _, _ = await consent(asking, redirect_uri="http://127.0.0.1:5/callback")
    assert "Any program on this machine" in local.body.decode()


async def test_the_user_allows_or_denies_once(asking):
    _, ticket, cookie = await consent(asking)
    allowed = await asking.post("/authorize", cookie, ticket=ticket, decision="allow")
    assert (await asking.redeem(allowed.answer["code"])).status == 200
    assert (await asking.post("/authorize", cookie, ticket=ticket, decision="allow")).status == 400
    _, ticket, cookie = await consent(asking)
    denied = await asking.post("/authorize", cookie, ticket=ticket, decision="deny")
    assert (denied.answer["error"], denied.answer["state"], denied.answer["iss"]) == ("access_denied", "s1", ISSUER)


async def test_a_decision_comes_from_the_browser_that_was_asked_in_time(asking, clock):
    for headers in ({}, {"cookie": "consent=wrong"}):
        _, ticket, _ = await consent(asking)
        answer = await asking.post("/authorize", headers, ticket=ticket, decision="allow")
        assert (answer.status, "location" in answer.headers) == (400, False)
    _, ticket, cookie = await consent(asking)
    clock.now += 301
    assert (await asking.post("/authorize", cookie, ticket=ticket, decision="allow")).status == 400
