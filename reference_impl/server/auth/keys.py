"""The keys of an issuer: given, or fetched from it and kept.

Fetching is bounded in every way that a stranger with made-up tokens could abuse: one fetch at a time, few in any time,
whatever key ids the tokens name (RFC 7517, 5; RFC 8414, 3).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from reference_impl.server.auth.errors import VerificationUnavailableError
from reference_impl.server.auth.fetch import Fetcher, FetchError
from reference_impl.server.auth.jwt import Key, read_key

__all__ = ["FetchedKeys", "FixedKeys", "Freshness", "KeySource", "metadata_urls", "read_keys"]

_MOST_KEYS = 64


class KeySource(Protocol):
    """Where the public keys of one issuer come from."""

    async def find(self, kid: str | None) -> list[Key]:
        """Return the keys with this id, or all if the token names none. Raises `VerificationUnavailableError`."""


def read_keys(document: Mapping[str, Any]) -> list[Key]:
    """Return the usable keys of a JWK set; others are left out."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        return []
    found = (read_key(entry) for entry in entries[:_MOST_KEYS] if isinstance(entry, dict))
    return [key for key in found if key is not None]


def _with_id(keys: Iterable[Key], kid: str | None) -> list[Key]:
    return [key for key in keys if kid is None or key.get("kid") == kid]


class FixedKeys:
    """Keys from a JWK set that was given."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys = read_keys(document)

    async def find(self, kid: str | None) -> list[Key]:
        """Return the keys with this id, or all."""
        return _with_id(self._keys, kid)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long keys are kept, in seconds.

    They are fetched again after `lifetime`, and when a token names an unknown one, for either reason at most once in
    `cooldown`. While they cannot be fetched, old ones serve until they are `stalest` old.
    """

    lifetime: float = 600
    cooldown: float = 30
    stalest: float = 3600
    clock: Callable[[], float] = time.monotonic


class FetchedKeys:
    """Keys fetched from `url`, or, without it, from where the metadata of `issuer` says."""

    def __init__(
        self,
        issuer: str,
        url: str | None = None,
        *,
        fetcher: Fetcher | None = None,
        freshness: Freshness | None = None,
    ) -> None:
        self._issuer = issuer
        self._url = url
        self._fetcher = fetcher or Fetcher()
        self._freshness = freshness or Freshness()
        self._keys: list[Key] = []
        self._fetched: float | None = None
        self._tried: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None) -> list[Key]:
        """Return the keys with this id, or all. Raises `VerificationUnavailableError` if none could be fetched."""
        found = _with_id(self._keys, kid)
        if not found or self._age() > self._freshness.lifetime:
            async with self._lock:
                if self._age() > self._freshness.lifetime:
                    await self._refresh("they are old")
                elif not _with_id(self._keys, kid):
                    await self._refresh("one is unknown")
            found = _with_id(self._keys, kid)
        if self._age() > self._freshness.stalest:
            raise VerificationUnavailableError("the keys of the issuer cannot be fetched")
        return found

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._freshness.clock() - self._fetched

    async def _refresh(self, reason: str) -> None:
        now = self._freshness.clock()
        if now < self._tried.get(reason, -math.inf) + self._freshness.cooldown:
            return
        self._tried[reason] = now
        try:
            document = (await self._fetcher.get(self._url or await self._discover())).document
        except FetchError:
            return  # what is known serves on until it is too old
        if isinstance(document.get("keys"), list):
            self._keys, self._fetched = read_keys(document), self._freshness.clock()

    async def _discover(self) -> str:
        """Return `jwks_uri` of the issuer's metadata, which must be about this very issuer (RFC 8414, 3.3)."""
        for url in metadata_urls(self._issuer):
            try:
                document = (await self._fetcher.get(url)).document
            except FetchError:
                continue
            where = document.get("jwks_uri")
            if document.get("issuer") == self._issuer and isinstance(where, str):
                return where
        raise FetchError("the issuer has no metadata")


def metadata_urls(issuer: str) -> list[str]:
    """Return where an issuer's metadata may be, in the order in which to ask
    (`basic/authorization/authorization-server-discovery#authorization-server-metadata-discovery`)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    inserted = [f"/.well-known/{name}{path}" for name in ("oauth-authorization-server", "openid-configuration")]
    paths = [*inserted, f"{path}/.well-known/openid-configuration"] if path else inserted
    return [urlunsplit((parts.scheme, parts.netloc, item, "", "")) for item in paths]
