"""One request to the upstream and its answer, over aiohttp.

No cookies, no proxy, no redirect to another origin, no more bytes than were asked for. What goes wrong is an
`ExchangeError` that says whether the request may have been carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from reference_impl.servers.gateway.origins import origin_of
from reference_impl.servers.gateway.settings import Limits

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver

__all__ = ["ExchangeError", "Exchanger", "Reply", "UpstreamRequest", "session_of"]

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_URL_CHARACTERS = "/?%:@!$&'()*+,;=-._~"
_FOLLOWED = frozenset({"GET", "HEAD"})

Watch = Callable[[int, "int | None"], None]
"""Hears how many bytes of the answer have come, and of how many, where that is known."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """What is sent: `url` is encoded and stays within `origin`; `label` is how messages call it."""

    method: str
    url: str
    origin: str
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names in lower case, the body decompressed."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """No usable answer. `sent`: the request may have arrived, and may have been carried out. `broken`: the upstream is
    to blame, and not well."""

    def __init__(self, message: str, *, sent: bool, broken: bool = True) -> None:
        super().__init__(message)
        self.sent = sent
        self.broken = broken


def session_of(limits: Limits, resolver: AbstractResolver | None = None) -> ClientSession:
    """Return the connections that a gateway uses; they belong to the running loop."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0, resolver=resolver, keepalive_timeout=4.0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout, connect=None)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, trust_env=False
    )


class Exchanger:
    """Sends requests over one session."""

    def __init__(self, session: ClientSession, largest: int) -> None:
        self._session = session
        self._largest = largest

    async def send(self, request: UpstreamRequest, watch: Watch | None = None) -> Reply:
        """Send a request and return its whole answer. Raises `ExchangeError`."""
        import aiohttp

        try:
            return await self._followed(request, watch)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ExchangeError(f"cannot be reached ({_why(error)})", sent=False) from None
        except aiohttp.ClientPayloadError:
            raise ExchangeError("broke off in the middle of its answer", sent=True) from None
        except aiohttp.ClientResponseError:
            raise ExchangeError("answered what is no HTTP", sent=True) from None
        except (aiohttp.ClientError, OSError):
            raise ExchangeError("closed the connection without an answer", sent=True) from None

    async def _followed(self, request: UpstreamRequest, watch: Watch | None) -> Reply:
        """Follow redirects within the origin, of requests that only read; the credentials go no further."""
        url = request.url
        for _ in range(_MOST_REDIRECTS):
            reply = await self._once(request, url, watch)
            location = reply.headers.get("location")
            if reply.status not in _REDIRECTS or request.method not in _FOLLOWED or location is None:
                return reply
            url = _onward(url, location, request.origin)
        raise ExchangeError(f"redirects more than {_MOST_REDIRECTS} times", sent=True, broken=False)

    async def _once(self, request: UpstreamRequest, url: str, watch: Watch | None) -> Reply:
        from yarl import URL

        address = URL(url, encoded=True)
        async with self._session.request(
            request.method, address, headers=request.headers, data=request.body, allow_redirects=False
        ) as response:
            body = await self._read(response, watch)
            headers: dict[str, str] = {}
            for name, value in response.headers.items():
                headers.setdefault(name.lower(), _text(value))
            return Reply(response.status, _text(response.reason or ""), headers, body)

    async def _read(self, response: ClientResponse, watch: Watch | None) -> bytes:
        pieces: list[bytes] = []
        size, total = 0, response.content_length
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > self._largest:
                said = f"answered {response.status} with more than {self._largest} bytes, the most that is read"
                raise ExchangeError(said, sent=True, broken=False)
            if watch is not None:
                watch(size, total)
        return b"".join(pieces)


def _text(field: str) -> str:
    """Return a field without the halves of characters that stand for bytes of no encoding: no JSON can carry them."""
    return field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _onward(url: str, location: str, origin: str) -> str:
    """Return where a redirect leads, written anew behind the origin, so that nobody can read another host out of it.

    Raises `ExchangeError` for another origin.
    """
    try:
        parts = urlsplit(urljoin(url, location))
        there = origin_of(parts.geturl())
    except ValueError:
        parts, there = urlsplit(""), None
    if there != origin:
        said = f"redirects to another origin ({there or 'no http URL'}), which is not followed"
        raise ExchangeError(said, sent=True, broken=False)
    query = f"?{quote(parts.query, safe=_URL_CHARACTERS)}" if parts.query else ""
    return f"{origin}/{quote(parts.path, safe=_URL_CHARACTERS).lstrip('/')}{query}"


def _why(error: Exception) -> str:
    """Say why there is no connection; never with an address that the operator did not name."""
    import ssl

    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        reason = getattr(error, "certificate_error", None)
        verify = reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else ""
        return f"TLS failed{f': {verify}' if verify else ''}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name does not resolve"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    found = getattr(error, "os_error", None)
    return (getattr(found, "strerror", None) or "no connection").partition("[")[0].strip().lower() or "no connection"
