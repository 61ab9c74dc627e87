"""Who we can be to a protected server: the tokens that the user gave us, or had minted, and what each is for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.expect import Blocked, Inapplicable, Mismatch

if TYPE_CHECKING:
    from conformance.peer import Peer

__all__ = ["Identities", "need_second", "need_token"]


@dataclass(frozen=True, slots=True)
class Identities:
    """Tokens beside the good one, which is among the headers of the target.

    `second` is as good, and another principal's; `expired` was good once; `foreign` is another resource's; `narrow`
    has too few scopes for something that the target offers. `mint` makes a good one with exactly the scopes that it is
    given. Each is None where there is none. `readable` are URLs of origins where documents may be read beside the
    target's own.
    """

    second: str | None = field(default=None, repr=False)
    expired: str | None = field(default=None, repr=False)
    foreign: str | None = field(default=None, repr=False)
    narrow: str | None = field(default=None, repr=False)
    mint: Callable[[Sequence[str]], str] | None = field(default=None, repr=False)
    readable: tuple[str, ...] = ()


def need_token(peer: Peer, name: str) -> str:
    """Return the token of that name ("second", "expired", "foreign" or "narrow").

    Raises `Inapplicable` over a transport without tokens, `Blocked` if the user gave none.
    """
    assert peer.bench is not None
    if not peer.over_http:
        raise Inapplicable("the transport carries no tokens")
    token: str | None = getattr(peer.bench.identities, name)
    if token is None:
        raise Blocked(f"there is no {name} token ({name} or issuer in [authorization] of touchstone.toml)")
    return token


@asynccontextmanager
async def need_second(peer: Peer) -> AsyncIterator[Peer]:
    """A further client of the same target, its handshake done, that is another principal.

    Raises `Inapplicable` over a transport without tokens and for a target that asks for none, `Blocked` if the user
    gave no second token or the target does not take it.
    """
    from conformance.gate import need_refusal  # which leans on targets, and those on this module

    token = need_token(peer, "second")
    assert peer.bench is not None
    async with peer.bench.unopened(peer.conversation.purpose) as stranger:
        await need_refusal(stranger)
    async with AsyncExitStack() as stack:
        try:
            opening = peer.bench.bearing(token).opened(peer.conversation.purpose)
            other = await stack.enter_async_context(opening)
        except Mismatch as mismatch:
            raise Blocked(f"the target does not take the second token: {mismatch.actual}") from None
        yield other
