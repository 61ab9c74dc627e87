"""Which database: a path, `sqlite:///path`, or `postgresql://...`, and where the address may stand."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reference_impl.server.errors import SetupError

__all__ = ["Address", "PostgresAddress", "SqliteAddress", "address_of"]

_POSTGRES = ("postgresql", "postgres")
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file, or None for the sample that is made at every start."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """`dsn` may hold a password, so it is never shown; `shown` names the database without."""

    dsn: str = field(repr=False)
    shown: str


Address = SqliteAddress | PostgresAddress


def address_of(url: str | None) -> Address:
    """Return what `url` names: nothing for the sample, `env:NAME` for what that variable holds.

    Raises `SetupError`, which never repeats a URL that may hold a password.
    """
    if url is not None and url.startswith("env:"):
        name = url.removeprefix("env:")
        url = os.environ.get(name)
        if not url:
            raise SetupError(f"the environment variable {name} is not set: it is to hold the database's URL")
    if url is None or url == "sqlite://":
        return SqliteAddress(None)
    scheme, separator, rest = url.partition("://")
    if not separator:
        return SqliteAddress(_file(url))
    if scheme.lower() == "sqlite":
        return SqliteAddress(_file(_path_of(rest)))
    if scheme.lower() in _POSTGRES:
        return _postgres(url)
    raise SetupError("the database must be a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE")


def _path_of(rest: str) -> str:
    if not rest.startswith("/"):
        raise SetupError("a URL of SQLite has three slashes before its path: sqlite:///PATH")
    if "?" in rest:
        raise SetupError("a URL of SQLite takes no options after its path")
    return unquote(rest[1:])


def _file(name: str) -> Path:
    """Return the path of a database that is there already: none is ever made."""
    if not name or "\0" in name:
        raise SetupError("the path of the database is empty or has a NUL in it")
    path = Path(name).absolute()
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise SetupError(f"{name}: there is no such file; give the path of an existing SQLite database") from None
    except OSError as error:
        raise SetupError(f"{name}: {(error.strerror or 'cannot be read').lower()}") from None
    if head not in (b"", _MAGIC):
        raise SetupError(f"{name}: this is no SQLite database")
    return path


def _postgres(url: str) -> PostgresAddress:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SetupError(
            "the URL of PostgreSQL cannot be understood: percent-encode what is special in user and password"
        ) from None
    where = f"{parts.hostname or 'localhost'}{'' if port is None else f':{port}'}"
    return PostgresAddress(url, f"{where}/{unquote(parts.path.lstrip('/')) or (parts.username or '')}")
