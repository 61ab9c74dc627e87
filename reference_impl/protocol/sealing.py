"""Sealed messages: what travels when both sides encrypt each message for themselves, beneath any transport.

Each envelope is one JSON object, `{"sealed":1,"token":"..."}`; the token is the encryption of a header and the message.
The header binds the message to its conversation, its direction and its place in the sequence, so that what is replayed,
reordered or reflected is refused. Both sides begin with a hello: a nonce each, which makes the conversation unlike any
other under the same keys. A custom layer, no part of the specification; `docs/transports.md` has the format.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Literal, Protocol

from reference_impl.protocol.messages import MalformedError, decode_json

__all__ = ["NONCE_SIZE", "Cipher", "Envelopes", "Role", "SealError"]

NONCE_SIZE = 16
_HEADER = struct.Struct(">B32sQ")
_NO_NONCE = bytes(NONCE_SIZE)

Role = Literal["client", "server"]


class SealError(Exception):
    """The peer's message is none that a sealed conversation may take; `str()` of it says why, in one line."""


class Cipher(Protocol):
    """Authenticated encryption under keys that both sides hold; `security.sealing.SealKeys` is one."""

    def encrypt(self, data: bytes) -> bytes:
        """Return a token of ASCII letters, digits, `-`, `_` and `=`."""
        ...

    def decrypt(self, token: bytes) -> bytes:
        """Return what was encrypted. Raises `SealError` if no key fits, or the token is too old."""
        ...


class _Kind(IntEnum):
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    FROM_CLIENT = 3
    FROM_SERVER = 4


_HELLO = {"client": _Kind.CLIENT_HELLO, "server": _Kind.SERVER_HELLO}
_DATA = {"client": _Kind.FROM_CLIENT, "server": _Kind.FROM_SERVER}
_OTHER: dict[Role, Role] = {"client": "server", "server": "client"}


class Envelopes:
    """One side of a sealed conversation. `nonce` is 16 fresh random bytes.

    The client's `hello` goes first, and the server's answers it: each side gives the other's to `greeted`. Then `seal`
    and `open` may be used; whoever meets a `SealError` ends the conversation.
    """

    def __init__(self, cipher: Cipher, role: Role, nonce: bytes) -> None:
        self._cipher = cipher
        self._role = role
        self._nonce = nonce
        self._theirs = _NO_NONCE
        self._sent = self._received = 0

    def hello(self) -> bytes:
        """Return the message that opens the conversation from this side; a server calls it after `greeted`."""
        return self._write(_HELLO[self._role], self._binding(self._role), 0, b"")

    def greeted(self, data: bytes) -> None:
        """Take the other side's hello. Raises `SealError` if it is none, or answers another one."""
        kind, binding, _, _ = self._read(data)
        if kind != _HELLO[_OTHER[self._role]]:
            raise SealError(self._unexpected(kind))
        theirs = binding[:NONCE_SIZE] if self._role == "server" else binding[NONCE_SIZE:]
        self._theirs = theirs
        if binding != self._binding(_OTHER[self._role]):
            raise SealError("the hello answers another conversation: it was replayed")

    def seal(self, message: bytes) -> bytes:
        """Return the envelope of the next message from this side."""
        sequence, self._sent = self._sent, self._sent + 1
        return self._write(_DATA[self._role], self._binding("server"), sequence, message)

    def open(self, data: bytes) -> bytes:
        """Return the message in the other side's next envelope. Raises `SealError` for anything else."""
        kind, binding, sequence, message = self._read(data)
        if kind != _DATA[_OTHER[self._role]]:
            raise SealError(self._unexpected(kind))
        if binding != self._binding("server"):
            raise SealError("the envelope belongs to another conversation: it was replayed")
        if sequence != self._received:
            how = "replayed" if sequence < self._received else "out of order"
            raise SealError(f"envelope {sequence} came where {self._received} was due: it is {how}")
        self._received += 1
        return message

    def _binding(self, sender: Role) -> bytes:
        """Return the nonces, the client's first: a client's hello knows no server's yet."""
        if self._role == "client":
            return self._nonce + (self._theirs if sender == "server" else _NO_NONCE)
        return self._theirs + (self._nonce if sender == "server" else _NO_NONCE)

    def _unexpected(self, kind: int) -> str:
        if kind in (_HELLO[self._role], _DATA[self._role]):
            return "an envelope of this side came back: it was reflected"
        return "the envelope is none that may come here"

    def _write(self, kind: _Kind, binding: bytes, sequence: int, message: bytes) -> bytes:
        token = self._cipher.encrypt(_HEADER.pack(kind, binding, sequence) + message)
        return b'{"sealed":1,"token":"' + token + b'"}'

    def _read(self, data: bytes) -> tuple[int, bytes, int, bytes]:
        try:
            value = decode_json(data)
        except MalformedError:
            value = None
        match value:
            case {"sealed": 1, "token": str(token)} if len(value) == 2 and token.isascii():
                plain = self._cipher.decrypt(token.encode("ascii"))
            case {"jsonrpc": _}:
                raise SealError("the peer sends plain messages, where sealed ones were agreed on")
            case _:
                raise SealError("what came is no envelope")
        if len(plain) < _HEADER.size:
            raise SealError("the envelope holds no header")
        kind, binding, sequence = _HEADER.unpack_from(plain)
        return kind, binding, sequence, plain[_HEADER.size :]
