"""Where credentials are kept between requests, and between runs of a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from reference_impl.client.errors import AuthorizationFailed
from reference_impl.security.files import replace_file

if sys.platform != "win32":
    import fcntl

__all__ = ["FileStore", "MemoryStore", "Store", "load"]

_Kept = TypeVar("_Kept")


class Store(Protocol):
    """Keeps JSON values by name. Names hold URLs, values hold secrets: an implementation must protect them."""

    def read(self, name: str) -> Any:
        """Return the value of a name, or None."""

    def write(self, name: str, value: Any) -> None:
        """Keep a value in place of the former one; None forgets it."""


def load(store: Store, name: str, kind: type[_Kept]) -> _Kept | None:
    """Return a kept value as what it was, or None where it is absent or of another time."""
    value = store.read(name)
    try:
        return None if value is None else msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


class MemoryStore:
    """Keeps everything for the life of the process."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def read(self, name: str) -> Any:
        """See `Store.read`."""
        return self._values.get(name)

    def write(self, name: str, value: Any) -> None:
        """See `Store.write`."""
        if value is None:
            self._values.pop(name, None)
        else:
            self._values[name] = value


class FileStore:
    """Keeps everything in one JSON file that only its owner can read and write; each change replaces the whole file.

    Raises `AuthorizationFailed` if the file cannot be read or written, or holds something else. Programs that share a
    file see each other's changes, and wait for each other to write (on Windows, the later one wins).
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def read(self, name: str) -> Any:
        """See `Store.read`."""
        return self._values().get(name)

    def write(self, name: str, value: Any) -> None:
        """See `Store.write`."""
        try:
            with self._locked():
                values = self._values()
                if value is None and values.pop(name, None) is None:
                    return
                if value is not None:
                    values[name] = value
                replace_file(self._path, msgspec.json.encode(values))
        except OSError as error:
            raise AuthorizationFailed(f"{self._path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other programs from changing the file between reading and replacing it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sys.platform == "win32":
            yield
            return
        # The directory is what can be locked: the file itself is another one after each change.
        handle = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _values(self) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AuthorizationFailed(f"{self._path} cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise AuthorizationFailed(f"{self._path} is no file of credentials") from error
