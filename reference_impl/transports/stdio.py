"""A child process as a channel of bytes, in a process group of its own, and its end in the specification's order.

Standard error is always drained into a bounded tail, so that a talkative server never blocks on it; standard output is
held back by the reader, so that a flooding one fills no memory here. Source: `basic/transports/stdio` and
`basic/lifecycle#shutdown`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import anyio
import anyio.lowlevel

from reference_impl.transports.channel import Inbox

__all__ = ["STDERR_TAIL", "StdioCommand", "StdioProcess", "Stop", "TargetNotStarted", "open_process"]

STDERR_TAIL = 64 * 1024
"""Bytes of standard error that are kept, the last ones."""

_KILL_WAIT = 2.0
"""Seconds that the kernel gets to end a process after SIGKILL; only one stuck in the kernel takes longer."""

_GROUP_WAIT = 0.25
"""Seconds that the rest of the group gets to follow its leader before it is killed."""
_GROUP_POLL = 0.01

_MINIMAL = frozenset(
    {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SYSTEMROOT", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER"}
)


class TargetNotStarted(Exception):  # noqa: N818 - the name says what happened, as the reader of a report needs it
    """The command could not be started; `str()` of it is one line that says why."""


@dataclass(frozen=True, slots=True)
class StdioCommand:
    """What to start.

    `argv` is the program and its arguments (no shell is involved), `env` goes over the inherited environment, `cwd` is
    the working directory. `inherit` says what is inherited: everything, as in the user's own shell, or the minimal set
    of variables for programs that should not see this process's secrets.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] | None = field(default=None, repr=False)  # programs get their secrets there
    cwd: str | Path | None = None
    inherit: Literal["all", "minimal"] = "all"

    def environment(self) -> dict[str, str]:
        """Return the environment of the process. Exported shell functions are never passed on: they are code."""
        whole = {name: value for name, value in os.environ.items() if not value.startswith("()")}
        if self.inherit == "minimal":
            whole = {name: value for name, value in whole.items() if name.upper() in _MINIMAL}
        return whole | dict(self.env or {})


@dataclass(frozen=True, slots=True)
class Stop:
    """How a process came to its end.

    `how` is what it took: nothing (it had `exited` before), the end of its input (`eof`), SIGTERM (`terminated`) or
    SIGKILL (`killed`). `seconds` is the time from the first step; `stragglers` says that processes of its group had
    outlived it and were killed.
    """

    how: Literal["exited", "eof", "terminated", "killed"]
    seconds: float
    stragglers: bool = False


class StdioProcess(asyncio.SubprocessProtocol):
    """A running child process; `open_process` makes it."""

    def __init__(self) -> None:
        self._inbox = Inbox(self._pause, self._resume)
        self._exited = anyio.Event()
        self._writable = anyio.Event()
        self._writable.set()
        self._input_open = True
        self._outgoing: list[bytes] = []
        self._stopping = False
        self._stop_lock = anyio.Lock()
        self._stopped: Stop | None = None
        self._tail = bytearray()
        self.stderr_bytes = 0
        """How many bytes the process wrote to standard error in all."""

    # Callbacks of the event loop ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the process."""
        # Not an isinstance check: the transports of uvloop are none of asyncio's classes.
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Sort what the process wrote: standard output to the reader, standard error to the tail."""
        if fd == 1:
            self._inbox.feed(data)
            return
        self.stderr_bytes += len(data)
        self._tail += data
        del self._tail[:-STDERR_TAIL]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """Note the end of a pipe: input that nobody reads any more, or output that has ended."""
        if fd == 0:
            self._input_open = False
            self._writable.set()
        elif fd == 1:
            self._inbox.end()

    def process_exited(self) -> None:
        """Wake those who wait for the exit."""
        self._exited.set()

    def pause_writing(self) -> None:
        """Hold senders back: the process does not read as fast as they write."""
        self._writable = anyio.Event()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._writable.set()

    def _pause(self) -> None:
        if not self._stopping:
            self._output().pause_reading()

    def _resume(self) -> None:
        self._output().resume_reading()

    def _output(self) -> asyncio.ReadTransport:
        return cast("asyncio.ReadTransport", self._transport.get_pipe_transport(1))

    # The channel --------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too."""
        return self._transport.get_pid()

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        return self._transport.get_returncode()

    @property
    def stderr_tail(self) -> str:
        """The last 64 KiB that the process wrote to standard error."""
        return self._tail.decode("utf-8", "replace")

    async def send(self, data: bytes) -> None:
        """Write all of `data` to standard input; a cancelled call still writes it whole.

        Raises `anyio.ClosedResourceError` after `close_stdin`, `anyio.BrokenResourceError` if the process reads no
        more.
        """
        pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))
        if self._input_open and pipe.is_closing():
            raise anyio.ClosedResourceError
        if self._input_open:
            self._outgoing.append(data)
            if len(self._outgoing) == 1:
                asyncio.get_running_loop().call_soon(self._flush)
            await anyio.lowlevel.checkpoint()
            if not self._writable.is_set():
                await self._writable.wait()
        if not self._input_open or pipe.is_closing():
            raise anyio.BrokenResourceError

    def _flush(self) -> None:
        """Write what was sent in this turn of the loop all at once: system calls cost more than the messages."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        pipe = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        if pipe is not None and data:
            pipe.write(data)

    async def receive(self) -> bytes:
        """Return what the process wrote to standard output. Raises `anyio.EndOfStream` at its end."""
        return await self._inbox.receive()

    def close_stdin(self) -> None:
        """Close standard input, once what was sent has been written: the polite sign to leave."""
        self._flush()
        pipe = self._transport.get_pipe_transport(0)
        if pipe is not None:
            pipe.close()

    close_sending = close_stdin

    async def wait(self) -> int:
        """Wait for the process to exit; return its status, negative for a signal."""
        await self._exited.wait()
        assert self.returncode is not None
        return self.returncode

    async def aclose(self) -> None:
        """Stop the process."""
        await self.stop()

    # The end ------------------------------------------------------------------------------------

    async def stop(self, grace: float = 2.0) -> Stop:
        """End the process and its whole group: close its input, then SIGTERM, then SIGKILL, `grace` seconds apart.

        Always completes, within about twice `grace`, even where the caller is cancelled; a second call returns the
        first one's answer. Source: `basic/lifecycle#stdio` of 2025-11-25.
        """
        with anyio.CancelScope(shield=True):
            async with self._stop_lock:
                if self._stopped is None:
                    self._stopped = await self._stop(grace)
        assert self._stopped is not None
        return self._stopped

    async def _stop(self, grace: float) -> Stop:
        started = time.monotonic()
        self._stopping = True
        try:
            how = await self._end(grace)
            stragglers = await self._group_outlives(_GROUP_WAIT)
        finally:  # also where the whole event loop is being torn down, which no shield holds off
            self._signal_group(signal.SIGKILL)
            self._transport.close()
            self._inbox.end()
        # One turn of the loop lets the pipes report their end, so that no transport is left half closed.
        await anyio.lowlevel.checkpoint()
        return Stop(how, time.monotonic() - started, stragglers)

    async def _end(self, grace: float) -> Literal["exited", "eof", "terminated", "killed"]:
        if self._exited.is_set():
            return "exited"
        self.close_stdin()
        self._resume()  # a process that blocks on a full pipe would never see the end of its input
        if await self._leaves_within(grace):
            return "eof"
        self._signal_group(signal.SIGTERM)
        if await self._leaves_within(grace):
            return "terminated"
        self._signal_group(signal.SIGKILL)
        await self._leaves_within(_KILL_WAIT)
        return "killed"

    async def _leaves_within(self, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            await self._exited.wait()
        return self._exited.is_set()

    async def _group_outlives(self, seconds: float) -> bool:
        """Tell whether processes of the group are still there `seconds` after their leader went."""
        with anyio.move_on_after(seconds):
            while self._signal_group(0):  # noqa: ASYNC110 - the kernel tells nobody when a group empties
                await anyio.sleep(_GROUP_POLL)
            return False
        return True

    def kill_now(self) -> None:
        """Kill the group at once, without a running event loop: for exit hooks and signal handlers."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> bool:
        """Send a signal to every process of the group; tell whether there was one."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            # PermissionError is how some kernels say that only zombies are left.
            return False
        return True


async def open_process(command: StdioCommand) -> StdioProcess:
    """Start `command` in a new session, its three standard streams piped.

    Raises `TargetNotStarted` with one line that says why: no such program, no permission, no such directory.
    """
    if not command.argv or not command.argv[0]:
        raise TargetNotStarted("the command is empty")
    environment = command.environment()
    if any("\0" in text for text in (*command.argv, *environment, *environment.values())):
        raise TargetNotStarted("the command or its environment contains a null character")
    cwd = command.cwd
    if cwd is not None and not await anyio.Path(cwd).is_dir():
        raise TargetNotStarted(f"the working directory {cwd} does not exist")
    loop = asyncio.get_running_loop()
    try:
        _, process = await loop.subprocess_exec(
            StdioProcess, *command.argv, cwd=cwd, env=environment, start_new_session=True
        )
    except OSError as error:
        raise TargetNotStarted(_why(command.argv[0], error)) from error
    return process


def _why(program: str, error: OSError) -> str:
    match error:
        case FileNotFoundError() if Path(program).is_file():
            return f"{program}: the interpreter that its first line names does not exist"
        case FileNotFoundError():
            return f"{program}: no such program"
        case PermissionError():
            return f"{program}: not executable, or no permission to execute it"
    return f"{program}: {(error.strerror or str(error)).lower()}"
