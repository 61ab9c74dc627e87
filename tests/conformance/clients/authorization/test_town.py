"""The scripted servers let in whom they should, say what their terms want, and never lead anybody in circles."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from conformance.clients.authorization.guard import ENOUGH, NAMED
from conformance.clients.authorization.issuer import FOREIGN, MARKER
from conformance.clients.authorization.terms import CHALLENGED, STEP, IssuerTerms, Terms
from conformance.clients.authorization.town import FIRST, SECOND, Town
from conformance.clients.reply import HttpRequest, RawReply
from conformance.transcript import HttpHead
from reference_impl.client.auth.challenges import find_challenge

ORIGIN = "http://127.0.0.1:1"
ORIGINS = {FIRST: "http://127.0.0.1:2", SECOND: "http://127.0.0.1:3", "sealed": "https://127.0.0.1:4"}
NAMES = {origin: name for name, origin in ORIGINS.items()} | {ORIGIN: ""}
BACK = "http://127.0.0.1:3000/back"


class Visitor:
    """Somebody who comes to a town."""

    def __init__(self, terms: Terms | None = None, **issuer: Any) -> None:
        self.town = Town(terms or Terms(issuer=IssuerTerms(**issuer)), ORIGIN, ORIGINS)

    def send(self, method: str, url: str, body: bytes = b"", **headers: str) -> RawReply | None:
        origin, target = url[: url.index("/", 9)], url[url.index("/", 9) :]
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return self.town.take(HttpRequest(HttpHead(f"{method} {target} HTTP/1.1", named), body, NAMES[origin]))

    def get(self, url: str) -> RawReply:
        reply = self.send("GET", url)
        assert reply is not None
        return reply

    def document(self, url: str) -> Any:
        return json.loads(self.get(url).body)

    def ask(self, method: str, token: str | None = None) -> RawReply | None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return self.send("POST", f"{ORIGIN}/mcp", json.dumps({"method": method}).encode(), **headers)

    @property
    def metadata(self) -> Any:
        return self.document(f"{ORIGINS[FIRST]}/.well-known/oauth-authorization-server")

    def answer(self, **asks: str) -> dict[str, str]:
        asks = {"client_id": "c", "redirect_uri": BACK, "state": "s", **asks}
        reply = self.get(f"{self.metadata['authorization_endpoint']}?{urlencode(asks)}")
        assert reply.status == 302
        location = dict(reply.headers)["location"]
        assert location.startswith(BACK)
        return dict(parse_qsl(urlsplit(location).query))

    def post(self, url: str, **form: str) -> RawReply:
        body = urlencode(form).encode()
        reply = self.send("POST", url, body, content_type="application/x-www-form-urlencoded")
        assert reply is not None
        return reply

    def tokens(self, scope: str = CHALLENGED) -> Any:
        code = self.answer(scope=scope)["code"]
        return self.redeem(grant_type="authorization_code", code=code)

    def redeem(self, **form: str) -> Any:
        return json.loads(self.post(self.metadata["token_endpoint"], **form).body)


@pytest.mark.parametrize("form", ["named", "two-fields", "second-scheme"])
def test_a_challenge_in_any_form_says_where_the_metadata_are_and_which_scope_is_wanted(form: str) -> None:
    reply = Visitor(Terms(form)).ask("initialize")
    assert reply is not None
    assert reply.status == 401
    told = find_challenge(", ".join(value for name, value in reply.headers if name == "www-authenticate"))
    assert told is not None
    assert (told.resource_metadata, told.scopes) == (f"{ORIGIN}{NAMED}", (CHALLENGED,))


def test_whoever_buys_a_token_with_a_code_is_let_in_and_nobody_else() -> None:
    visitor = Visitor()
    tokens = visitor.tokens()
    assert visitor.ask("tools/list", tokens["access_token"]) is None
    for wrong in (None, "", "made up", tokens["refresh_token"]):
        reply = visitor.ask("tools/list", wrong)
        assert reply is not None
        assert reply.status == 401


def test_a_code_and_a_refresh_token_are_good_once() -> None:
    visitor = Visitor()
    code = visitor.answer()["code"]
    first = visitor.redeem(grant_type="authorization_code", code=code)
    assert visitor.redeem(grant_type="authorization_code", code=code)["error"] == "invalid_grant"
    renewed = visitor.redeem(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert visitor.ask("tools/list", renewed["access_token"]) is None
    again = visitor.redeem(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ({}, ORIGINS[FIRST]),
        ({"iss": "none"}, None),
        ({"iss": "foreign"}, FOREIGN),
        ({"iss": "slash"}, f"{ORIGINS[FIRST]}/"),
        ({"iss": "case"}, "HTTP://127.0.0.1:2"),
    ],
)
def test_a_response_has_the_iss_that_its_terms_want(terms: dict[str, str], wanted: str | None) -> None:
    assert Visitor(**terms).answer().get("iss") == wanted


def test_a_response_has_the_state_that_its_terms_want() -> None:
    assert [Visitor(state=how).answer().get("state") for how in ("own", "none")] == ["s", None]
    assert Visitor(state="other").answer()["state"] != "s"


def test_an_error_of_another_has_no_code_and_words_that_nobody_is_to_see() -> None:
    answer = Visitor(error=True, iss="foreign").answer()
    assert "code" not in answer
    assert answer["error_description"] == MARKER


@pytest.mark.parametrize(
    ("terms", "place"),
    [
        (IssuerTerms(), "/.well-known/oauth-authorization-server"),
        (IssuerTerms("/t"), "/.well-known/oauth-authorization-server/t"),
        (IssuerTerms("/t", "openid"), "/.well-known/openid-configuration/t"),
        (IssuerTerms("/t", "openid", appended=True), "/t/.well-known/openid-configuration"),
    ],
)
def test_metadata_lie_at_one_place_alone_and_are_the_issuers_own(terms: IssuerTerms, place: str) -> None:
    visitor = Visitor(Terms(issuer=terms))
    assert visitor.document(f"{ORIGINS[FIRST]}{place}")["issuer"] == visitor.town.first.issuer
    assert visitor.get(f"{ORIGINS[FIRST]}/.well-known/none").status == 404
    assert visitor.document(f"{ORIGIN}{NAMED}")["authorization_servers"] == [visitor.town.first.issuer]


def test_the_resource_is_called_by_its_origin_where_its_metadata_lie_at_the_root() -> None:
    for places, wanted in ((("root",), ORIGIN), (("path",), f"{ORIGIN}/mcp")):
        visitor = Visitor(Terms("bare", places))
        path = "/mcp" if places == ("path",) else ""
        assert visitor.document(f"{ORIGIN}/.well-known/oauth-protected-resource{path}")["resource"] == wanted


def test_registration_gives_an_id_that_leads_back_or_is_refused() -> None:
    visitor = Visitor()
    body = json.dumps({"redirect_uris": [BACK], "client_name": "x"}).encode()
    reply = visitor.send("POST", visitor.metadata["registration_endpoint"], body)
    assert reply is not None
    assert reply.status == 201
    client = json.loads(reply.body)["client_id"]
    assert visitor.answer(client_id=client, redirect_uri="")["code"]
    refusing = Visitor(registers="refuses")
    refused = refusing.send("POST", refusing.metadata["registration_endpoint"], body)
    assert refused is not None
    assert (refused.status, json.loads(refused.body)["error"]) == (400, "invalid_redirect_uri")
    assert "registration_endpoint" not in Visitor(registers="no").metadata


def test_nobody_is_sent_to_an_address_that_is_not_of_the_web() -> None:
    visitor = Visitor()
    reply = visitor.get(f"{visitor.metadata['authorization_endpoint']}?redirect_uri=javascript:alert(1)")
    assert reply.status == 400


def test_a_call_takes_one_more_scope_until_the_token_has_it() -> None:
    visitor = Visitor(Terms(steps=1))
    narrow, wide = visitor.tokens()["access_token"], visitor.tokens(f"{CHALLENGED} {STEP}")["access_token"]
    assert visitor.ask("tools/list", narrow) is None
    refused = visitor.ask("tools/call", narrow)
    assert refused is not None
    assert refused.status == 403
    assert visitor.ask("tools/call", wide) is None


def test_even_a_server_that_always_refuses_gives_in_at_last() -> None:
    visitor = Visitor(Terms(steps=ENOUGH))
    token = visitor.tokens(STEP)["access_token"]
    answers = [visitor.ask("tools/call", token) for _ in range(ENOUGH + 1)]
    assert [reply is None for reply in answers] == [False] * ENOUGH + [True]


def test_a_token_runs_out_once_and_the_next_is_good() -> None:
    visitor = Visitor(Terms(expires=True))
    first = visitor.tokens()["access_token"]
    assert visitor.ask("initialize", first) is None
    refused = visitor.ask("tools/list", first)
    assert refused is not None
    assert refused.status == 401
    assert visitor.ask("tools/list", visitor.tokens()["access_token"]) is None


def test_a_server_that_moves_takes_no_token_of_its_former_authorization_server() -> None:
    visitor = Visitor(Terms(moves=True))
    assert visitor.ask("tools/list", visitor.tokens()["access_token"]) is not None
    assert visitor.document(f"{ORIGIN}{NAMED}")["authorization_servers"] == [ORIGINS[SECOND]]
    assert visitor.ask("tools/list", visitor.tokens()["access_token"]) is not None


def test_the_first_revision_has_its_authorization_server_at_the_origin_of_the_server() -> None:
    for kind, base in (("oauth", "/go"), ("", "")):
        visitor = Visitor(Terms(places=(), opens=True, early=True, issuer=IssuerTerms(kind=kind)))
        assert visitor.ask("initialize") is None
        assert visitor.ask("tools/list") is not None
        found = visitor.get(f"{ORIGIN}/.well-known/oauth-authorization-server").status
        assert found == (200 if kind else 404)
        assert visitor.get(f"{ORIGIN}{base}/authorize?redirect_uri={BACK}").status == 302
        assert visitor.get(f"{ORIGIN}/.well-known/oauth-protected-resource").status == 404


def test_false_metadata_lead_to_no_token() -> None:
    visitor = Visitor(Terms(decoys=True))
    wrong = visitor.document(f"{ORIGIN}/.well-known/oauth-protected-resource/mcp")["authorization_servers"][0]
    assert wrong == f"{ORIGIN}/decoy"
    assert visitor.document(f"{ORIGIN}/.well-known/oauth-authorization-server/decoy")["issuer"] == wrong
    assert visitor.get(f"{ORIGIN}/decoy/authorize?redirect_uri={BACK}").status == 404
