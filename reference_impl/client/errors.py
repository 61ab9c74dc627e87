"""What can go wrong for a client, by who has to do something about it.

A tool that fails is none of these: its result comes back with `isError`.

ClientError
├── ConnectionClosed      the server cannot be reached, or has gone
│   ├── Unreachable       no connection could be made, so that nothing has been sent
│   └── SessionLost       the server has forgotten the session (HTTP 404 to a session id)
├── HttpRefused           an HTTP status without a JSON-RPC answer
├── RequestFailed         the server answered with a JSON-RPC error
│   └── ResourceNotFound  there is no such resource
├── RequestTimeout        no answer in time; the request was cancelled
├── TaskCancelled         the task that a call had become was cancelled, by the server or another client
├── InvalidAnswer         the server's answer breaks the protocol
├── NotOffered            the server never declared the capability, or the revision lacks the method
├── NoCommonRevision      client and server share no revision
├── AuthorizationFailed   no authorization could be obtained, or none that is enough
│   └── TokenRefused      an authorization server said no, with an OAuth error code
├── InputRefused          the server asked for input that cannot or may not be given
├── PermissionDenied      the user, or who decides for him, did not allow it; nothing was sent
└── UnknownServer         the client manager has no server of that name
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from reference_impl.transports.http_terms import shown

__all__ = [
    "AuthorizationFailed",
    "ClientError",
    "ConnectionClosed",
    "HttpRefused",
    "InputRefused",
    "InvalidAnswer",
    "NoCommonRevision",
    "NotOffered",
    "PermissionDenied",
    "RequestFailed",
    "RequestTimeout",
    "ResourceNotFound",
    "SessionLost",
    "TaskCancelled",
    "TokenRefused",
    "UnknownServer",
    "Unreachable",
]

# The names say what happened, as the caller's `except` reads best, hence without the suffix that N818 asks for.


class ClientError(Exception):
    """Base of all that follow."""


class ConnectionClosed(ClientError):  # noqa: N818 - see above
    """The server cannot be reached, or the connection ended before the answer; `str()` says why, where it is known."""


class SessionLost(ConnectionClosed):
    """The server answered 404 to the session id: the session is over (`basic/transports#session-management`)."""


class Unreachable(ConnectionClosed):
    """No connection could be made: the server has seen nothing of the request."""


class HttpRefused(ClientError):  # noqa: N818 - see above
    """An HTTP status without an answer of JSON-RPC, or 401 or 403; names of `headers` are in lower case.

    `challenge` is its WWW-Authenticate header, `retry_after` the seconds that it wishes to be left alone, or None.
    """

    def __init__(self, status: int, body: str = "", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        said = " ".join(body[:200].split())
        super().__init__(f"HTTP {status}{': ' if said else ''}{said}; {_remedy(status, headers.get('location'))}")
        self.status = status
        self.challenge = headers.get("www-authenticate")
        self.retry_after = _seconds(headers.get("retry-after", ""))


def _seconds(text: str) -> float | None:
    """Read Retry-After (RFC 9110, section 10.2.3) where it is a number; a date needs two clocks that agree."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


_REMEDIES = {
    401: "the server wants to know who asks: give ClientSettings an authorizer, or headers",
    403: "who asks may not do this: it takes another account, or more scopes",
    404: "nothing answers at this address: is its path right?",
    405: "this address takes no such requests: is it the endpoint?",
    413: "the request is larger than the server takes",
    429: "too many requests: wait before the next one",
}


def _remedy(status: int, location: str | None) -> str:
    """Say what can be done about a refusal; `location` is where a redirect leads."""
    if status in _REMEDIES:
        return _REMEDIES[status]
    if status >= 500:
        return "the server, or something before it, has failed: try again later"
    if 300 <= status < 400:
        return f"redirects are not followed: use {shown(location)[:200] if location else 'the new address'}"
    return "this is no answer of the protocol"


class RequestFailed(ClientError):  # noqa: N818 - see above
    """The server answered with an error: its `code`, `message` and `data`; `method` is what was asked for."""

    def __init__(self, code: int, message: str, data: Any = None, method: str | None = None) -> None:
        said = " ".join(message.split())
        super().__init__(f"{method}: {said} ({code})" if method else f"{said} ({code})")
        self.code = code
        self.message = message
        self.data = data


class ResourceNotFound(RequestFailed):
    """The server has no resource of this URI (-32602 at 2026-07-28, -32002 before)."""


class RequestTimeout(ClientError):  # noqa: N818 - see above
    """No answer came within `seconds`; the server was told to stop."""

    def __init__(self, method: str, seconds: float) -> None:
        super().__init__(f"{method}: no answer within {seconds:g} s; give it a longer timeout if it may take longer")
        self.method = method
        self.seconds = seconds


class TaskCancelled(ClientError):  # noqa: N818 - see above
    """The task was cancelled, and not by this call; `str()` says what the server says of it."""


class InvalidAnswer(ClientError):  # noqa: N818 - see above
    """The server's answer breaks the protocol, and cannot be used: its author has to mend it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the server broke the protocol: {what}")


class NotOffered(ClientError):  # noqa: N818 - see above
    """The request would break the agreement: its capability was not declared, or the revision does not know it."""


class NoCommonRevision(ClientError):  # noqa: N818 - see above
    """Client and server share no revision. `offered` are the versions that the server named."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        spoken = ", ".join(offered) or "no revision that is known here"
        super().__init__(
            f"the server speaks {spoken}, this client does not: update one of them, or allow more revisions"
        )
        self.offered = offered


class InputRefused(ClientError):  # noqa: N818 - see above
    """The server asked for input that this client cannot give, or that its user declined to give."""


class PermissionDenied(ClientError, PermissionError):  # noqa: N818 - see above
    """Whoever decides what may be done said no, or nobody could be asked. It is not to be tried again."""


class UnknownServer(ClientError):  # noqa: N818 - see above
    """No server of this name is connected; `str()` says which are."""


class AuthorizationFailed(ClientError):  # noqa: N818 - see above
    """No authorization could be obtained: discovery, registration, the user or the authorization server said no.

    Its words never hold a token, a code or a secret.
    """


class TokenRefused(AuthorizationFailed):
    """An authorization server refused with an OAuth error: its `error` code (RFC 6749, section 5.2)."""

    def __init__(self, where: str, error: str, description: str = "") -> None:
        super().__init__(f"{where} refused: {error}{': ' if description else ''}{description[:200]}")
        self.error = error
