"""JSON Web Tokens, read strictly (RFC 7515, RFC 7519, and the pitfalls of RFC 8725).

The algorithm is one of a list that the reader gives, never just what the token says; keys are asymmetric, so that a
public key can never serve as the secret of an HMAC; `none` is no algorithm. Claims are judged by `Claims`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from reference_impl.protocol.messages import MalformedError, decode_json, encode_json
from reference_impl.server.auth.errors import InvalidTokenError

__all__ = ["ALGORITHMS", "Claims", "Jwt", "Key", "fits", "read", "read_key", "sign", "verify"]

Key: TypeAlias = ECKey | RSAKey | OKPKey

ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519")
"""Signature algorithms that may be allowed, all asymmetric."""

_LARGEST = 16 * 1024
_LONGEST_MODULUS = 700
"""Base64 characters of an RSA modulus, a little over 4096 bits: strangers send keys too, and longer ones cost time."""
_READING = jws.JWSRegistry(strict_check_header=False)
_READING.max_header_length = _LARGEST
_KEY_TYPES = {"ES": "EC", "PS": "RSA", "RS": "RSA", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}


@dataclass(frozen=True, slots=True)
class Jwt:
    """Header and claims. From `read` they are mere assertions, from `verify` signed ones."""

    header: dict[str, Any]
    claims: dict[str, Any]


def read(token: str) -> Jwt:
    """Take a token apart without believing any of it. Raises `InvalidTokenError`."""
    return _taken_apart(token)[0]


def _taken_apart(token: str) -> tuple[Jwt, jws.CompactSignature]:
    if len(token) > _LARGEST:
        raise InvalidTokenError("the token is too large")
    try:
        signature = jws.extract_compact(token.encode("ascii"), None, _READING)
        claims = decode_json(signature.payload)
    except (JoseError, MalformedError, UnicodeEncodeError, ValueError):
        raise InvalidTokenError("the token is no JSON Web Token") from None
    header = signature.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise InvalidTokenError("the token is no JSON Web Token")
    return Jwt(header, claims), signature


def verify(token: str, keys: Iterable[Key], algorithms: Collection[str]) -> Jwt:
    """Return the token if one of `keys` signed it with one of `algorithms`. Raises `InvalidTokenError`."""
    jwt, signature = _taken_apart(token)
    algorithm = jwt.header.get("alg")
    if algorithm not in algorithms or algorithm not in ALGORITHMS:
        raise InvalidTokenError("the token is signed with an algorithm that is not allowed")
    if "crit" in jwt.header:
        raise InvalidTokenError("the token needs an extension that nobody here knows")
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in keys:
        try:
            if fits(key, algorithm) and _validated(signature, key, registry):
                return jwt
        except (JoseError, ValueError, TypeError):
            continue
    raise InvalidTokenError("the signature of the token is not valid")


def _validated(signature: jws.CompactSignature, key: Key, registry: jws.JWSRegistry) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has a second name since RFC 9864; both are in use
        return jws.validate_compact(signature, key, None, registry)


def fits(key: Key, algorithm: str) -> bool:
    """Tell whether a key is one for this algorithm, and for signatures."""
    if key.key_type != _KEY_TYPES[algorithm[:2]] or key.get("use", "sig") != "sig":
        return False
    return key.get("alg", algorithm) == algorithm and _CURVES.get(algorithm) in (None, key.get("crv"))


def read_key(document: Mapping[str, Any]) -> Key | None:
    """Return a public key from a JWK, or None if it is not one for signatures, or too weak."""
    if document.get("kty") not in ("EC", "RSA", "OKP") or len(str(document.get("n", ""))) > _LONGEST_MODULUS:
        return None
    public = {name: value for name, value in document.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            key = JWKRegistry.import_key(public)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, ECKey | RSAKey | OKPKey) else None


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    """Return a token; `header` names the algorithm."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jws.serialize_compact(dict(header), encode_json(claims), key, [header["alg"]], registry)


@dataclass(frozen=True, slots=True)
class Claims:
    """What claims must say (RFC 7519, 4.1). Times are judged with `leeway` seconds for clocks that differ.

    `types` are the allowed values of `typ`, lower case and without `application/`, empty for none; `required` the
    claims that must be there. `longest` is how many seconds a token may live at most, where that matters.
    """

    types: frozenset[str]
    required: tuple[str, ...] = ("iss", "sub", "aud", "exp")
    leeway: float = 30.0
    longest: float | None = None
    clock: Callable[[], float] = field(default=time.time)

    def check(self, jwt: Jwt) -> None:
        """Raise `InvalidTokenError` for a token of another kind, without a claim, too old or too early."""
        kind = jwt.header.get("typ", "")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in self.types:
            raise InvalidTokenError("the token is of another type")
        missing = [name for name in self.required if jwt.claims.get(name) in (None, "", [])]
        if missing:
            raise InvalidTokenError(f"the token lacks {', '.join(missing)}")
        self._check_times(jwt.claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self.clock()
        if any(not _is_time(claims[name]) for name in ("exp", "nbf", "iat") if name in claims):
            raise InvalidTokenError("a time in the token is no number")
        if "exp" in claims and claims["exp"] <= now - self.leeway:
            raise InvalidTokenError("the token has expired")
        if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + self.leeway:
            raise InvalidTokenError("the token is not valid yet")
        if self.longest is not None and claims.get("exp", now) > now + self.longest + self.leeway:
            raise InvalidTokenError("the token lives too long")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
