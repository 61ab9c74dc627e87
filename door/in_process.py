"""Servers that live in this process, as targets: an ASGI application behind a port, or a function of two streams."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from conformance.target import HttpTarget, MemoryTarget, Target
from door.errors import Exit, Refusal
from reference_impl.transports.memory import MemoryChannel, memory_pair

__all__ = ["in_process", "kind_of", "named_server"]

Serve = Callable[[MemoryChannel, MemoryChannel], Awaitable[object]]

_START = 20.0
"""Seconds that an application gets to start."""
_POLL = 0.01
_NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_KINDS = {3: "asgi", 2: "streams"}
"""By its arguments: scope, receive and send; or what it reads from and what it writes to."""


# `Any`: whatever a user's module holds.
def named_server(name: str, folder: str) -> Any:
    """Return what MODULE:NAME names, or what that returns if it takes no arguments; None if `name` is no such name.

    Modules are looked for in `folder` too. Raises `Refusal` if there is none, or it cannot be imported.
    """
    if not _NAMED.fullmatch(name):
        return None
    module, _, attribute = name.partition(":")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise Refusal(f"{name}: {error}") from None
    except AttributeError:
        raise Refusal(f"{name}: {module} has no {attribute}") from None
    return found() if callable(found) and _arguments(found) == 0 else found


@contextmanager
def in_process(server: Any, path: str) -> Iterator[Target]:
    """Serve an ASGI application at a free port of 127.0.0.1, or a function of two streams in memory, for the time of
    the block. Raises `Refusal` for what is neither, or does not start."""
    match kind_of(server):
        case "streams":
            yield MemoryTarget(getattr(server, "__name__", "a server in this process"), _Host(server).open)
        case "asgi":
            with _listening(server) as address:
                yield HttpTarget(f"http://{address}{path}")
        case _:
            raise Refusal(f"{server!r} is neither an ASGI application nor an async function of two streams")


def kind_of(server: Any) -> str | None:
    """Return "asgi" for an ASGI application, "streams" for a function of two streams, None for anything else."""
    return _KINDS.get(_arguments(server) or 0) if callable(server) else None


def _arguments(server: Callable[..., object]) -> int | None:
    """Return how many arguments without default a callable takes; None where that cannot be told."""
    try:
        parameters = inspect.signature(server).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(item.kind in positional and item.default is inspect.Parameter.empty for item in parameters)


class _Host:
    """Starts one conversation for each connection."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> MemoryChannel:
        """Return our end of a new conversation."""
        ours, theirs = memory_pair()
        task = asyncio.get_running_loop().create_task(self._run(theirs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    async def _run(self, channel: MemoryChannel) -> None:
        try:
            await self._serve(channel, channel)
        except Exception:  # noqa: BLE001 - whatever a user's server raises ends its conversation and nothing else
            traceback.print_exc()
        finally:
            await channel.aclose()


@contextmanager
def _listening(application: Any) -> Iterator[str]:
    """Run an ASGI application in a thread, its lifespan too, and give the address that it listens at."""
    try:
        import uvicorn
    except ImportError:
        raise Refusal("an ASGI application is served by uvicorn: install mcp-touchstone[servers]") from None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=_serve, args=(server, listener), daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            host, port = listener.getsockname()
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            thread.join(_START)


def _serve(server: Any, listener: socket.socket) -> None:
    with suppress(SystemExit):  # what uvicorn raises where the application does not start
        asyncio.run(server.serve(sockets=[listener]))


def _await_start(server: Any, thread: threading.Thread) -> None:
    ends = time.monotonic() + _START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > ends:
            raise Refusal("the application did not start; what it said stands in the captured output", Exit.UNREACHABLE)
        time.sleep(_POLL)
