"""A server with a URL that is ours to start: started before anything is asked, waited for, stopped in the end."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from door.errors import Exit, Refusal
from reports.redaction import redact
from reports.text import visible

if TYPE_CHECKING:
    import http.client

__all__ = ["LOG", "Start"]

LOG = Path(".touchstone") / "server.log"
"""What the server says on its output and error streams."""
_PATIENCE = 60.0
_PAUSE = 0.05
_ANSWER = 1.0
"""Seconds within which a server that is there says something; one that takes a connection and keeps it is there too."""
_GRACE = 5.0
_LAST_WORDS = 400
_BACKGROUND = "; if it went into the background, it still runs there: give a command that stays in the foreground"


@dataclass(frozen=True, slots=True)
class Start:
    """The command line that serves `url`, what is added to its environment, and where it is started; `secrets` are
    values that its log shall not keep."""

    argv: tuple[str, ...]
    url: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @contextlib.contextmanager
    def running(self, log: Path = LOG, patience: float = _PATIENCE) -> Iterator[None]:
        """Start the server, wait until it answers at its URL, and stop it with all its processes in the end.

        Raises `Refusal` if something answers there already, if it ends (as one does that goes into the background), or
        if it does not answer in `patience` seconds.
        """
        parts = urlsplit(self.url.removeprefix("sse+"))
        if _answers(parts):
            raise Refusal(f"something answers at {self.url} already, and would be tested in the place of --start")
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("wb") as said, self._process(said) as process:
                self._wait(process, parts, log, patience)
                yield
        finally:
            _without_secrets(log, self.secrets)

    @contextlib.contextmanager
    def _process(self, said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(self.env),
                cwd=self.cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise Refusal(
                f"--start {shlex.join(self.argv)}: {(error.strerror or 'cannot be started').lower()}", Exit.UNREACHABLE
            ) from None
        try:
            yield process
        finally:
            _stop(process)

    def _wait(self, process: subprocess.Popen[bytes], parts: SplitResult, log: Path, patience: float) -> None:
        end = time.monotonic() + patience
        while not _answers(parts):
            if process.poll() is not None:
                how = f"ended with exit code {process.returncode} before it answered at {self.url}"
                hint = "" if process.returncode else _BACKGROUND
                raise Refusal(f"--start {shlex.join(self.argv)} {how}{hint}{_last_words(log)}", Exit.UNREACHABLE)
            if time.monotonic() >= end:
                how = f"does not answer at {self.url} after {patience:g} s"
                raise Refusal(f"--start {shlex.join(self.argv)} {how}{_last_words(log)}", Exit.UNREACHABLE)
            time.sleep(_PAUSE)
        if process.poll() is not None:
            how = f"ended, and something answers at {self.url} that is not ours to stop"
            raise Refusal(f"--start {shlex.join(self.argv)} {how}{_BACKGROUND}")


def _answers(parts: SplitResult) -> bool:
    """Whether somebody is there who speaks HTTP, or at least listens. Asked is the root, of which no test knows."""
    import http.client

    with contextlib.closing(_connection(parts)) as connection:
        try:
            connection.connect()
        except OSError:
            return False
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except TimeoutError:
            return True
        except (OSError, http.client.HTTPException):
            # A proxy that listens for a server which does not yet.
            return False
        return True


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    import http.client
    import ssl

    host, port = parts.hostname or "", parts.port
    if parts.scheme not in ("https", "wss"):
        return http.client.HTTPConnection(host, port, timeout=_ANSWER)
    # Only whether it is there is asked; whose it is, every later connection makes sure of.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_ANSWER, context=context)


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:
        # Also what it started and left behind.
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _without_secrets(log: Path, secrets: tuple[str, ...]) -> None:
    """Take out of a log what a gate is about to keep for everybody to read; line by line, for it may be long."""
    if not secrets:
        return
    clean = log.with_name(f"{log.name}.clean")
    with log.open("rb") as said, clean.open("wb") as kept:
        for line in said:
            kept.write(redact(line.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape"))
    clean.replace(log)


def _last_words(log: Path) -> str:
    said = log.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace").strip()
    return f": {visible(' '.join(said.split()))}" if said else f" (it said nothing; {log})"
