"""A check that no file URI leads out of what a server offers (`server/resources#security-considerations`).

A file of our own, with a text that nobody can guess, lies elsewhere on this machine. Only a server that does not give
it for its own address, and gives it for a detour from a file that it lists, has been led out.
"""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from conformance.check import check
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.peer import Peer

_UPWARDS = ("../", "%2e%2e/", "..%2f", "%2e%2e%2f", "%252e%252e%252f", "..%5c")
"""Ways to write a step up; the last but one is decoded twice by those whom it leads out, the last one is Windows'."""


@check("resources.file.traversal", "resources.file.traversal")
async def traversal(peer: Peer) -> None:
    """No detour from a listed file leads to a file elsewhere, however its dots and slashes are written."""
    listed = await _listed_here(peer)
    with _elsewhere() as (path, text):
        if _holds(await _read(peer, path.as_uri()), text):
            raise Blocked("the target reads any file that may be read, so that there is nothing to lead it out of")
        for uri in _detours(listed, path):
            result = await _read(peer, uri)
            if _holds(result, text):
                raise Mismatch(f"an error for {uri}, a file outside of what is listed", "the contents of that file")


async def _listed_here(peer: Peer) -> str:
    """Return the URI of a listed file that can be read and lies on this machine.

    Raises `Inapplicable` if the target offers no files, `Blocked` if we could not tell where its detours would lead.
    """
    listed = [str(resource.get("uri")) for resource in peer.surface.resources]
    templates = [str(template.get("uriTemplate")) for template in peer.surface.templates]
    if not any(uri.startswith("file:") for uri in (*listed, *templates)):
        raise Inapplicable("the target offers no files")
    found = next((uri for uri in listed if uri.startswith("file:///") and _is_here(uri)), None)
    if found is None:
        raise Blocked("the target lists no file that lies on this machine, where it can be told what was read")
    if not isinstance((await peer.request("resources/read", {"uri": found})).result, dict):
        raise Blocked(f"{found} cannot be read, although it is listed")
    return found


def _is_here(uri: str) -> bool:
    try:
        return Path(unquote(urlsplit(uri).path)).is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def _elsewhere() -> Iterator[tuple[Path, str]]:
    """A file that no server offers, and its text, for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="touchstone-") as directory:
        path, text = Path(directory, "elsewhere.txt"), secrets.token_hex(24)
        path.write_text(text, "utf-8")
        yield path, text


def _detours(listed: str, path: Path) -> Iterator[str]:
    """URIs below the directory of a listed file that lead to `path` for who takes the steps up in them."""
    parent = listed.rpartition("/")[0]
    depth = unquote(urlsplit(parent).path).count("/") + 1
    for up in _UPWARDS:
        yield f"{parent}/{up * depth}{quote(path.relative_to(path.anchor).as_posix())}"


async def _read(peer: Peer, uri: str) -> Any:
    message = peer.message("resources/read", {"uri": uri})
    return (await peer.call(message, defect="a file that is not offered")).result


def _holds(result: Any, text: str) -> bool:
    """Whether a result holds a text, as it is or in base64."""
    shown = json.dumps(result)
    return text in shown or base64.b64encode(text.encode()).decode() in shown
