"""Protected servers that are odd, and right all the same: none of the checks may call them wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import anyio
import pytest

from conformance.patience import Patience
from conformance.published import OF_RESOURCES
from conformance.runner import Plan, run_checks
from conformance.target import HttpTarget
from fixtures.miniatures import Bend, HttpIn, HttpOut
from fixtures.miniatures.auth_bends import anonymous, documents, hides, is_good, refusing, token_of, without_parameter
from fixtures.miniatures.bent_http import Application, Receive, Scope, Send
from fixtures.miniatures.guarded import Around, guarded
from fixtures.miniatures.http_bends import method_of, plain, result_to
from reports.records import Verdict

from ..scripted import BRISK

Change = Callable[[HttpTarget], HttpTarget]


def _judged(
    bend: Bend, change: Change = lambda target: target, around: Around | None = None, patience: Patience = BRISK
) -> dict[str, Verdict]:
    verdicts: list[Verdict] = []

    async def run() -> None:
        async with guarded(bend, around) if around else guarded(bend) as target:
            plan = Plan(change(target), verdicts.append, revisions=("2025-11-25",), only=("auth.*",), patience=patience)
            await run_checks(plan)

    anyio.run(run)
    return {verdict.check: verdict for verdict in verdicts}


def _wrong(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {
        name: item.actual or item.summary for name, item in verdicts.items() if item.outcome in ("failed", "broken")
    }


def _challenging(change: Callable[[str], str]) -> Bend:
    """A server whose challenges, for want of a token as of scopes, are written in another way."""
    first, then = (refusing(bool, of=status, challenge=change) for status in (401, 403))
    return Bend(response=lambda http, out: then(http, first(http, out)))


def _unquoted(value: str) -> str:
    return re.sub(r'(error|scope)="([^" ]*)"', r"\1=\2", value)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.replace("Bearer", "bearer"),
        lambda value: value.replace("Bearer", "BEARER"),
        lambda value: value.replace("Bearer ", 'Bearer realm="Bearer, and more", '),
        lambda value: (
            value.replace("error=", "ERROR=").replace("scope=", "Scope = ").replace("resource_m", "Resource_M")
        ),
        lambda value: value.replace(", ", ","),
        lambda value: value.replace(", ", " ,\t "),
        _unquoted,
        lambda value: f'Basic realm="here", {value}',
        lambda value: f"Negotiate, {value}",
        lambda value: f'{value}, DPoP algs="ES256"',
        lambda value: value.replace("Bearer", "DPoP"),
        lambda value: f'{value}, x_future="a \\"word\\""',
    ],
)
def test_a_challenge_may_be_written_in_any_legal_way(change: Callable[[str], str]) -> None:
    verdicts = _judged(_challenging(change))
    assert not _wrong(verdicts)
    assert verdicts["auth.challenge"].outcome == verdicts["auth.narrow-challenge"].outcome == "passed"


def _in_two_fields(application: Application) -> Application:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def doubled(event: dict[str, object]) -> None:
            headers = event.get("headers", [])
            if isinstance(headers, list) and any(name == b"www-authenticate" for name, _ in headers):
                event = {**event, "headers": [(b"www-authenticate", b'Basic realm="x"'), *headers]}
            await send(event)

        await application(scope, receive, doubled)  # type: ignore[arg-type] # events are mappings

    return wrapped


def test_challenges_may_come_in_several_fields() -> None:
    verdicts = _judged(Bend(), around=_in_two_fields)
    assert not _wrong(verdicts)
    assert verdicts["auth.challenge"].outcome == "passed"


def _with_body(body: bytes, kind: str) -> Callable[[HttpIn, HttpOut], HttpOut]:
    def bend(_http: HttpIn, out: HttpOut) -> HttpOut:
        if out.status not in (401, 403):
            return out
        return replace(out, body=body, headers=out.headers | {"content-type": kind})

    return bend


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "text/plain"),
        (b"<h1>Unauthorized</h1>", "text/html"),
        (b'{"error":"invalid_token","error_description":"?"}', "application/json"),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"?"}}', "application/json"),
        (b'{"message":"Unauthorized"}', "application/json; charset=utf-8"),
    ],
)
def test_a_refusal_may_have_any_body(body: bytes, kind: str) -> None:
    assert not _wrong(_judged(Bend(response=_with_body(body, kind))))


def _named(address: str) -> Callable[[HttpIn, HttpOut], HttpOut]:
    """Challenges give another address: a whole one, or a path of the origin."""

    def bend(http: HttpIn, out: HttpOut) -> HttpOut:
        base = "" if "://" in address else f"http://{http.headers['host']}"
        changes = {"challenge": lambda value: re.sub(r'(resource_metadata=")[^"]*', rf"\1{base}{address}", value)}
        return refusing(bool, of=403, **changes)(http, refusing(bool, **changes)(http, out))

    return bend


def _moved(to: str) -> Callable[[HttpIn], HttpIn | HttpOut]:
    """The metadata lie in one place alone; the well-known ones of the path redirect there, or hold nothing."""

    def bend(http: HttpIn) -> HttpIn | HttpOut:
        base = f"http://{http.headers['host']}"
        if http.path == to:
            document = {"resource": f"{base}/mcp", "authorization_servers": ["https://auth.example.com/realms/one"]}
            return HttpOut(200, {"content-type": "text/plain"}, json.dumps(document).encode())
        return hides(OF_RESOURCES)(http)

    return bend


@pytest.mark.parametrize(
    "bend",
    [
        Bend(request=_moved(OF_RESOURCES), response=refusing(bool, challenge=without_parameter("resource_metadata"))),
        Bend(request=_moved(OF_RESOURCES), response=_named(OF_RESOURCES)),
        Bend(request=_moved(f"{OF_RESOURCES}/mcp")),
        Bend(request=_moved("/oauth/resource.json"), response=_named("/oauth/resource.json")),
        Bend(
            request=lambda http: (
                HttpOut(307, {"location": OF_RESOURCES})
                if http.path.endswith("/mcp") and http.method == "GET" and OF_RESOURCES in http.path
                else http
            )
        ),
        Bend(response=documents(OF_RESOURCES, lambda found: found | {"jwks_uri": "https://x.example/", "new": [1]})),
        Bend(response=documents(OF_RESOURCES, lambda found: found | {"scopes_supported": []})),
    ],
)
def test_metadata_may_lie_at_any_of_the_places_where_clients_look(bend: Bend) -> None:
    verdicts = _judged(bend)
    assert not _wrong(verdicts)
    assert verdicts["auth.metadata"].outcome == "passed"


def test_a_bearer_token_alone_does_not_promise_to_follow_the_rules_of_oauth() -> None:
    verdicts = _judged(Bend(request=hides("/.well-known/"), response=refusing(bool, challenge=_bare)))
    assert verdicts["auth.metadata"].level == "SHOULD"


def _bare(_challenge: str) -> str:
    return 'Bearer realm="keys"'


def test_metadata_at_another_origin_are_not_read_and_nothing_is_said_of_them() -> None:
    verdicts = _judged(Bend(request=hides(OF_RESOURCES), response=_named("https://meta.example.com/resource")))
    assert not _wrong(verdicts)
    assert verdicts["auth.metadata"].outcome == verdicts["auth.metadata-address"].outcome == "blocked"


def test_a_server_behind_a_proxy_names_itself_by_the_proxy_s_name() -> None:
    public = {"resource": "https://mcp.example.com/mcp", "authorization_servers": ["https://auth.example.com"]}
    verdicts = _judged(Bend(response=documents(OF_RESOURCES, lambda found: found | public)))
    assert not _wrong(verdicts)
    assert verdicts["auth.metadata-resource"].outcome == verdicts["auth.metadata-followed"].outcome == "blocked"


def test_tokens_may_be_opaque() -> None:
    real: list[str] = []

    def read(http: HttpIn) -> HttpIn:
        known = {"opaque": real[0]} if real else {}
        token = known.get(token_of(http))
        return http if token is None else replace(http, headers=http.headers | {"authorization": f"Bearer {token}"})

    def change(target: HttpTarget) -> HttpTarget:
        real.append(target.token or "")
        return target.bearing("opaque")

    verdicts = _judged(Bend(request=read), change)
    assert not _wrong(verdicts)
    assert verdicts["auth.altered-token"].outcome == "inapplicable"
    assert verdicts["auth.scheme-case"].outcome == "passed"


def test_a_gate_before_the_whole_origin_hides_what_is_not_there() -> None:
    def gate(http: HttpIn) -> HttpIn | HttpOut:
        return http if http.path == "/mcp" or http.path.startswith(OF_RESOURCES) else plain(401, "who are you?")

    assert not _wrong(_judged(Bend(request=gate)))


def test_a_server_that_lets_anybody_begin_is_not_judged_by_its_gate() -> None:
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "open", "version": "1"}}

    def begin(http: HttpIn) -> HttpIn | HttpOut:
        if not is_good(http) and method_of(http) == "initialize":
            return HttpOut(200, {"content-type": "application/json"}, json.dumps(result_to(http, opening)).encode())
        return http

    verdicts = _judged(Bend(request=begin))
    assert {verdict.outcome for verdict in verdicts.values()} == {"inapplicable"}


def test_a_key_that_is_no_token_of_oauth_breaks_no_rule_but_that_it_is_none() -> None:
    def keyed(target: HttpTarget) -> HttpTarget:
        return replace(target, headers={"Authorization": target.headers["Authorization"]})

    unchallenged = refusing(bool, 403, challenge=lambda _: None)
    verdicts = _judged(Bend(request=hides("/.well-known"), response=unchallenged), keyed)
    assert set(_wrong(verdicts)) == {"auth.oauth"}
    assert verdicts["auth.oauth"].level == "SHOULD"


def test_whoever_tries_many_tokens_may_be_slowed_down() -> None:
    tries = 0

    def slow(http: HttpIn) -> HttpIn | HttpOut:
        nonlocal tries
        tries += not is_good(http) and not anonymous(http)
        return HttpOut(429, {"retry-after": "60"}) if tries > 2 and not is_good(http) and not anonymous(http) else http

    verdicts = _judged(Bend(request=slow))
    assert not _wrong(verdicts)
    assert any(item.summary.startswith("the target limits the rate") for item in verdicts.values())


def test_an_endpoint_at_the_origin_itself_has_its_metadata_there() -> None:
    def lifted(application: Application) -> Application:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            await application({**scope, "path": "/mcp"} if scope["path"] == "/" else scope, receive, send)

        return wrapped

    def change(target: HttpTarget) -> HttpTarget:
        return replace(target, url=urlsplit(target.url)._replace(path="/").geturl())

    verdicts = _judged(Bend(), change, lifted)
    assert set(_wrong(verdicts)) <= {"auth.metadata-resource"}  # the metadata are of /mcp, which is true here


def test_a_wall_that_answers_nothing_is_waited_for_once() -> None:
    asked = 0

    def wall(http: HttpIn) -> HttpIn | HttpOut:
        nonlocal asked
        asked += anonymous(http) and http.method == "POST"
        return HttpOut(0, silent=True) if anonymous(http) and http.method == "POST" else http

    verdicts = _judged(Bend(request=wall), patience=replace(BRISK, start=0.3))
    assert {verdict.outcome for verdict in verdicts.values()} == {"blocked"}
    assert asked <= 6  # so many checks at a time
