"""The keys that sign tokens, and their rotation: the old one stays published until all that it signed is over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from reference_impl.server.auth.jwt import Key, sign

__all__ = ["SigningKeys"]


@dataclass(frozen=True, slots=True)
class _Dated:
    key: Key
    made: float


class SigningKeys:
    """Keys of one algorithm. A new one is made every `rotation` seconds, and kept for `overlap` more."""

    def __init__(self, algorithm: str, rotation: float, overlap: float, clock: Callable[[], float]) -> None:
        self.algorithm = algorithm
        self._rotation = rotation
        self._overlap = overlap
        self._clock = clock
        self._keys: list[_Dated] = []
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        now = self._clock()
        lapsed = now - self._rotation - self._overlap
        self._keys = [_Dated(_make(self.algorithm), now), *(item for item in self._keys if item.made > lapsed)]

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


def _make(algorithm: str) -> Key:
    parameters: Any = {"kid": secrets.token_urlsafe(8), "alg": algorithm, "use": "sig"}
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key("P-256", parameters)
