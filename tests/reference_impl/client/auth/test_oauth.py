"""The authorizer: what it does about a refusal, and what it never does."""

import json
import time
from base64 import urlsafe_b64decode
from dataclasses import asdict, replace

import anyio
import anyio.lowlevel
import pytest

from reference_impl.client.auth import AuthorizationCode, Callback, ClientIdentity, MemoryStore, Tokens
from reference_impl.client.errors import AuthorizationFailed
from tests.reference_impl.client.auth.world import (
    ISSUER,
    METADATA,
    REDIRECT,
    SERVER,
    Issuer,
    World,
    headers,
    refusal,
    refused,
)

pytestmark = pytest.mark.anyio

STEP_UP = 'Bearer error="insufficient_scope", scope="{}"'
LASTING = {"refresh_token": "refresh-1", "expires_in": 3600}


async def test_nothing_is_sent_before_a_server_asks_for_it_and_a_token_with_everything_after():
    world = World()
    oauth = world.oauth()
    assert await headers(oauth) == {}
    assert world.fetched == []
    assert await refused(oauth)
    assert await headers(oauth) == {"authorization": "Bearer token-1"}


async def test_metadata_are_asked_for_in_the_name_of_a_version_also_where_the_request_named_none():
    world = World()
    assert await refused(world.oauth())
    assert world.headers
    assert all("mcp-protocol-version" in named for named in world.headers)


async def test_a_token_goes_to_its_own_server_alone():
    world = World()
    oauth = world.oauth()
    await refused(oauth)
    for other in ("https://mcp.example/other", "https://mcp.example.evil.example/mcp", "http://mcp.example/mcp"):
        assert await headers(oauth, other) == {}
    assert await headers(oauth, "HTTPS://MCP.example:443/mcp?x=y") != {}


async def test_a_server_without_tls_gets_no_authorization():
    with pytest.raises(AuthorizationFailed, match="not served over HTTPS"):
        await World().oauth().answer(refusal(server="http://mcp.example/mcp"))


async def test_a_server_that_wants_something_else_than_a_token_gets_nothing():
    world = World()
    assert not await refused(world.oauth(), 'Basic realm="x"')
    assert world.fetched == []
    assert await refused(world.oauth(), None)  # a 401 that does not say what it wants


async def test_what_the_user_has_just_agreed_to_and_is_refused_is_not_asked_for_again():
    world = World()
    oauth = world.oauth()
    assert await refused(oauth, attempt=0)
    assert not await refused(oauth, attempt=1)
    assert len(world.issuer.asked) == 1


# Scopes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("challenge", "supported", "scope"),
    [
        ('Bearer scope="a"', ["b"], "a"),
        ("Bearer", ["b", "c"], "b c"),
        ("Bearer", None, None),
        ("Bearer", [], None),
        ('Bearer scope=""', ["b"], None),
    ],
)
async def test_the_challenges_scopes_count_else_those_that_the_server_lists_else_none(challenge, supported, scope):
    world = World(scopes_supported=supported)
    await refused(world.oauth(), challenge)
    assert world.issuer.asked[0].get("scope") == scope


async def test_a_step_up_asks_for_what_was_asked_for_before_as_well():
    world = World()
    oauth = world.oauth()
    await refused(oauth, 'Bearer scope="read"')
    assert await refused(oauth, STEP_UP.format("write"), 403)
    assert world.issuer.asked[-1]["scope"] == "read write"
    assert (await headers(oauth))["authorization"] == "Bearer token-2"


async def test_a_step_up_that_brings_nothing_new_is_given_up():
    world = World()
    oauth = world.oauth()
    await refused(oauth, 'Bearer scope="admin"')
    assert not await refused(oauth, STEP_UP.format("admin"), 403)
    assert await refused(oauth, STEP_UP.format("root"), 403)
    assert not await refused(oauth, STEP_UP.format("root admin"), 403)
    assert len(world.issuer.asked) == 2


async def test_a_step_up_without_scopes_asks_for_those_that_the_server_lists():
    world = World(scopes_supported=["a", "b"])
    oauth = world.oauth()
    await refused(oauth, 'Bearer scope="c"')
    assert await refused(oauth, 'Bearer error="insufficient_scope"', 403)
    assert world.issuer.asked[-1]["scope"] == "c a b"


async def test_a_403_for_another_reason_is_none_of_its_business():
    world = World()
    oauth = world.oauth()
    await refused(oauth)
    assert not await refused(oauth, 'Bearer error="invalid_token"', 403)
    assert not await refused(oauth, None, 403)


# Authorization servers that change ----------------------------------------------------------------


async def test_a_server_that_moves_is_followed_without_anything_of_the_old_place():
    old, new = Issuer(), Issuer("https://new.example", answer={"access_token": "new-token"})
    world = World(old, new)
    world.describe(authorization_servers=[ISSUER])
    oauth = world.oauth()
    old.answer = {**LASTING, "scope": "old"}
    await refused(oauth, 'Bearer scope="old"')
    world.describe(authorization_servers=["https://new.example"])
    assert await refused(oauth)
    assert (await headers(oauth))["authorization"] == "Bearer new-token"
    assert len(new.registrations) == 1
    sent = repr((new.asked, new.forms, new.heads, new.registrations))
    assert "refresh-1" not in sent
    assert "old" not in sent


async def test_a_refresh_token_is_never_sent_to_another_issuer():
    store, world = MemoryStore(), World(Issuer("https://evil.example"))
    kept = Tokens("access", ISSUER, SERVER, refresh_token="refresh", expires_at=1.0)
    store.write(f"tokens {SERVER}", asdict(kept))
    oauth = world.oauth(store=store)
    assert await headers(oauth) == {}
    assert await refused(oauth)
    assert "refresh" not in repr(world.issuer.forms)


async def test_the_issuer_that_has_the_clients_identity_is_preferred():
    one, two = Issuer("https://one.example"), Issuer("https://two.example")
    world = World(one, two)
    await refused(world.oauth(world.user(registered=(ClientIdentity("known", "https://two.example"),))))
    assert (one.asked, two.asked[0]["client_id"]) == ([], "known")


# Refresh ----------------------------------------------------------------------------------------


def kept(world: World, **changes) -> MemoryStore:
    """Return a store with tokens, as an earlier run left it."""
    store = MemoryStore()
    tokens = Tokens("old", ISSUER, SERVER, refresh_token="refresh-0", requested=("a",))
    store.write(f"tokens {SERVER}", asdict(replace(tokens, **changes)))
    store.write(f"client {ISSUER} {SERVER}", asdict(ClientIdentity("kept", ISSUER, redirect_uri=REDIRECT)))
    return store


async def test_a_token_of_an_earlier_run_is_used():
    world = World()
    assert await headers(world.oauth(store=kept(world))) == {"authorization": "Bearer old"}


async def test_a_refused_token_is_refreshed_without_the_user():
    world = World(Issuer(answer={"refresh_token": "refresh-2"}))
    store = kept(world)
    oauth = world.oauth(store=store)
    assert await refused(oauth)
    (form,) = world.issuer.forms
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-0",
        "resource": SERVER,
        "client_id": "kept",
    }
    assert world.issuer.asked == []
    assert store.read(f"tokens {SERVER}")["refresh_token"] == "refresh-2"


async def test_a_token_of_an_earlier_run_is_refreshed_however_late_it_is_refused():
    world = World()
    assert await refused(world.oauth(store=kept(world)), attempt=1)  # a nonce was wanted first, say
    assert [form["grant_type"] for form in world.issuer.forms] == ["refresh_token"]


async def test_a_refresh_token_lasts_until_there_is_a_new_one():
    world = World()
    store = kept(world)
    await refused(world.oauth(store=store))
    assert store.read(f"tokens {SERVER}")["refresh_token"] == "refresh-0"


async def test_an_expired_token_is_renewed_before_it_is_refused():
    world = World()
    oauth = world.oauth(store=kept(world, expires_at=time.time() - 1))
    assert await headers(oauth) == {"authorization": "Bearer token-1"}


@pytest.mark.parametrize(("lifetime", "use"), [(3600, 3590), (12, 6), (1, 0.5)])
async def test_a_token_counts_as_expired_a_little_before_its_end(lifetime, use):
    world, store = World(Issuer(answer={"expires_in": lifetime})), MemoryStore()
    oauth = world.oauth(store=store)
    await refused(oauth)
    assert await headers(oauth) == {"authorization": "Bearer token-1"}
    assert store.read(f"tokens {SERVER}")["expires_at"] - time.time() == pytest.approx(use, abs=0.4)


async def test_a_refresh_that_nobody_waits_for_any_more_is_not_lost():
    class Slow(World):
        async def post_form(self, *arguments):
            sent.set()
            await answered.wait()
            return await super().post_form(*arguments)

    sent, answered = anyio.Event(), anyio.Event()
    world = Slow(Issuer(answer=LASTING))
    store = kept(world, expires_at=1.0)
    oauth = world.oauth(store=store)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(headers, oauth)
        await sent.wait()
        tasks.cancel_scope.cancel()
        answered.set()
    assert store.read(f"tokens {SERVER}")["refresh_token"] == "refresh-1"
    assert await headers(oauth) == {"authorization": "Bearer token-1"}
    assert len(world.issuer.forms) == 1


async def test_requests_that_wait_for_a_renewal_share_its_failure():
    class Down(World):
        async def get(self, url, sent):
            await anyio.lowlevel.checkpoint()
            await super().get(url, sent)
            raise AuthorizationFailed("no answer")

    world = Down()
    oauth = world.oauth(store=kept(world, expires_at=1.0))
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(headers, oauth)
    assert len(world.fetched) == 1
    assert await headers(oauth) == {}


async def test_a_refused_refresh_asks_the_user():
    world = World(Issuer(refuses={"refresh_token": "invalid_grant"}))
    oauth = world.oauth(store=kept(world))
    assert await refused(oauth)
    assert [form["grant_type"] for form in world.issuer.forms] == ["refresh_token", "authorization_code"]
    assert world.issuer.asked[0]["scope"] == "a"  # nothing that was granted before is lost


async def test_a_refreshed_token_that_is_refused_asks_the_user():
    world = World()
    oauth = world.oauth(store=kept(world))
    assert await refused(oauth, attempt=0)
    assert await refused(oauth, attempt=1)
    assert not await refused(oauth, attempt=2)
    assert [form["grant_type"] for form in world.issuer.forms] == ["refresh_token", "authorization_code"]


async def test_a_client_that_was_forgotten_since_registers_again_before_the_user_is_asked():
    world = World(Issuer(refuses={"refresh_token": "invalid_client"}))
    assert await refused(world.oauth(store=kept(world)))
    assert len(world.issuer.registrations) == 1
    assert world.issuer.asked[0]["client_id"] == "client-1"


async def test_a_refresh_token_that_another_program_has_used_is_not_used_again():
    world = World(Issuer(answer={"refresh_token": "refresh-2", "expires_in": 3600}))
    store = kept(world)
    ours, theirs = world.oauth(store=store), world.oauth(store=store)
    granted = await headers(ours)
    await refused(theirs)
    assert await ours.answer(refusal(granted=granted))
    assert await headers(ours) == await headers(theirs) == {"authorization": "Bearer token-1"}
    assert len(world.issuer.forms) == 1


async def test_a_challenge_for_more_than_was_granted_is_no_matter_for_a_refresh():
    world = World()
    oauth = world.oauth(store=kept(world))
    assert await refused(oauth, 'Bearer scope="b"')
    assert world.issuer.asked[0]["scope"] == "a b"


# Many requests at once --------------------------------------------------------------------------


async def together(oauth, count: int) -> list[object]:
    """Refuse the same headers many times at once; return what came of each."""
    granted, results = await headers(oauth), []

    async def one() -> None:
        try:
            results.append(await oauth.answer(refusal(granted=granted)))
        except AuthorizationFailed as error:
            results.append(str(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
    return results


async def test_requests_that_are_refused_together_share_one_authorization():
    world = World()
    assert await together(world.oauth(), 20) == [True] * 20
    assert len(world.issuer.asked) == 1


async def test_requests_that_are_refused_together_share_one_refresh():
    world = World(Issuer(answer={"refresh_token": "refresh-2"}))
    assert await together(world.oauth(store=kept(world)), 20) == [True] * 20
    assert len(world.issuer.forms) == 1


async def test_an_expired_token_is_renewed_once_for_all():
    world = World()
    oauth = world.oauth(store=kept(world, expires_at=1.0))
    seen = []

    async def one() -> None:
        seen.append((await headers(oauth))["authorization"])

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(one)
    assert seen == ["Bearer token-1"] * 10


async def test_a_user_who_declines_is_asked_once_by_all():
    world = World()
    asked = []

    async def decline(url: str) -> str:
        asked.append(url)
        await anyio.lowlevel.checkpoint()
        raise AuthorizationFailed("no")

    oauth = world.oauth(AuthorizationCode(Callback(REDIRECT, decline)))
    assert await together(oauth, 10) == ["no"] * 10
    assert len(asked) == 1
    assert await together(oauth, 1) == ["no"]
    assert len(asked) == 2  # a later request may ask again


async def test_a_request_that_gives_up_leaves_its_place_to_the_next():
    world, asked = World(), anyio.Event()

    async def wait(url: str) -> str:
        if asked.is_set():
            return await world.browse(url)
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    oauth = world.oauth(AuthorizationCode(Callback(REDIRECT, wait)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refused, oauth)
        await asked.wait()
        tasks.cancel_scope.cancel()
    assert await refused(oauth)


# What comes back --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mac", "DPoP", "N_A"])
async def test_a_token_that_cannot_be_presented_is_no_token(kind):
    world = World(Issuer(answer={"token_type": kind}))
    with pytest.raises(AuthorizationFailed, match="of the kind"):
        await refused(world.oauth())


async def test_what_is_private_to_a_token_is_not_shown_to_the_next():
    world, seen = World(), []
    oauth = world.oauth(store=kept(world))
    for _ in range(2):
        await headers(oauth)
        seen += [oauth.generation, oauth.generation]
        await refused(oauth)
    assert seen[0] == seen[1] != seen[2] == seen[3]


async def test_tokens_can_be_forgotten():
    world, store = World(), MemoryStore()
    oauth = world.oauth(store=store)
    await refused(oauth)
    oauth.forget(SERVER)
    assert await headers(oauth) == {}
    assert store.read(f"tokens {SERVER}") is None


async def test_no_error_tells_a_secret():
    world = World(Issuer(answer={"access_token": None, "refresh_token": "hush-1", "id_token": "hush-2"}))
    with pytest.raises(AuthorizationFailed) as failure:
        await refused(world.oauth())
    assert "hush" not in str(failure.value)
    granted = refusal(granted={"authorization": "Bearer hush-3"})
    assert "hush" not in repr(granted)
    assert METADATA in world.fetched


async def test_a_nonce_that_comes_with_a_refusal_is_in_the_next_proof():
    world = World(dpop_bound_access_tokens_required=True)
    world.issuer.answer["token_type"] = "DPoP"
    oauth = world.oauth()
    await refused(oauth)
    wanted = replace(refusal('DPoP error="use_dpop_nonce"'), url=SERVER)
    assert not await oauth.answer(wanted)
    assert await oauth.answer(replace(wanted, headers={**wanted.headers, "dpop-nonce": "n1"}))
    proof = (await headers(oauth))["dpop"].split(".")[1]
    assert json.loads(urlsafe_b64decode(proof + "=="))["nonce"] == "n1"


async def test_a_user_is_asked_by_one_server_after_the_other():
    async def browse(url):
        asked.append(url)
        assert len(asked) == 1
        await anyio.lowlevel.checkpoint()
        asked.clear()
        return await world.browse(url)

    asked: list[str] = []
    world, other = World(), "https://mcp.example/other"
    world.documents["https://mcp.example/.well-known/oauth-protected-resource/other"] = {
        "resource": other,
        "authorization_servers": [ISSUER],
    }
    oauth = world.oauth(AuthorizationCode(Callback(REDIRECT, browse)))
    async with anyio.create_task_group() as tasks:
        for server in (SERVER, other):
            tasks.start_soon(oauth.answer, refusal(server=server))
    assert len(world.issuer.asked) == 2
