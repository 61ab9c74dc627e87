"""The reference server as a target: what `touchstone run` tests when nothing else is named."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from conformance.target import HttpTarget, StdioTarget
from door.errors import Exit, Refusal
from reports.records import Target as TargetRow

__all__ = ["EmbeddedServer", "embedded_stdio"]

_ARGV = (sys.executable, "-P", "-m", "touchstone", "serve", "everything")
_START = 20.0
_STOP = 5.0


def embedded_stdio() -> StdioTarget:
    """The reference server `everything` on standard streams."""
    return StdioTarget(_ARGV)


class EmbeddedServer:
    """The same server over Streamable HTTP on a free port of 127.0.0.1, for the time of a `with` block."""

    row = TargetRow(
        name="the embedded reference server", transport="stdio, http", address="touchstone serve everything"
    )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*_ARGV, "--transport", "http", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self.target = HttpTarget(self._await_url())
        except BaseException:
            self._stop()
            raise
        # What it says from now on is nobody's concern, but a pipe that nobody reads would fill up and stop it.
        threading.Thread(target=self._drain, daemon=True).start()
        return self

    def _drain(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError):  # closed meanwhile
            while os.read(self._process.stderr.fileno(), 65536):
                pass

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self._process.pid

    def _await_url(self) -> str:
        """Read standard error until the server says where it listens."""
        stream = self._process.stderr
        assert stream is not None
        deadline, said = time.monotonic() + _START, b""
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and selector.select(left):
                chunk = os.read(stream.fileno(), 4096)
                said += chunk
                url = next((word for word in said.split() if word.startswith(b"http://")), None)
                if url is not None and said.partition(url)[2]:
                    return url.decode()
                if not chunk:
                    break
        raise Refusal(f"the embedded server did not start: {said.decode('utf-8', 'replace').strip()}", Exit.FAULT)

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()
