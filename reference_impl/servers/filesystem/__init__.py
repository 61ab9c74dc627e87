"""The filesystem server: files beneath some directories, and nothing else of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.filesystem import looking, moving, prompts, reading, resources, searching, writing
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.offers import Files, register
from reference_impl.servers.filesystem.roots import Roots
from reference_impl.servers.filesystem.watching import Watcher

__all__ = ["Limits", "make_server"]

_INSTRUCTIONS = (
    "Files beneath the directories that `list_allowed_directories` names; nothing outside of them can be reached. "
    "Begin with `directory_tree` or `search_files`, and read with `read_text_file`: long files come in parts, and the "
    "answer says where the rest begins."
)

_READING = looking.OFFERS + reading.OFFERS + searching.OFFERS
_WRITING = writing.OFFERS + moving.OFFERS


def make_server(
    roots: Sequence[str | os.PathLike[str]] = (),
    *,
    write: bool = False,
    client_roots: bool = False,
    limits: Limits | None = None,
    metrics: Any = None,
) -> AdvancedMCPServer:
    """Return a server of the files beneath `roots`; with `write`, one that changes them too.

    With `client_roots`, each client's own roots count: as they are if `roots` is empty, which trusts the client with
    the whole machine, else as far as they lie beneath `roots`. Raises `SetupError` for what is no directory, and if
    nothing could ever be used.
    """
    bounds = limits or Limits()
    searchers = ThreadPoolExecutor(bounds.at_once, thread_name_prefix="filesystem")
    files = Files(Roots.of(roots, asks=client_roots), bounds, searchers)
    watcher = Watcher(files.roots, bounds.watch_seconds)
    server = AdvancedMCPServer(
        "filesystem", "1.0.0", instructions=_INSTRUCTIONS, lifespan=watcher.lifespan, metrics=metrics
    )
    watcher.attach(server)
    register(server, files, _READING + _WRITING if write else _READING)
    resources.register(server, files, watcher)
    prompts.register(server, files)
    return server
