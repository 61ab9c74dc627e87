"""The client under test: how it is told where the server is, started, and ended with all that it started."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import anyio

__all__ = ["Command", "Ended", "Invitation", "NotStarted", "Subject"]

_SERVER = "touchstone"
_TAIL = 4096
_STAND_IN = Path(__file__).with_name("stand_in.py")


class NotStarted(Exception):  # noqa: N818 - the name says what happened
    """The client's command could not be started; `str()` of it is one line that says why."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where a client finds the server: at `url`, or by starting the words of `command`. `variables` tell it more,
    `kind` is the transport of the URL as configuration files name it."""

    url: str | None = None
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    kind: str = "http"

    @classmethod
    def by_stand_in(cls, port: int, token: str, variables: Mapping[str, str]) -> Invitation:
        """Return one for a client that starts its servers."""
        return cls(None, (sys.executable, "-IS", str(_STAND_IN), str(port), token), variables)

    def configuration(self) -> str:
        """Return the text of an `mcp.json` that names the server."""
        if self.url is not None:
            return json.dumps({"mcpServers": {_SERVER: {"type": self.kind, "url": self.url}}})
        return json.dumps({"mcpServers": {_SERVER: {"command": self.command[0], "args": list(self.command[1:])}}})


@dataclass(frozen=True, slots=True)
class Ended:
    """How a client ended: its exit status (None: we had to end it), and the last that it wrote to standard error, and
    to standard output."""

    status: int | None
    said: str = ""
    printed: str = ""


Subject = Callable[[Invitation], Awaitable[Ended]]
"""Runs the client once; cancelled, it ends the client first."""


@dataclass(frozen=True, slots=True)
class Command:
    """A client that is a program. `{config}`, `{url}` and `{server}` in its words are filled in; where none of them
    occurs the URL, or the words that start the server, come last."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, invitation: Invitation) -> Ended:
        """Run the client once, in a process group of its own that does not outlive this call. Raises `NotStarted`."""
        with (
            tempfile.TemporaryDirectory(prefix="touchstone-") as folder,
            tempfile.TemporaryFile() as errors,
            tempfile.TemporaryFile() as output,
        ):
            config = Path(folder) / "mcp.json"
            config.write_text(invitation.configuration(), "utf-8")
            environment = {**os.environ, **invitation.variables, **self.env}
            try:
                process = await anyio.open_process(
                    self._words(invitation, config),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise NotStarted(f"{self.argv[0]} cannot be started: {error.strerror or error}") from None
            status = None
            try:
                status = await process.wait()
            finally:
                _end_group(process.pid)
                with anyio.CancelScope(shield=True):
                    await process.wait()
                    await process.aclose()
            return Ended(status, _tail(errors), _tail(output))

    def _words(self, invitation: Invitation, config: Path) -> list[str]:
        url, server = invitation.url or "", shlex.join(invitation.command)
        filled = {"{config}": str(config), "{url}": url, "{server}": server}
        words = list(self.argv)
        for mark, value in filled.items():
            words = [word.replace(mark, value) for word in words]
        if words != list(self.argv):
            return words
        return [*words, url] if invitation.url is not None else [*words, *invitation.command]


def _end_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TAIL))
    return errors.read().decode("utf-8", "replace")
