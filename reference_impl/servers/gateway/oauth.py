"""Tokens for OAuth client credentials (RFC 6749, 4.4): asked for when they are needed, kept until they expire."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import decode_json
from reference_impl.server.errors import ToolError
from reference_impl.servers.gateway.credentials import Scheme
from reference_impl.servers.gateway.exchange import ExchangeError, Reply, UpstreamRequest
from reference_impl.servers.gateway.origins import origin_of
from reference_impl.servers.gateway.upstream import Upstream

__all__ = ["Tokens"]

_EARLY = 30.0
"""Seconds before its end from which a token is held for expired: it has a way to go."""
_USUAL_LIFE = 300.0
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: float


class Tokens:
    """Keeps one token for each scheme and set of scopes. `learn` is told of every token: they are secrets."""

    def __init__(self, upstream: Upstream, learn: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._upstream = upstream
        self._learn = learn
        self._clock = clock
        self._held: dict[tuple[str, tuple[str, ...]], _Token] = {}
        self._locks: dict[tuple[str, tuple[str, ...]], asyncio.Lock] = {}

    def opened(self) -> None:
        """Begin in a new loop."""
        self._locks = {}

    async def take(self, scheme: Scheme, scopes: tuple[str, ...], refused: bool) -> str:
        """Return a token; a new one if the one held was refused. Raises `ToolError`."""
        key = scheme.name, tuple(sorted(scopes))
        before = self._held.get(key)
        async with self._locks.setdefault(key, asyncio.Lock()):
            held = self._held.get(key)
            fresh = held is not None and held.until > self._clock() and not (refused and held is before)
            if not fresh or held is None:
                held = self._held[key] = await self._asked(scheme, scopes)
            return held.value

    async def _asked(self, scheme: Scheme, scopes: tuple[str, ...]) -> _Token:
        assert scheme.token_url is not None
        assert scheme.secret is not None
        form = {"grant_type": "client_credentials", **({"scope": " ".join(scopes)} if scopes else {})}
        headers = {
            "authorization": f"Basic {base64.b64encode(scheme.secret.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        origin = origin_of(scheme.token_url) or ""
        request = UpstreamRequest("POST", scheme.token_url, origin, "the token", headers, urlencode(form).encode())
        try:
            async with asyncio.timeout(_PATIENCE):
                assert self._upstream.exchanger is not None
                reply = await self._upstream.exchanger.send(request)
        except TimeoutError:
            raise ToolError(f"No token for {scheme.name}: {origin} did not answer in time") from None
        except ExchangeError as error:
            raise ToolError(f"No token for {scheme.name}: {origin} {error}") from None
        return self._read(scheme, origin, reply)

    def _read(self, scheme: Scheme, origin: str, reply: Reply) -> _Token:
        try:
            answer: Any = decode_json(reply.body)
        except RemoteProtocolError:
            answer = None
        members = answer if isinstance(answer, dict) else {}
        value, life = members.get("access_token"), members.get("expires_in", _USUAL_LIFE)
        kind = str(members.get("token_type", "bearer")).lower()
        if reply.status != 200 or kind != "bearer" or not isinstance(value, str) or not _is_token(value):
            told = members.get("error")
            said = f" ({told})" if isinstance(told, str) and told.isascii() and len(told) < 80 else ""
            raise ToolError(f"No token for {scheme.name}: {origin} answered {reply.status}{said}")
        self._learn(value)
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _USUAL_LIFE
        return _Token(value, self._clock() + max(seconds - _EARLY, seconds / 2))


def _is_token(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and " " not in value
