"""Answers that are remembered: in memory for the session, in a private file for always."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reference_impl.security.consent import Inquiry, Scope
from reference_impl.security.files import replace_file
from reference_impl.security.patterns import covers

__all__ = ["Grant", "Grants", "GrantsError"]

_MOST = 10_000
"""Answers that are remembered of each kind: beyond, the oldest are forgotten, and asked for again."""
_LARGEST = 16 * 1024 * 1024


class GrantsError(Exception):
    """The file of remembered answers cannot be used; `str()` of it is one line that says why."""


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer that holds on: a yes or a no for what the patterns cover, on behalf of `principal`.

    Times are Unix seconds; one without `expires` does not end by itself.
    """

    operation: str
    resource: str
    granted: bool
    scope: Scope
    principal: str | None = None
    since: float = 0.0
    expires: float | None = None

    def about(self, inquiry: Inquiry, now: float) -> bool:
        """Tell whether it answers an inquiry at a time."""
        if self.principal != inquiry.principal or (self.expires is not None and now >= self.expires):
            return False
        return covers(self.operation, inquiry.operation) and covers(self.resource, inquiry.resource)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    grants: list[Grant]


class Grants:
    """All that is remembered. With `path`, what holds for always is kept there, in a file of mode 0600 that is replaced
    whole; what another process writes or revokes there counts from the next look on. Raises `GrantsError`."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._session: list[Grant] = []
        self._kept: list[Grant] = []
        self._seen: tuple[int, ...] | None = None
        self._lock = threading.Lock()
        self._refresh()

    def all(self, now: float) -> list[Grant]:
        """Return what holds at a time, the oldest first."""
        self._refresh()
        return sorted(self._live(now), key=lambda grant: grant.since)

    def find(self, inquiry: Inquiry, now: float, counts: Callable[[Grant], bool]) -> Grant | None:
        """Return what answers an inquiry, of those that `counts` is true of: a no before a yes, and of equals the
        latest."""
        self._refresh()
        found = [grant for grant in self._live(now) if grant.about(inquiry, now) and counts(grant)]
        return max(found, key=lambda grant: (not grant.granted, grant.since), default=None)

    def remember(self, grant: Grant) -> None:
        """Remember an answer as its scope says, in place of one for the very same. Raises `GrantsError` if that cannot
        be written down; then it is remembered for the session."""
        if grant.scope is Scope.ONCE:
            return
        if grant.scope is Scope.ALWAYS and self._path is not None:
            try:
                self._change(lambda kept: [*(old for old in kept if not _same(old, grant)), grant])
            except GrantsError:
                self._session = [*self._session, grant][-_MOST:]
                raise
        else:
            self._session = [*(old for old in self._session if not _same(old, grant)), grant][-_MOST:]

    def forget(self, goes: Callable[[Grant], bool]) -> int:
        """Forget the answers that `goes` is true of; return how many. Raises `GrantsError` if the file keeps them."""
        self._refresh()
        before = len(self._session)
        self._session = [grant for grant in self._session if not goes(grant)]
        gone = before - len(self._session)
        if any(goes(grant) for grant in self._kept):
            kept_before = len(self._kept)
            self._change(lambda kept: [grant for grant in kept if not goes(grant)])
            gone += kept_before - len(self._kept)
        return gone

    def end_session(self) -> None:
        """Forget what was remembered for the session."""
        self._session = [grant for grant in self._session if grant.scope is Scope.ALWAYS]

    def _live(self, now: float) -> Iterator[Grant]:
        for grant in (*self._session, *self._kept):
            if grant.expires is None or now < grant.expires:
                yield grant

    # The file ------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Read the file again if it is another one now. Raises `GrantsError` if it cannot be understood."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._kept, self._seen = [], None
            return
        except OSError as error:
            raise _told(self._path, error) from None
        if not stat.S_ISREG(found.st_mode):
            raise GrantsError(f"{self._path}: no regular file")
        state = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
        if state != self._seen:
            self._kept, self._seen = _read(self._path), state

    def _change(self, edit: Callable[[list[Grant]], Iterable[Grant]]) -> None:
        assert self._path is not None
        try:
            with self._lock, _alone(self._path):
                self._seen = None
                self._refresh()
                changed = list(edit(self._kept))[-_MOST:]
                replace_file(self._path, msgspec.json.format(msgspec.json.encode(_File(1, changed))) + b"\n")
        except OSError as error:
            raise _told(self._path, error) from None
        self._refresh()


def _same(one: Grant, other: Grant) -> bool:
    return (one.principal, one.operation, one.resource) == (other.principal, other.operation, other.resource)


def _told(path: Path, error: OSError) -> GrantsError:
    return GrantsError(f"{path}: the remembered answers cannot be kept: {(error.strerror or 'failed').lower()}")


def _read(path: Path) -> list[Grant]:
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_LARGEST + 1)
    except OSError as error:
        raise _told(path, error) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise GrantsError(f"{path}: others may read or write the remembered answers; make it private with chmod 600")
    try:
        found = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GrantsError(f"{path}: no file of remembered answers; move it away") from None
    if found.version != 1:
        raise GrantsError(f"{path}: version {found.version} is not known here")
    return found.grants


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file for the length of a block, where the system has `flock`."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
