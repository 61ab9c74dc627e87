"""Proof that a client holds the key its token is bound to (DPoP, RFC 9449); both kinds of servers verify it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reference_impl.server.auth.errors import InvalidTokenError
from reference_impl.server.auth.expiring import Expiring
from reference_impl.server.auth.jwt import Claims, Jwt, read, read_key, verify

__all__ = ["DpopError", "DpopProofs", "Nonces", "Shown"]

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_MOST_SEEN = 100_000


class DpopError(Exception):
    """A proof was refused. `code` is OAuth's: `invalid_dpop_proof`, or `use_dpop_nonce` with the `nonce` to use."""

    def __init__(self, code: str, why: str, nonce: str | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.nonce = nonce


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: its method, its URL as the client wrote it, the proof, and the token that came along."""

    method: str
    url: str
    proof: str | None
    token: str | None = None


class Nonces:
    """Nonces that need no memory: each is made from the time and a key, and good for one to two `lifetime`s."""

    def __init__(self, lifetime: float = 300, clock: Callable[[], float] = time.time) -> None:
        self._key = secrets.token_bytes(32)
        self._lifetime = lifetime
        self._clock = clock

    def current(self) -> str:
        """Return the nonce to use now."""
        return self._made(0)

    def valid(self, nonce: object) -> bool:
        """Tell whether a nonce was given out lately."""
        return isinstance(nonce, str) and any(hmac.compare_digest(self._made(age), _ascii(nonce)) for age in (0, 1))

    def _made(self, age: int) -> str:
        period = int(self._clock() / self._lifetime) - age
        mac = hmac.digest(self._key, b"%d" % period, "sha256")
        return base64.urlsafe_b64encode(mac[:18]).decode()


def _ascii(text: str) -> str:
    return text if text.isascii() else ""


class DpopProofs:
    """Verifies proofs; takes each once.

    `algorithms` may sign them, `seconds` is how far from now `iat` may be; with `nonces`, each proof needs one. With
    `required`, a resource takes no token that is not bound to a key.
    """

    def __init__(
        self,
        algorithms: tuple[str, ...] = ("ES256", "EdDSA", "RS256", "PS256"),
        seconds: float = 60,
        nonces: Nonces | None = None,
        *,
        required: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.algorithms = algorithms
        self.nonces = nonces
        self.required = required
        self._seconds = seconds
        self._clock = clock
        self._claims = Claims(frozenset({"dpop+jwt"}), ("jti", "htm", "htu", "iat"), leeway=seconds, clock=clock)
        self._seen: Expiring[bool] = Expiring(_MOST_SEEN, clock)

    def verify(self, shown: Shown) -> str:
        """Return the thumbprint of the key that signed the proof. Raises `DpopError`."""
        if shown.proof is None:
            raise DpopError("invalid_dpop_proof", "there is no proof")
        try:
            jwt, thumbprint = self._signed(shown.proof)
            self._claims.check(jwt)
        except InvalidTokenError as error:
            raise DpopError("invalid_dpop_proof", str(error).replace("token", "proof")) from None
        self._check(shown, jwt.claims)
        if self.nonces is not None and not self.nonces.valid(jwt.claims.get("nonce")):
            raise DpopError("use_dpop_nonce", "the proof needs a nonce of this server", self.nonces.current())
        name = f"{thumbprint} {jwt.claims['jti']}"
        if self._seen.get(name):
            raise DpopError("invalid_dpop_proof", "the proof was used before")
        self._seen.put(name, value=True, seconds=3 * self._seconds)
        return thumbprint

    def _signed(self, proof: str) -> tuple[Jwt, str]:
        """Return a proof that the key in its own header signed, and that key's thumbprint (RFC 7638)."""
        document = read(proof).header.get("jwk")
        if not isinstance(document, dict) or any(name in document for name in _PRIVATE):
            raise InvalidTokenError("the token holds no public key")
        key = read_key(document)
        if key is None:
            raise InvalidTokenError("the token holds no usable key")
        return verify(proof, [key], self.algorithms), key.thumbprint()

    def _check(self, shown: Shown, claims: dict[str, Any]) -> None:
        if claims["htm"] != shown.method or not _same_url(claims["htu"], shown.url):
            raise DpopError("invalid_dpop_proof", "the proof is for another request")
        if claims["iat"] < self._clock() - self._seconds:
            raise DpopError("invalid_dpop_proof", "the proof is too old")
        if shown.token is not None and claims.get("ath") != _hash(shown.token):
            raise DpopError("invalid_dpop_proof", "the proof is for another token")


def _hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _same_url(claimed: object, url: str) -> bool:
    """Compare without query and fragment, as RFC 3986 (6.2.2, 6.2.3) would."""
    try:
        return isinstance(claimed, str) and _plain_url(claimed) == _plain_url(url)
    except ValueError:
        return False


def _plain_url(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, parts.path or "/"
