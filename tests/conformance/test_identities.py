"""Who we can be to a protected server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest

from conformance.bench import Bench
from conformance.expect import Blocked, Inapplicable
from conformance.identities import Identities, need_second, need_token
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.target import HttpTarget, Target
from fixtures.miniatures import Bend, Miniature
from fixtures.miniatures.guarded import guarded
from fixtures.miniatures.serve import in_memory, target_of
from reference_impl.protocol.revisions import LATEST_LEGACY

from .scripted import BRISK

Body = Callable[[Peer], Awaitable[None]]


async def _with_peer(target: Target, body: Body) -> None:
    async def work(readers: anyio.abc.TaskGroup) -> None:
        async with Bench(target, LATEST_LEGACY, BRISK, readers).opened("test") as peer:
            await body(peer)

    await beside_readers(work)


def _on_guarded(body: Body, change: Callable[[Identities], Identities] = lambda who: who) -> None:
    async def run() -> None:
        async with guarded(Bend()) as target:
            await _with_peer(replace(target, identities=change(target.identities)), body)

    anyio.run(run)


def test_a_second_principal_has_a_session_of_its_own_and_not_the_first_one_s() -> None:
    async def body(peer: Peer) -> None:
        async with need_second(peer) as other:
            assert isinstance((await other.fence()).result, dict)
            assert other.session != peer.session
            other.session, own = peer.session, other.session
            assert (await other.fence()).status == 404
            other.session = own
            async with other.another() as third:
                assert third.bench is other.bench

    _on_guarded(body)


def test_without_a_second_token_a_check_is_blocked_and_told_what_to_give() -> None:
    async def body(peer: Peer) -> None:
        with pytest.raises(Blocked) as caught:
            async with need_second(peer):
                pass
        assert "second or issuer in [authorization]" in caught.value.reason

    _on_guarded(body, lambda who: replace(who, second=None))


def test_a_second_token_that_is_refused_blocks_too() -> None:
    async def body(peer: Peer) -> None:
        with pytest.raises(Blocked) as caught:
            async with need_second(peer):
                pass
        assert "does not take the second token" in caught.value.reason

    _on_guarded(body, lambda who: replace(who, second="nobody-s"))


def test_a_transport_without_tokens_has_one_principal_alone() -> None:
    async def body(peer: Peer) -> None:
        with pytest.raises(Inapplicable):
            need_token(peer, "second")

    anyio.run(_with_peer, in_memory("straight", Bend()), body)


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"AUTHORIZATION": " bearer  abc "}, "abc"),
        ({"Authorization": "Basic abc"}, None),
        ({"Authorization": "Bearer"}, None),
    ],
)
def test_the_good_token_is_the_bearer_token_among_the_headers(headers: dict[str, str], token: str | None) -> None:
    assert HttpTarget("http://a/mcp", headers).token == token


def test_another_token_takes_the_place_of_the_good_one_however_the_header_is_spelled() -> None:
    target = HttpTarget("http://a/mcp", {"AUTHORIZATION": "Bearer abc", "X-Own": "1"})
    assert target.bearing("xyz").headers == {"X-Own": "1", "authorization": "Bearer xyz"}
    assert target.bearing(None).headers == {"X-Own": "1"}


def test_a_target_that_asks_for_no_token_tells_nobody_apart() -> None:
    async def body(peer: Peer) -> None:
        with pytest.raises(Inapplicable) as caught:
            async with need_second(peer):
                pass
        assert caught.value.reason == "the target serves without a token"

    async def run() -> None:
        async with target_of(Miniature("straight", "", "is right", over="http")) as target:
            assert isinstance(target, HttpTarget)
            await _with_peer(replace(target, identities=Identities(second="any")), body)

    anyio.run(run)
