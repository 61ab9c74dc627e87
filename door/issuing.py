"""An authorization server of our own, which the target trusts: it makes the tokens that checks come with.

It listens on loopback while a command runs, so that the target can fetch its keys. The key that signs is kept between
runs: many servers ask for keys that they do not know once in a while only.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from conformance.identities import Identities
from door.errors import Refusal

if TYPE_CHECKING:
    from uvicorn import Server

    from reference_impl.servers.authorization import AuthorizationServer

__all__ = ["Issuer", "Wanted"]

_LIVES = 12 * 3600
"""Seconds that a token is good for: longer than a run."""
_NEEDED = ("joserfc", "cryptography", "uvicorn", "httptools")
_FOREIGN = "https://elsewhere.example/mcp"
"""The audience of a token that is not for the target."""
_PAST = 24 * 3600
_STOP = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What tokens are made: by `issuer`, which the target trusts, for `resource`, with `scopes`; `key` is the file of
    the key that signs them."""

    issuer: str
    resource: str
    scopes: tuple[str, ...]
    key: Path


class Issuer:
    """Makes tokens, and for the time of a `with` block publishes what a target needs to verify them."""

    def __init__(self, wanted: Wanted) -> None:
        """Read or make the key. Raises `Refusal` for an issuer that is not on this machine, a missing library, a key
        that cannot be kept."""
        self._host, self._port = _address(wanted.issuer)
        if any(find_spec(library) is None for library in _NEEDED):
            raise Refusal("an issuer in [authorization] needs more libraries: install mcp-touchstone[servers]")
        self._wanted = wanted
        self._app = _application(wanted)
        self._server: Server | None = None

    def good(self) -> str:
        """Return a token that the target takes."""
        return self._token(self._wanted.scopes)

    def identities(self) -> Identities:
        """Return tokens of others, and such as the target refuses."""
        scopes, now = self._wanted.scopes, time.time()
        return Identities(
            second=self._token(scopes, subject="bob"),
            expired=self._token(scopes, at=now - _PAST),
            foreign=self._token(scopes, resource=_FOREIGN),
            narrow=self._token(()) if scopes else None,
            mint=self._token,
        )

    def _token(
        self, scopes: Sequence[str], *, subject: str = "ann", resource: str | None = None, at: float | None = None
    ) -> str:
        made = int(time.time() if at is None else at)
        claims = {
            "iss": self._wanted.issuer,
            "sub": subject,
            "aud": resource or self._wanted.resource,
            "client_id": "touchstone",
            "scope": " ".join(scopes),
            "iat": made,
            "exp": made + _LIVES,
            "jti": secrets.token_urlsafe(12),
        }
        return self._app.keys.sign("at+jwt", claims)

    def __enter__(self) -> Self:
        import uvicorn

        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise Refusal(f"{self._wanted.issuer}: {(error.strerror or 'cannot be listened on').lower()}") from None
        listener.listen()
        config = uvicorn.Config(self._app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=asyncio.run, args=(_serve(server, listener),), name="issuer", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(_STOP)


async def _serve(server: Server, listener: socket.socket) -> None:
    server.config.load()
    await server._serve([listener])  # noqa: SLF001 - without its signal handlers, which a thread cannot have
    listener.close()


def _address(issuer: str) -> tuple[str, int]:
    try:
        parts = urlsplit(issuer)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refusal(f"[authorization] issuer: {error}") from None
    if parts.scheme != "http" or host not in ("localhost", "127.0.0.1", "::1") or not port:
        raise Refusal("[authorization] issuer: Touchstone serves it, so it is an address such as http://127.0.0.1:9000")
    return ("127.0.0.1" if host == "localhost" else host), port


def _application(wanted: Wanted) -> AuthorizationServer:
    from reference_impl.servers.authorization import AuthorizationServer, Settings

    settings = Settings(wanted.issuer, scopes=wanted.scopes or ("mcp",))
    try:
        key = _kept_key(wanted.key, settings.algorithm)
    except OSError as error:
        raise Refusal(f"{wanted.key}: {(error.strerror or 'cannot be kept').lower()}") from None
    try:
        return AuthorizationServer(replace(settings, key=key))
    except ValueError:
        raise Refusal(f"{wanted.key} holds no key that Touchstone made: delete it") from None


def _kept_key(path: Path, algorithm: str) -> dict[str, Any]:
    """Return the key of the last run; of the first, a new one."""
    from reference_impl.servers.authorization.keys import new_key

    with suppress(FileNotFoundError, ValueError):
        kept = json.loads(path.read_text("utf-8"))
        if isinstance(kept, dict) and kept.get("alg") == algorithm:
            return kept
    key: dict[str, Any] = new_key(algorithm).as_dict(private=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(key, file)
    return key
