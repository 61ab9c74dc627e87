"""Loading the module again when its file changes, while the conversations go on.

What is new, gone or different is announced; a version that cannot be loaded changes nothing but a line on standard
error.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.errors import SetupError
from reference_impl.servers.custom.building import build
from reference_impl.servers.custom.loading import Source

__all__ = ["keep_current"]

State = tuple[int, int, int] | None


def state_of(path: Path) -> State:
    """Return what tells one version of a file from another, or None while there is none: editors replace files."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


async def keep_current(server: AdvancedMCPServer, source: Source, known: State, interval: float) -> None:
    """Look at the file every `interval` seconds, and load it again when it is another one than `known`."""
    while True:
        await asyncio.sleep(interval)
        state = state_of(source.path)
        if state is not None and state != known:
            known = state
            await _reload(server, source)


async def _reload(server: AdvancedMCPServer, source: Source) -> None:
    try:
        fresh = await asyncio.to_thread(build, source)
    except SetupError as error:
        _tell(f"{error}; the version before it goes on")
        return
    fresh.hub = server.hub  # so that its functions tell those who listen here
    before = set(server.tools)
    lists = server.adopt(fresh)
    now = set(server.tools)
    changes = [*(f"+{name}" for name in sorted(now - before)), *(f"-{name}" for name in sorted(before - now))]
    lists_told = f" (other than before: {', '.join(lists)})" if lists else ""
    _tell(f"{source.path}: loaded again{lists_told} {' '.join(changes)}".rstrip())


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
