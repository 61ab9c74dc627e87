"""The custom server: plain functions of the user's own module as tools.

A function's name, docstring and type hints say what clients are told; `tool`, `resource` and `prompt` say more, or
something else. A module may also make its own `AdvancedMCPServer`, named `server`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.custom.building import build
from reference_impl.servers.custom.loading import find
from reference_impl.servers.custom.marks import prompt, resource, tool
from reference_impl.servers.custom.reloading import keep_current, state_of

__all__ = ["make_server", "prompt", "resource", "tool"]


def make_server(module: str | Path, *, reload: bool = False, interval: float = 0.5) -> AdvancedMCPServer:
    """Return a server of a module, given by the path of its file or by its dotted name.

    With `reload`, the file is looked at every `interval` seconds, and loaded again when it changed. Raises `SetupError`
    with file and line where the module cannot be loaded, or a function cannot be what it is to be.
    """
    source = find(str(module))
    known = state_of(source.path)
    server = build(source)
    if reload:
        server.run_beside(partial(keep_current, server, source, known, interval))
    return server
