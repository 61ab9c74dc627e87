"""What is put to the test, and how to reach it: TARGET of the command line as a value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from conformance.identities import Identities
from reference_impl.transports.channel import ByteChannel

__all__ = [
    "AUTHORIZATION",
    "HttpTarget",
    "MemoryTarget",
    "SseTarget",
    "StdioTarget",
    "Target",
    "TargetError",
    "UrlTarget",
    "WebSocketTarget",
    "bears_credentials",
    "parse_target",
    "shown",
    "with_token",
]


class TargetError(Exception):
    """The TARGET cannot be understood; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class StdioTarget:
    """A server that is started for each connection and spoken to on its standard streams."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    transport = "stdio"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A server that runs already, at one MCP endpoint. `headers` go with every request (credentials, say);
    `identities` are tokens that some checks show in their place."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    identities: Identities = field(default_factory=Identities)
    transport = "http"

    def bearing(self, token: str | None) -> HttpTarget:
        """Return the same server, shown another token; with None, none."""
        return replace(self, headers=with_token(self.headers, token))

    @property
    def token(self) -> str | None:
        """The token among the headers; None where there is none, or credentials of another kind."""
        given = next((value for name, value in self.headers.items() if name.lower() == AUTHORIZATION), "")
        scheme, _, token = given.strip().partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class SseTarget:
    """A server that runs already, over HTTP with SSE: `url` is where GET opens its stream of events."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    transport = "sse"


@dataclass(frozen=True, slots=True)
class WebSocketTarget:
    """A server that runs already, and takes each connection as a WebSocket. `headers` go with its handshake."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    transport = "ws"


@dataclass(frozen=True, slots=True)
class MemoryTarget:
    """A server in this very process, reached over a pair of byte streams.

    `open` returns our end of a new conversation. `name` is shown in reports.
    """

    name: str
    open: Callable[[], Awaitable[ByteChannel]]
    transport = "memory"


UrlTarget = HttpTarget | SseTarget | WebSocketTarget
Target = StdioTarget | UrlTarget | MemoryTarget

AUTHORIZATION = "authorization"
_SSE = "sse+"
"""What a URL begins with that means the transport of before Streamable HTTP, which has no scheme of its own."""
_SCHEMES: dict[str, type[UrlTarget]] = {
    "http": HttpTarget,
    "https": HttpTarget,
    f"{_SSE}http": SseTarget,
    f"{_SSE}https": SseTarget,
    "ws": WebSocketTarget,
    "wss": WebSocketTarget,
}
_KNOWN = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]+(/\S*)?")


def parse_target(words: list[str]) -> Target:
    """Read a TARGET: a URL, a quoted command, or the words of a command.

    Raises `TargetError` for anything else.
    """
    if not words or not words[0].strip():
        raise TargetError("no target: give a URL, or a command after --")
    if _URL.match(words[0]):
        if len(words) > 1:
            raise TargetError(f"a URL is a target by itself; {words[1]!r} follows it")
        return _url(words[0])
    if len(words) == 1 and _ADDRESS.fullmatch(words[0]):
        raise TargetError(f"{words[0]} is no program; a URL begins with http:// or https://")
    if len(words) == 1 and not Path(words[0]).is_file():
        try:
            words = shlex.split(words[0])
        except ValueError as error:
            raise TargetError(f"the command {words[0]!r} cannot be split into words: {error}") from None
    return StdioTarget(tuple(words))


def _url(text: str) -> UrlTarget:
    try:
        parts = urlsplit(text)
        valid = parts.hostname is not None and parts.port != 0
    except ValueError as error:
        raise TargetError(f"{text!r} is no URL: {error}") from None
    if parts.scheme not in _SCHEMES:
        close = get_close_matches(parts.scheme, _SCHEMES, 1, 0.5)
        told = f"did you mean {close[0]}://? " if close else ""
        raise TargetError(f"{parts.scheme}:// is not a transport that this command tests; {told}it tests {_KNOWN}")
    if not valid or any(character <= " " for character in text):
        raise TargetError(f"{text!r} names no host, or contains a space")
    if "@" in parts.netloc:
        raise TargetError("a URL with a user name is not sent as such; use --header 'Authorization: ...'")
    return _SCHEMES[parts.scheme](text[len(_SSE) :] if parts.scheme.startswith(_SSE) else text)


def with_token(headers: Mapping[str, str], token: str | None) -> dict[str, str]:
    """Return headers with another token; with None, with none."""
    others = {name: value for name, value in headers.items() if name.lower() != AUTHORIZATION}
    return others if token is None else {**others, AUTHORIZATION: f"Bearer {token}"}


def bears_credentials(target: Target) -> bool:
    """Whether the headers of a target say who we are."""
    headers: Mapping[str, str] = {} if isinstance(target, StdioTarget | MemoryTarget) else target.headers
    return any(name.lower() == AUTHORIZATION for name in headers)


def shown(target: Target) -> str:
    """Return the target as it would be typed, without header values."""
    match target:
        case StdioTarget(argv):
            return "-- " + shlex.join(argv)
        case HttpTarget(url) | WebSocketTarget(url):
            return url
        case SseTarget(url):
            return _SSE + url
        case MemoryTarget(name):
            return name
