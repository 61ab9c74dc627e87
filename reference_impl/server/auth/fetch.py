"""Fetching small JSON documents: metadata, keys, introspection results, client documents.

Every fetch has a deadline and a size; none follows a redirect, sends a cookie or uses a proxy. Addresses that a
stranger chose are fetched only from public hosts, and the address that was checked is the one that is connected to, so
that a name that resolves differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from reference_impl.protocol.messages import MalformedError, decode_json
from reference_impl.transports.addresses import is_global, is_loopback
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import BadHttp, HttpError, Origin

__all__ = ["FetchError", "Fetched", "Fetcher"]


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
        return await self._exchange("GET", url, {})

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
        """Post a form; return the JSON object that answers it. Raises `FetchError`."""
        typed = {"content-type": "application/x-www-form-urlencoded", **headers}
        return await self._exchange("POST", url, typed, urlencode(form).encode())

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Fetched:
        parts = self._checked(url)
        origin = Origin.of(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = {"host": origin.authority, "accept": "application/json", "accept-encoding": "identity", **headers}
        client = HttpClient(origin, admits=self.admits)
        try:
            async with asyncio.timeout(self.seconds):
                with await client.request(request_head(method, target, head), body) as reply:
                    if reply.status != HTTPStatus.OK:
                        raise FetchError(f"the answer had status {reply.status}")
                    return await self._read(reply)
        except (HttpError, OSError, TimeoutError, ValueError) as error:
            raise FetchError(f"no answer: {type(error).__name__}") from None
        finally:
            await client.aclose()

    async def _read(self, reply: HttpReply) -> Fetched:
        try:
            document = decode_json(await reply.read(self.largest))
        except BadHttp:
            raise FetchError("the document is too large, or broken") from None
        except MalformedError:
            raise FetchError("the document is not JSON") from None
        if not isinstance(document, dict):
            raise FetchError("the document is not a JSON object")
        return Fetched(document, reply.headers)

    def _checked(self, url: str) -> SplitResult:
        """Return the parts of a URL. Raises `FetchError` for plain HTTP beyond this machine; addresses are judged
        once they are known."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise FetchError("the URL is malformed") from None
        if not host or parts.username is not None or parts.fragment:
            raise FetchError("the URL is malformed")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host) and self.loopback):
            raise FetchError("the URL must be https")
        return parts

    def admits(self, address: str) -> bool:
        """Tell whether an IP address may be connected to."""
        if is_loopback(address.removeprefix("::ffff:")):
            return self.loopback
        return not self.public or is_global(address)
