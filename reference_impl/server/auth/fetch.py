"""Fetching small JSON documents: metadata, keys, introspection results, client documents.

Every fetch has a deadline and a size; none follows a redirect, sends a cookie or uses a proxy. Addresses that a
stranger chose are fetched only from public hosts, and the address that was checked is the one that is connected to, so
that a name that resolves differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from reference_impl.protocol.messages import MalformedError, decode_json

__all__ = ["FetchError", "Fetched", "Fetcher", "is_loopback"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class FetchError(Exception):
    """The document could not be had."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON object and the headers (lower-case names) that came with it."""

    document: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How documents are fetched.

    `seconds` bounds a whole exchange, `largest` a body in bytes. `public` refuses all hosts that are not on the public
    internet; `loopback` lets this machine in all the same, for tests.
    """

    seconds: float = 5.0
    largest: int = 256 * 1024
    public: bool = False
    loopback: bool = True

    async def get(self, url: str) -> Fetched:
        """Return the JSON object at `url`. Raises `FetchError`."""
        return await self._exchange("GET", url, {}, None)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
        """Post a form; return the JSON object that answers it. Raises `FetchError`."""
        return await self._exchange("POST", url, headers, dict(form))

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], form: dict[str, str] | None
    ) -> Fetched:
        self._check(url)
        timeout = aiohttp.ClientTimeout(total=self.seconds)
        connector = aiohttp.TCPConnector(resolver=_Resolver(self), force_close=True)
        given = {"accept": "application/json", "accept-encoding": "identity", **headers}
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
                session.request(method, url, headers=given, data=form, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise FetchError(f"the answer had status {response.status}")
                body = await response.content.read(self.largest + 1)
                while len(body) <= self.largest and not response.content.at_eof():
                    body += await response.content.read(self.largest + 1 - len(body))
                return self._read(body, response.headers)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise FetchError(f"no answer: {type(error).__name__}") from None

    def _read(self, body: bytes, headers: Mapping[str, str]) -> Fetched:
        if len(body) > self.largest:
            raise FetchError("the document is too large")
        try:
            document = decode_json(body)
        except MalformedError:
            raise FetchError("the document is not JSON") from None
        if not isinstance(document, dict):
            raise FetchError("the document is not a JSON object")
        return Fetched(document, {name.lower(): value for name, value in headers.items()})

    def _check(self, url: str) -> None:
        """Refuse what must not be fetched: plain HTTP beyond this machine, and literal addresses that are not
        public (names are judged once they are resolved)."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise FetchError("the URL is malformed") from None
        if not host or parts.username is not None or parts.fragment:
            raise FetchError("the URL is malformed")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host) and self.loopback):
            raise FetchError("the URL must be https")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return
        if not self.admits(address):
            raise FetchError("the address is not public")

    def admits(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """Tell whether an address may be connected to."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback:
            return self.loopback
        return not self.public or _is_public(address)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    # An address with another one inside leads there, through a gateway.
    tunnel = address.sixtofour is not None or address.teredo is not None or address in _NAT64
    return address.is_global and not address.is_multicast and not tunnel


class _Resolver(AbstractResolver):
    """Resolves names to addresses that the fetcher admits, all or nothing."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if not all(self._fetcher.admits(ipaddress.ip_address(item["host"].partition("%")[0])) for item in found):
            raise OSError("the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        await self._system.close()


def is_loopback(host: str) -> bool:
    """Tell whether a URL's host is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
