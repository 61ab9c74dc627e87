"""Keys for sealed messages: Fernet (AES-128-CBC with HMAC-SHA256), several at once so that they can be replaced.

The first key encrypts, all of them decrypt. To replace a key: add the new one at the end on every side, then move it to
the front everywhere, then drop the old one. Needs `cryptography`.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reference_impl.protocol.sealing import SealError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

__all__ = ["ENVIRONMENT", "KeysError", "SealKeys", "new_key"]

ENVIRONMENT = "TOUCHSTONE_SEAL_KEYS"
"""The environment variable that may hold the keys, first one first, separated by commas or white space."""
TTL = 300
"""Seconds after which an envelope is too old. Both clocks have to agree about as closely: Fernet lets a token come up
to 60 seconds from the future."""
_LOOK_EVERY = 1.0
_logger = logging.getLogger("reference_impl.security")


class KeysError(Exception):
    """The keys cannot be used; `str()` of it says why, in one line, and never what they are."""


def new_key() -> str:
    """Return a fresh key: 32 random bytes in URL-safe base64. Raises `KeysError` without `cryptography`."""
    _demand_cryptography()
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


class SealKeys:
    """The keys that both sides hold, the one that encrypts first; `ttl` is in seconds.

    Keys from a file are read again when the file is another one, so that they can be replaced while messages go to and
    fro; a file that cannot be used any more leaves the keys as they were, and the log says so.
    """

    def __init__(self, keys: Sequence[str | bytes], ttl: int = TTL) -> None:
        self._ttl = ttl
        self._keys = _keyring(keys)
        self._file: _KeyFile | None = None

    @classmethod
    def from_file(cls, path: str | Path, ttl: int = TTL, clock: Callable[[], float] = time.monotonic) -> SealKeys:
        """Read a file of keys, one a line; lines that start with `#` are comments.

        Raises `KeysError` if it cannot be read, holds what is no key, or others than its owner may read it.
        """
        file = _KeyFile(Path(path), clock)
        found = cls(file.read(), ttl)
        found._file = file
        return found

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, ttl: int = TTL) -> SealKeys | None:
        """Read the keys from `TOUCHSTONE_SEAL_KEYS`; None if it is not set. Raises `KeysError`."""
        text = environment.get(ENVIRONMENT)
        return None if text is None else cls(text.replace(",", " ").split(), ttl)

    def encrypt(self, data: bytes) -> bytes:
        """Return a token under the first key."""
        return self._current().encrypt(data)

    def decrypt(self, token: bytes) -> bytes:
        """Return what any of the keys encrypted. Raises `SealError` if none did, or too long ago."""
        from cryptography.fernet import InvalidToken

        try:
            return self._current().decrypt(token, self._ttl)
        except InvalidToken:
            raise SealError("none of the keys opens the envelope, or it is too old") from None

    def _current(self) -> MultiFernet:
        if self._file is not None and self._file.changed():
            try:
                self._keys = _keyring(self._file.read())
            except KeysError as error:
                _logger.warning("the keys stay as they were: %s", error)
        return self._keys


class _KeyFile:
    """A file of keys, looked at once a second."""

    __slots__ = ("_clock", "_looked", "_path", "_seen")

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
        self._looked = clock()
        self._seen = self._state()

    def changed(self) -> bool:
        """Tell whether it is another one than when somebody asked last."""
        now = self._clock()
        if now - self._looked < _LOOK_EVERY:
            return False
        before, self._looked, self._seen = self._seen, now, self._state()
        return before != self._seen

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode

    def read(self) -> list[str]:
        """Return the keys. Raises `KeysError`."""
        path = self._path
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"{path}: {(getattr(error, 'strerror', None) or 'not a text file').lower()}") from None
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise KeysError(f"{path}: others may read the keys; make it private with chmod 600")
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _keyring(keys: Sequence[str | bytes]) -> MultiFernet:
    if not keys:
        raise KeysError("there is no key to seal with")
    _demand_cryptography()
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise KeysError("a key to seal with is 32 bytes in URL-safe base64; at least one here is not") from None


def _demand_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise KeysError("sealing messages needs cryptography: install mcp-touchstone[servers]")
