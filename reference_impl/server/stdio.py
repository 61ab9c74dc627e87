"""stdio: the process's own descriptors as a byte stream (`basic/transports/stdio`).

Descriptors 0 and 1 belong to the protocol alone. They are moved away first: what anybody prints, in Python or beneath
it, goes to standard error, and who reads finds the end of a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING, NoReturn

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from reference_impl.server.stream import serve_stream

if TYPE_CHECKING:
    from reference_impl.protocol.sealing import Cipher
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["run_stdio", "serve_stdio"]

_CHUNK = 256 * 1024


def run_stdio(server: AdvancedMCPServer, cipher: Cipher | None = None) -> NoReturn:
    """Serve on standard input and output until end of file or a signal, then exit the process with 0.

    With `cipher`, the client has to seal its messages.
    """
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve_and_leave(server, cipher))
    else:
        uvloop.run(_serve_and_leave(server, cipher))
    raise SystemExit(0)


async def _serve_and_leave(server: AdvancedMCPServer, cipher: Cipher | None) -> None:
    gc.freeze()  # what is there now stays: collections need not look at it
    await serve_stdio(server, cipher)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # Not by returning: the loop would wait for worker threads, and one may read a terminal or run a tool for ever.
    os._exit(0)


async def serve_stdio(server: AdvancedMCPServer, cipher: Cipher | None = None) -> None:
    """Serve the one client of this process."""
    input_, output = _claim_stdin(), _claim_stdout()
    serving = asyncio.ensure_future(
        _serve(server, DescriptorReceiveStream(input_), DescriptorSendStream(output), cipher)
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, lambda: _stop(server, serving))
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serve(
    server: AdvancedMCPServer, receive: ByteReceiveStream, send: ByteSendStream, cipher: Cipher | None
) -> None:
    if cipher is None:
        await serve_stream(server, receive, send)
        return
    from reference_impl.server.sealed_lines import serve_sealed_lines

    await serve_sealed_lines(server, receive, send, cipher)


def _stop(server: AdvancedMCPServer, serving: asyncio.Future[None]) -> None:
    server.hub.close()
    asyncio.get_running_loop().call_later(0.05, serving.cancel)


def _claim_stdin() -> int:
    """Return a descriptor of the real standard input, and leave an empty one behind: whoever reads it, a handler or a
    program that it starts, would take the client's messages away."""
    claimed = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return claimed


def _claim_stdout() -> int:
    """Return a descriptor of the real standard output, and point descriptor 1 and `sys.stdout` at standard error."""
    sys.stdout.flush()
    output = os.dup(1)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What is printed is for people now, who want it when it is said, as on standard error.
        sys.stdout.reconfigure(line_buffering=True)
    return output


class DescriptorReceiveStream(ByteReceiveStream):
    """Reads a descriptor: through the event loop where it can be polled, else in a thread (files, `/dev/null`)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._polls = _polls(descriptor)

    async def receive(self, max_bytes: int = _CHUNK) -> bytes:
        """Return the next bytes. Raises `EndOfStream`."""
        if self._polls:
            await anyio.wait_readable(self._descriptor)
            chunk = os.read(self._descriptor, max_bytes)
        else:
            chunk = await asyncio.to_thread(os.read, self._descriptor, max_bytes)
        if not chunk:
            raise anyio.EndOfStream
        return chunk

    async def aclose(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class DescriptorSendStream(ByteSendStream):
    """Writes to a descriptor without ever blocking the event loop on a slow reader."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._polls = _polls(descriptor)
        if self._polls:
            os.set_blocking(descriptor, False)

    async def send(self, item: bytes) -> None:
        """Write all of `item`. Raises `BrokenResourceError` when the reader has gone."""
        view = memoryview(item)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._descriptor)
            except (BrokenPipeError, ConnectionResetError):
                raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def _polls(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))
