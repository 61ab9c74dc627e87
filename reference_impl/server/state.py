"""`requestState`: what a server needs to remember between the rounds of one request, carried by the client.

The client is not trusted with it. A state is sealed with HMAC-SHA-256 and bound to the request it continues, to the
principal who made it, and to a time (`basic/patterns/mrtr#server-requirements-basic-workflow`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import MalformedError, decode_json, encode_json

__all__ = ["StateSeal"]

_CARRIED = ("_meta", "inputResponses", "requestState")
"""Members of `params` that differ between a request and its retry."""


class StateSeal:
    """Seals and opens request states.

    `key` is 32 secret bytes, shared by all processes that serve one endpoint. `lifetime` is in seconds.
    """

    __slots__ = ("_clock", "_key", "_lifetime")

    def __init__(self, key: bytes | None = None, lifetime: float = 600, clock: Callable[[], float] = time.time) -> None:
        self._key = key or secrets.token_bytes(32)
        self._lifetime = lifetime
        self._clock = clock

    def seal(self, value: Any, method: str, params: dict[str, Any], principal: str | None) -> str:
        """Return `value` as an opaque string that only the same request by the same principal can bring back."""
        payload = encode_json(
            {"v": value, "r": _digest(method, params, principal), "e": self._clock() + self._lifetime}
        )
        return base64.urlsafe_b64encode(self._mac(payload) + payload).decode()

    def open(self, state: object, method: str, params: dict[str, Any], principal: str | None) -> Any:
        """Return the sealed value. Raises `RemoteProtocolError` (-32602) for any state that is not ours, late, or not
        for this request."""
        payload = self._verified(state)
        if payload["e"] < self._clock():
            raise _refused("it has expired")
        if payload["r"] != _digest(method, params, principal):
            raise _refused("it belongs to another request")
        return payload["v"]

    def _verified(self, state: object) -> dict[str, Any]:
        if not isinstance(state, str):
            raise _refused("it must be a string")
        try:
            raw = base64.b64decode(state.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _refused("it is not one of ours") from None
        mac, payload = raw[:32], raw[32:]
        # A second encoding of the same bytes would be harmless, yet it is no state that we ever gave out.
        if not hmac.compare_digest(mac, self._mac(payload)) or base64.urlsafe_b64encode(raw).decode() != state:
            raise _refused("it is not one of ours")
        try:
            value: dict[str, Any] = decode_json(payload)
        except MalformedError:
            raise _refused("it is not one of ours") from None
        return value

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")


def _digest(method: str, params: dict[str, Any], principal: str | None) -> str:
    salient = {key: value for key, value in sorted(params.items()) if key not in _CARRIED}
    return hashlib.sha256(encode_json([method, principal, _sorted(salient)])).hexdigest()


def _sorted(value: Any) -> Any:
    """Return a value in the one form that all JSON texts of it share, whoever wrote them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a client may write 1.0 back as 1
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _refused(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: requestState was refused: {why}")
