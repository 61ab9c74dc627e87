"""Small requests to strangers: metadata, registrations, tokens. Each is bounded in time and size, and follows nothing.

Source of the care for private addresses: the protocol's security best practices, on server-side request forgery.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import anyio

from reference_impl.client.auth.addresses import require_secure
from reference_impl.client.errors import AuthorizationFailed
from reference_impl.protocol.messages import encode_json
from reference_impl.transports.addresses import is_global
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_terms import HttpError, Origin
from reference_impl.transports.tunnel import Proxy

__all__ = ["Fetched", "Fetcher", "Fetches", "is_private"]

_DEADLINE = 15.0
"""Seconds from the first byte that goes out to the last that comes in."""
_BODY_LIMIT = 1024 * 1024
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status, its headers (names in lower case), its whole body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Fetches(Protocol):
    """Makes small requests. Each raises `AuthorizationFailed` if there is no answer."""

    async def get(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """GET a document."""
        ...

    async def post_form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
        """POST a form, as token endpoints want it."""
        ...

    async def post_json(self, url: str, value: object) -> Fetched:
        """POST a JSON value, as registration endpoints want it."""
        ...


async def is_private(host: str) -> bool:
    """Tell whether a host lies outside the public network, by the addresses that its name has now.

    One public address is enough to make it public: who owns the name could add a private one, and be let in everywhere.
    """
    try:
        rows = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(not is_global(str(address[0])) for *_, address in rows)


class Fetcher:
    """Makes the requests of one authorization on behalf of one server.

    A server in the public network cannot send its client into a private one: `private` says that the server itself is
    in one. The address is judged once the connection stands and before anything is sent, so that no name can change
    its mind in between.
    """

    def __init__(
        self, ssl_context: ssl.SSLContext | None = None, proxy: Proxy | None = None, *, private: bool = False
    ) -> None:
        self._ssl = ssl_context
        self._proxy = proxy
        self._private = private

    async def get(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """See `Fetches.get`."""
        return await self._exchange("GET", url, {"accept": _JSON, **headers}, None)

    async def post_form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
        """See `Fetches.post_form`."""
        sent = {"accept": _JSON, "content-type": _FORM, **headers}
        return await self._exchange("POST", url, sent, urlencode(fields).encode())

    async def post_json(self, url: str, value: object) -> Fetched:
        """See `Fetches.post_json`."""
        return await self._exchange("POST", url, {"accept": _JSON, "content-type": _JSON}, encode_json(value))

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Fetched:
        require_secure(url, "an address of authorization")
        origin, parts = Origin.of(url), urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        client = HttpClient(origin, self._ssl, proxy=self._proxy, admits=self._admits)
        sent = {"host": origin.authority, "user-agent": "mcp-touchstone", "accept-encoding": "identity", **headers}
        try:
            with anyio.fail_after(_DEADLINE):
                reply = await client.request(request_head(method, target, sent), body)
                with reply:
                    return Fetched(reply.status, reply.headers, await reply.read(_BODY_LIMIT))
        except (HttpError, ValueError) as error:
            raise AuthorizationFailed(f"{origin.scheme}://{origin.authority}: {error}") from error
        except TimeoutError as error:
            raise AuthorizationFailed(f"{origin.authority} gave no answer within {_DEADLINE:g} s") from error
        finally:
            with anyio.CancelScope(shield=True):
                await client.aclose()

    def _admits(self, address: str) -> bool:
        return self._private or is_global(address)
