"""Files as resources: one template for every `file:` URI beneath the roots, and the roots themselves."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

from reference_impl.server import AdvancedMCPServer, Context, ResourceNotFoundError, ToolError
from reference_impl.server.content import resource_contents
from reference_impl.servers.filesystem.beneath import OutsideError, Place, directory, regular
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.job import run
from reference_impl.servers.filesystem.media import guessed_type, sniffed
from reference_impl.servers.filesystem.offers import Errand, Files
from reference_impl.servers.filesystem.text import pread
from reference_impl.servers.filesystem.uris import TEMPLATE, uri_of
from reference_impl.servers.filesystem.walking import page, shown
from reference_impl.servers.filesystem.watching import Watcher

__all__ = ["contents", "register"]

_DIRECTORY = "inode/directory"
_LIST = "text/uri-list"
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV)
"""Errors after which a reader need not know more than that there is nothing for it."""
_HINTS: dict[str, Any] = {"ttlMs": 0, "cacheScope": "private"}
"""Files change without telling those who did not subscribe."""

Read = Callable[[Context, str], Awaitable[list[dict[str, Any]]]]


def register(server: AdvancedMCPServer, files: Files, watcher: Watcher) -> None:
    """Add the template, and a resource for each root that is known from the start."""

    async def read(context: Context, path: str) -> list[dict[str, Any]]:
        place, found = await files.errand(context, lambda errand: _read(errand, path))
        await watcher.know(path, place)
        return [found]

    @server.resource(TEMPLATE, "file", "A file, or the URIs of what is in a directory.", title="File", **_HINTS)
    async def file(context: Context, path: str) -> list[dict[str, Any]]:
        return await read(context, path)

    if files.roots.asks:
        return  # who lists resources cannot be asked for roots

    async def more() -> list[dict[str, Any]]:
        return await run(lambda job: _listed(Errand(files.roots.given, files.limits, job)), files.limits.seconds)

    for root in files.roots.given:
        _add_root(server, root.path, Place(root, ()).name or "/", read)
    server.find_more = more


def _listed(errand: Errand) -> list[dict[str, Any]]:
    """Return the files right in the roots, as resources; others are found by the directories that hold them."""
    found: dict[str, dict[str, Any]] = {}
    for root in errand.roots:
        place = Place(root, ())
        with contextlib.suppress(OSError), directory(place) as descriptor:
            for item in page(descriptor, errand.job, "", errand.limits.entries):
                uri = uri_of(place.child(item.name).path)
                if item.kind == "file":
                    found[uri] = {"uri": uri, "name": shown(item.name), "mimeType": guessed_type(item.name)}
    return list(islice(found.values(), errand.limits.entries))


def _add_root(server: AdvancedMCPServer, path: str, name: str, read: Read) -> None:
    @server.resource(
        uri_of(path), name, "A directory that may be used: the URIs of what is in it.", mimeType=_DIRECTORY, **_HINTS
    )
    async def root(context: Context) -> list[dict[str, Any]]:
        return await read(context, path)


def _read(errand: Errand, path: str) -> tuple[Place, dict[str, Any]]:
    place = _place(errand, path)
    try:
        return place, contents(errand, place)
    except OutsideError:
        raise ResourceNotFoundError(path) from None
    except OSError as error:
        if error.errno in _NOTHING:
            raise ResourceNotFoundError(path) from None
        with told(path):
            raise


def _place(errand: Errand, path: str) -> Place:
    try:
        if path.startswith("/"):
            return errand.place(path)
    except ToolError:
        pass  # who asks for a URI out of reach learns as little as who asks for one that is not there
    raise ResourceNotFoundError(path)


def contents(errand: Errand, place: Place) -> dict[str, Any]:
    """Return a file or directory as one entry of `contents`. Raises `ToolError`, `OutsideError` and `OSError`."""
    try:
        with regular(place) as descriptor:
            size = os.fstat(descriptor).st_size
            if size > errand.limits.media_bytes:
                raise ToolError(f"{shown(place.path)} has {size} bytes, more than a resource may: read it in parts")
            raw = pread(descriptor, errand.limits.media_bytes, 0)
    except IsADirectoryError:
        return _listing(errand, place)
    uri, kind = uri_of(place.path), sniffed(raw) or guessed_type(place.name)
    text = _text(raw)
    if text is None:
        return resource_contents(uri, raw, kind)
    return resource_contents(uri, text, "text/plain" if kind == "application/octet-stream" else kind)


def _text(raw: bytes) -> str | None:
    if b"\0" in raw or sniffed(raw) is not None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _listing(errand: Errand, place: Place) -> dict[str, Any]:
    """Return a directory as a list of URIs (RFC 2483, 5), of which no more are given than names on a page."""
    limit = errand.limits.entries
    with directory(place) as descriptor:
        found = page(descriptor, errand.job, "", limit + 1)
    lines = [uri_of(place.child(item.name).path) for item in found[:limit]]
    if len(found) > limit:
        lines.append("# There are more: list_directory has all of them")
    return resource_contents(uri_of(place.path), "".join(f"{line}\r\n" for line in lines), _LIST)
