"""The lines of an audit log: JSON objects, each bound to the one before it by a hash.

A line is `{"sequence":7,"timestamp":...,"previous":"sha256:...",...,"hash":"sha256:..."}`. The hash is that of the
line's own bytes up to `,"hash"`, so that nobody has to agree on a canonical JSON to check it. With a key it is an HMAC:
then only who has the key can write a line that fits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from reference_impl.protocol.messages import MalformedError, decode_json, encode_json

__all__ = ["LARGEST_LINE", "NOTHING", "RESERVED", "Chain", "read_line"]

NOTHING = ""
"""What the first line has for `previous`."""
RESERVED = ("sequence", "timestamp", "previous", "hash")
LARGEST_LINE = 64 * 1024
"""Bytes of a line: readers need no more memory than this."""
_MARK = b',"hash":"'


class Chain:
    """Writes and judges lines, with a secret `key` or without."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    def line(self, members: Mapping[str, Any]) -> tuple[bytes, str]:
        """Return a line that holds `members`, with its end, and its hash."""
        body = encode_json(members)[:-1]
        found = self._hash(body)
        return body + _MARK + found.encode() + b'"}\n', found

    def hash_of(self, line: bytes) -> str | None:
        """Return the hash that a line has and that fits it, or None."""
        body, mark, tail = line.rstrip(b"\n").rpartition(_MARK)
        found = self._hash(body)
        return found if mark and hmac.compare_digest(tail, found.encode() + b'"}') else None

    def _hash(self, body: bytes) -> str:
        if self._key is None:
            return "sha256:" + hashlib.sha256(body).hexdigest()
        return "hmac-sha256:" + hmac.digest(self._key, body, "sha256").hex()


def read_line(line: bytes) -> dict[str, Any] | None:
    """Return what a line holds, or None if that is no entry."""
    try:
        entry = decode_json(line)
    except MalformedError:
        return None
    match entry:
        case {"sequence": int(), "timestamp": int() | float(), "previous": str(), "hash": str()}:
            return dict(entry)
    return None
