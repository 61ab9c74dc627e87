"""A server that is ours to kill and to start again in the middle of a run: the one that `--start` started.

In the Locust process whatever waits here lets users go on (`subprocess`, `socket` and `time` are gevent's there).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
from msgspec import Struct

__all__ = ["Served", "Serving"]

_PAUSE = 0.02
_PATIENCE = 60.0
"""Seconds for a server to listen."""


class Serving(Struct, frozen=True, kw_only=True):
    """The command line that serves `url`, what is added to its environment, and where it is started."""

    argv: tuple[str, ...]
    url: str
    env: dict[str, str] = {}
    cwd: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return it as the parameters of a scenario."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


class Served:
    """The process that serves a URL of this machine."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._serving = msgspec.convert(parameters, Serving)
        parts = urlsplit(self._serving.url.removeprefix("sse+"))
        self._address = (parts.hostname or "", parts.port or (443 if parts.scheme in ("https", "wss") else 80))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)

    def kill(self) -> None:
        """Kill whoever serves the URL, at once, and return when nobody listens there any more."""
        if self._process is not None:
            self.stop()
        elif (pid := listening(self._address[1])) is not None and os.getpgid(pid) != os.getpgrp():
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        end = time.monotonic() + _PATIENCE
        while self._listens() and time.monotonic() < end:
            time.sleep(_PAUSE)

    def start(self) -> bool:
        """Start the server again; return whether it listens. It ends with this process."""
        serving = self._serving
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            serving.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | serving.env,
            cwd=serving.cwd,
        )
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if self._listens():
                return True
            time.sleep(_PAUSE)
        return False

    def stop(self) -> None:
        """Kill what was started here with all that it started in turn, which may have left its session."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        started: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for each in started:
            with contextlib.suppress(psutil.Error):
                each.kill()
        process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(self._address, timeout=1.0).close()
        except OSError:
            return False
        return True


def listening(port: int) -> int | None:
    """Return the process that listens on a port of this machine, None where that cannot be told."""
    try:
        found = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    own = (each.pid for each in found if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr[1] == port)
    return next((pid for pid in own if pid), None)
