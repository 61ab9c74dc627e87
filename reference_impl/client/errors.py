"""What can go wrong for a client, by who has to do something about it.

A tool that fails is none of these: its result comes back with `isError`.

ClientError
├── ConnectionClosed      the server cannot be reached, or has gone
│   └── SessionLost       the server has forgotten the session (HTTP 404 to a session id)
├── HttpRefused           an HTTP status without a JSON-RPC answer
├── RequestFailed         the server answered with a JSON-RPC error
├── RequestTimeout        no answer in time; the request was cancelled
├── InvalidAnswer         the server's answer breaks the protocol
├── NotOffered            the server never declared the capability, or the revision lacks the method
├── NoCommonRevision      client and server share no revision
├── AuthorizationFailed   no authorization could be obtained, or none that is enough
│   └── TokenRefused      an authorization server said no, with an OAuth error code
└── InputRefused          the server asked for input that cannot or may not be given
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AuthorizationFailed",
    "ClientError",
    "ConnectionClosed",
    "HttpRefused",
    "InputRefused",
    "InvalidAnswer",
    "NoCommonRevision",
    "NotOffered",
    "RequestFailed",
    "RequestTimeout",
    "SessionLost",
    "TokenRefused",
]

# The names say what happened, as the caller's `except` reads best, hence without the suffix that N818 asks for.


class ClientError(Exception):
    """Base of all that follow."""


class ConnectionClosed(ClientError):  # noqa: N818 - see above
    """The server cannot be reached, or the connection ended before the answer; `str()` says why, where it is known."""


class SessionLost(ConnectionClosed):
    """The server answered 404 to the session id: the session is over (`basic/transports#session-management`)."""


class HttpRefused(ClientError):  # noqa: N818 - see above
    """An HTTP status without a JSON-RPC answer, such as 401 or 502. `challenge` is its WWW-Authenticate header."""

    def __init__(self, status: int, body: str = "", challenge: str | None = None) -> None:
        super().__init__(f"HTTP {status}{': ' if body else ''}{body[:200]}")
        self.status = status
        self.challenge = challenge


class RequestFailed(ClientError):  # noqa: N818 - see above
    """The server answered with an error: its `code`, `message` and `data`."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class RequestTimeout(ClientError):  # noqa: N818 - see above
    """No answer came within `seconds`; the server was told to stop."""

    def __init__(self, method: str, seconds: float) -> None:
        super().__init__(f"{method}: no answer within {seconds:g} s")
        self.method = method
        self.seconds = seconds


class InvalidAnswer(ClientError):  # noqa: N818 - see above
    """The server's answer breaks the protocol, and cannot be used."""


class NotOffered(ClientError):  # noqa: N818 - see above
    """The request would break the agreement: its capability was not declared, or the revision does not know it."""


class NoCommonRevision(ClientError):  # noqa: N818 - see above
    """Client and server share no revision. `offered` are the versions that the server named."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        super().__init__(f"the server speaks {', '.join(offered) or 'no revision that is known here'}")
        self.offered = offered


class InputRefused(ClientError):  # noqa: N818 - see above
    """The server asked for input that this client cannot give, or that its user declined to give."""


class AuthorizationFailed(ClientError):  # noqa: N818 - see above
    """No authorization could be obtained: discovery, registration, the user or the authorization server said no.

    Its words never hold a token, a code or a secret.
    """


class TokenRefused(AuthorizationFailed):
    """An authorization server refused with an OAuth error: its `error` code (RFC 6749, section 5.2)."""

    def __init__(self, where: str, error: str, description: str = "") -> None:
        super().__init__(f"{where} refused: {error}{': ' if description else ''}{description[:200]}")
        self.error = error
