"""The keys that sign tokens, and their rotation: the old one stays published until all that it signed is over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from reference_impl.server.auth.jwt import Key, sign

__all__ = ["SigningKeys", "new_key"]


@dataclass(frozen=True, slots=True)
class _Dated:
    key: Key
    made: float


class SigningKeys:
    """Keys of one algorithm. A new one is made every `rotation` seconds, and kept for `overlap` more; `first` is the
    private JWK that all begins with, made too where there is none."""

    def __init__(
        self,
        algorithm: str,
        rotation: float,
        overlap: float,
        clock: Callable[[], float],
        first: Mapping[str, Any] | None = None,
    ) -> None:
        self.algorithm = algorithm
        self._rotation = rotation
        self._overlap = overlap
        self._clock = clock
        self._keys = [_Dated(new_key(algorithm) if first is None else _read(first), clock())]

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        now = self._clock()
        lapsed = now - self._rotation - self._overlap
        self._keys = [_Dated(new_key(self.algorithm), now), *(item for item in self._keys if item.made > lapsed)]

    def forget(self) -> None:
        """Publish no key but the newest any more, as after a theft."""
        del self._keys[1:]

    def sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        """Return a token of type `kind`."""
        if self._keys[0].made + self._rotation < self._clock():
            self.rotate()
        key = self._keys[0].key
        return sign({"typ": kind, "alg": self.algorithm, "kid": key.get("kid")}, claims, key)

    @property
    def public(self) -> list[Key]:
        """All keys whose signatures are good."""
        return [item.key for item in self._keys]

    def document(self) -> dict[str, Any]:
        """Return the JWK set."""
        return {"keys": [key.as_dict(private=False) for key in self.public]}


def new_key(algorithm: str) -> Key:
    """Make a key for ES256 or RS256."""
    parameters: Any = {"kid": secrets.token_urlsafe(8), "alg": algorithm, "use": "sig"}
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key("P-256", parameters)


def _read(document: Mapping[str, Any]) -> Key:
    try:
        key = JWKRegistry.import_key(dict(document))
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError(f"the key is none: {error}") from None
    if not isinstance(key, ECKey | RSAKey) or not key.is_private:
        raise ValueError("the key is no private key of an algorithm that is known here")
    return key
