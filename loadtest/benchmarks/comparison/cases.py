"""What is compared: the libraries, each with one server of one echo tool, and the ways in which they are asked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from loadtest.benchmarks.environments import Environments
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE

__all__ = ["LIBRARIES", "MODES", "OURS", "QUICK", "Library", "Mode", "library_named", "mode_named"]

_SERVERS = Path(__file__).resolve().parents[1] / "servers"
_FAST = ("uvloop", "httptools")
"""What makes uvicorn fast: the libraries' plain installations have neither."""

Command = Callable[[Environments, "Mode"], list[str]]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to ask: a transport, a revision, and over HTTP the media type of the replies."""

    name: str
    title: str
    revision: Revision
    replies: str | None = None

    @property
    def transport(self) -> Literal["http", "stdio"]:
        """How it is reached."""
        return "stdio" if self.replies is None else "http"

    @property
    def sessions(self) -> bool:
        """Whether the server keeps a session for each client."""
        return self.transport == "http" and not self.revision.modern


@dataclass(frozen=True, slots=True)
class Library:
    """A library with the command of its server; `headers` are what makes it answer as a mode asks."""

    name: str
    title: str
    version: str
    command: Command
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


MODES = (
    Mode("stateless-json", f"Stateless ({LATEST.name}), JSON replies", LATEST, JSON_TYPE),
    Mode("stateless-sse", f"Stateless ({LATEST.name}), SSE replies", LATEST, SSE_TYPE),
    Mode("session-json", f"Sessions ({LATEST_LEGACY.name}), JSON replies", LATEST_LEGACY, JSON_TYPE),
    Mode("session-sse", f"Sessions ({LATEST_LEGACY.name}), SSE replies", LATEST_LEGACY, SSE_TYPE),
    Mode("stdio-modern", f"stdio, {LATEST.name}", LATEST),
    Mode("stdio-legacy", f"stdio, {LATEST_LEGACY.name}", LATEST_LEGACY),
)
QUICK = ("stateless-json", "session-sse", "stdio-legacy")
"""The modes of a quick run: each library has one of them at least, and most have all."""


def _how(mode: Mode) -> str:
    return "stdio" if mode.transport == "stdio" else mode.name


def _ours(_: Environments, mode: Mode) -> list[str]:
    return [sys.executable, "-m", "loadtest.benchmarks.servers.ours", mode.transport]


def _python(name: str, argument: str, requirement: str) -> Command:
    def command(environments: Environments, mode: Mode) -> list[str]:
        python = environments.python(name, (requirement, *_FAST))
        return [python, "-P", str(_SERVERS / "compared.py"), argument, _how(mode)]

    return command


def _node(name: str, program: str, packages: tuple[str, ...]) -> Command:
    def command(environments: Environments, mode: Mode) -> list[str]:
        node, folder = environments.node(name, packages)
        # Node looks for packages beside the program.
        return [node, str(shutil.copy(_SERVERS / program, folder)), _how(mode)]

    return command


_ZOD = "zod@4.6.7"
_TS1 = ("@modelcontextprotocol/sdk@1.32.2", _ZOD, "express@5.3.0")
_TS2 = ("@modelcontextprotocol/server@2.4.0", "@modelcontextprotocol/node@2.1.2", _ZOD)
_ONLY_EVENTS = {"accept": SSE_TYPE}
"""Ours answers with an object where it may: this header leaves it no choice."""

OURS = "touchstone"
LIBRARIES = (
    Library(OURS, "Touchstone", "", _ours, {"stateless-sse": _ONLY_EVENTS, "session-sse": _ONLY_EVENTS}),
    Library("mcp-1", "Python SDK", "1.30.0", _python("mcp-1", "mcp1", "mcp==1.30.0")),
    Library("mcp-2", "Python SDK", "2.3.0", _python("mcp-2", "mcp2", "mcp==2.3.0")),
    Library("fastmcp-4", "FastMCP", "4.1.2", _python("fastmcp-4", "fastmcp", "fastmcp==4.1.2")),
    Library("ts-1", "TypeScript SDK", "1.32.2", _node("ts-1", "compared_ts1.mjs", _TS1)),
    Library("ts-2", "TypeScript SDK", "2.4.0", _node("ts-2", "compared_ts2.mjs", _TS2)),
)
"""Pinned, so that a run can be repeated."""


def mode_named(name: str) -> Mode:
    """Return a mode by its name. Raises `KeyError`."""
    return {mode.name: mode for mode in MODES}[name]


def library_named(name: str) -> Library:
    """Return a library by its name. Raises `KeyError`."""
    return {library.name: library for library in LIBRARIES}[name]
