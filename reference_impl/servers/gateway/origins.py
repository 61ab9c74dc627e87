"""URLs that calls may go to: taken apart once, so that nothing of a call can change where it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from reference_impl.server.errors import SetupError

__all__ = ["Base", "base_of", "joined", "origin_of"]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Base:
    """A server's URL: `origin` is `scheme://host[:port]`, `path` what precedes every operation's own, without a
    slash at its end."""

    origin: str
    path: str = ""

    def __str__(self) -> str:
        return self.origin + self.path


def base_of(url: str, what: str = "the server URL") -> Base:
    """Take a server's URL apart. Raises `SetupError` for what is not http(s), has no host, or has more than a path."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SetupError(f"{what} {url!r} is malformed") from None
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.query or parts.fragment:
        raise SetupError(f"{what} {_shown(url)!r} must look like https://host[:port]/path, with nothing after the path")
    if not url.isascii() or any(character <= " " or character in '\\"<>{}|^`\x7f' for character in url):
        raise SetupError(f"{what} {url!r} has characters that a URL cannot have: percent-encode them")
    if any(re.sub("(?i)%2e", ".", segment) in (".", "..") for segment in parts.path.split("/")):
        raise SetupError(f"{what} {url!r} must not have . or .. in its path")
    named = f"[{host}]" if ":" in host else host
    ending = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    return Base(f"{parts.scheme}://{named}{ending}", parts.path.rstrip("/"))


def origin_of(url: str) -> str | None:
    """Return the origin of a URL, written as `Base.origin` is; None for what is no plain http(s) URL."""
    try:
        return base_of(urlsplit(url)._replace(path="", query="", fragment="").geturl()).origin
    except (SetupError, ValueError):
        return None


def joined(address: str, url: str) -> str:
    """Return `url` as it reads in a document at `address`."""
    return urljoin(address, url)


def _shown(url: str) -> str:
    """Return a URL without the password that it may hold."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://...@{after}" if at else url
