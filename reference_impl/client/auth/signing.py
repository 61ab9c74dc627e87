"""Signed statements of a client: that it is who it says (RFC 7523 section 2.2), and that it holds a key (RFC 9449).

`joserfc` is imported when the first one is signed: clients that need none do without it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import warnings
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.errors import AuthorizationFailed

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

__all__ = ["DPOP_ALGORITHM", "ProofKey", "client_assertion"]

DPOP_ALGORITHM = "ES256"
_LIFETIME = 300
"""Seconds that a client assertion is good for."""
_USUAL = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
    "RSA": ("RS256", "PS256"),
}
"""Curve or kind of a key to the algorithms that it signs with, the one that most servers know first."""
_NEEDED = "signing needs the package joserfc: install mcp-touchstone[servers]"


def client_assertion(identity: ClientIdentity, audience: str, allowed: tuple[str, ...] | None) -> str:
    """Return the JWT by which a client proves to the authorization server `audience` who it is.

    `allowed` are the algorithms that the authorization server takes, where it says so. Raises `AuthorizationFailed`.
    """
    try:
        from joserfc import jwt
        from joserfc.errors import JoseError, SecurityWarning
    except ImportError as error:
        raise AuthorizationFailed(_NEEDED) from error
    key = _imported(identity)
    algorithm = _algorithm(identity, key, audience, allowed)
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": identity.client_id,
        "sub": identity.client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + _LIFETIME,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # "EdDSA" is the old name that servers still go by
            return jwt.encode({"alg": algorithm, "typ": "JWT"}, claims, key, algorithms=[algorithm])
    except (JoseError, ValueError) as error:
        raise AuthorizationFailed(f"the private key cannot sign with {algorithm}") from error


def _imported(identity: ClientIdentity) -> ECKey | RSAKey | OKPKey:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    for kind in (ECKey, RSAKey, OKPKey):
        try:
            return kind.import_key(identity.private_key or "")
        except (JoseError, ValueError, TypeError):
            continue
    raise AuthorizationFailed(f"the private key of {identity.client_id} is none that can be used") from None


def _algorithm(
    identity: ClientIdentity, key: ECKey | RSAKey | OKPKey, audience: str, allowed: tuple[str, ...] | None
) -> str:
    """Return what to sign with: as the identity says, else the key's usual one that the authorization server takes."""
    kind = str(getattr(key, "curve_name", key.key_type))
    usual = _USUAL.get(kind, ()) if identity.algorithm is None else (identity.algorithm,)
    for algorithm in usual:
        if allowed is None or algorithm in allowed:
            return algorithm
    raise AuthorizationFailed(f"{audience} takes no assertions signed with {' or '.join(usual) or kind}")


class ProofKey:
    """A key that access tokens are bound to, and the nonces that servers want in its proofs."""

    def __init__(self, kept: dict[str, Any] | None = None) -> None:
        try:
            from joserfc.jwk import ECKey
        except ImportError as error:
            raise AuthorizationFailed(_NEEDED) from error
        self._key = ECKey.generate_key("P-256") if kept is None else ECKey.import_key(kept)
        self._nonces: dict[str, str] = {}

    def kept(self) -> dict[str, Any]:
        """Return the private key as a JWK, to keep it with the tokens that are bound to it."""
        return dict(self._key.as_dict(private=True))

    def note(self, url: str, nonce: str | None) -> bool:
        """Keep the nonce that a server named last; tell whether it is a new one."""
        origin = _origin(url)
        news = nonce is not None and self._nonces.get(origin) != nonce
        if nonce is not None:
            self._nonces[origin] = nonce
        return news

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a fresh proof for one request (RFC 9449, section 4.2)."""
        from joserfc import jwt

        parts = urlsplit(url)
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": int(time.time()),
        }
        if access_token is not None:
            digest = hashlib.sha256(access_token.encode("ascii", "replace")).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        nonce = self._nonces.get(_origin(url))
        if nonce is not None:
            claims["nonce"] = nonce
        public = self._key.as_dict(private=False)
        jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        header = {"typ": "dpop+jwt", "alg": DPOP_ALGORITHM, "jwk": jwk}
        return jwt.encode(header, claims, self._key, algorithms=[DPOP_ALGORITHM])


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
