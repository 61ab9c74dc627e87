"""The directories that a server may work in (`client/roots`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio

from reference_impl.client.settings import Handler, JsonObject

__all__ = ["directory_roots", "root_fault"]


def directory_roots(directories: Callable[[], list[Path]]) -> Handler:
    """Return a handler of `roots/list` that names those directories which are there when the server asks.

    Call `ClientConnection.roots_changed` when `directories` begins to return others.
    """

    async def handler(_: JsonObject) -> JsonObject:
        paths = [anyio.Path(path) for path in directories()]
        there = [await path.resolve() for path in paths if await path.is_dir()]
        return {"roots": [{"uri": path.as_uri(), "name": path.name} for path in there]}

    return handler


def root_fault(roots: Any) -> str | None:
    """Say what is wrong with the `roots` of an answer, or None if nothing is."""
    if not isinstance(roots, list):
        return "roots must be an array"
    for root in roots:
        uri = root.get("uri") if isinstance(root, dict) else None
        if not isinstance(uri, str) or not uri.startswith("file://"):
            return f"the root {uri!r} is no file:// URI"
        if ".." in unquote(urlsplit(uri).path).split("/"):
            return f"the root {uri!r} leads out of itself"
    return None
