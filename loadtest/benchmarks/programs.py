"""The commands of what is measured."""

from __future__ import annotations

import sys
from pathlib import Path

from loadtest.benchmarks.settings import Settings

__all__ = ["bare", "bare_on_ours", "interpreter", "ours", "ours_on", "sdk"]

_SERVERS = Path(__file__).resolve().parent / "servers"


def ours(mode: str) -> list[str]:
    """Return the reference server with the tools of the benchmarks."""
    return [sys.executable, "-m", "loadtest.benchmarks.servers.ours", mode]


def ours_on(runner: str) -> list[str]:
    """Return the same application on an ASGI server as users run it: `uvicorn` or `granian`."""
    factory = "loadtest.benchmarks.servers.ours:make_application"
    options = {
        "uvicorn": ["--factory", factory, "--log-level", "warning", "--no-access-log", "--no-server-header"],
        "granian": ["--factory", factory, "--interface", "asgi", "--no-ws", "--log-level", "warning"],
    }
    return [sys.executable, "-m", runner, *options[runner], "--port"]


def sdk(settings: Settings, mode: str) -> list[str]:
    """Return the same on the official SDK."""
    return [settings.environments.sdk_python(), "-P", str(_SERVERS / "sdk.py"), mode]


def bare() -> list[str]:
    """Return the limit on uvicorn as it is."""
    return [sys.executable, "-P", str(_SERVERS / "bare.py")]


def bare_on_ours() -> list[str]:
    """Return the limit on the protocol that our runner gives uvicorn."""
    return [sys.executable, "-m", "loadtest.benchmarks.servers.bare", "lean"]


def interpreter() -> list[str]:
    """Return the limit of a start."""
    return [sys.executable, "-P", str(_SERVERS / "interpreter.py")]
