"""How to reach a target: which transport carries the conversation, and what else may be tried where it does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec

import anyio

from reference_impl.client.errors import ClientError, ConnectionClosed, Unreachable
from reference_impl.client.sealing import sealed
from reference_impl.client.settings import ClientSettings
from reference_impl.client.wire import Wire
from reference_impl.protocol.legacy_sse import FALLBACK_STATUSES
from reference_impl.protocol.revisions import Era
from reference_impl.transports.channel import ByteChannel
from reference_impl.transports.messages import LineChannel
from reference_impl.transports.stdio import StdioCommand, StdioProcess, TargetNotStarted, open_process

__all__ = ["Target", "Way", "way_to"]

Target = StdioCommand | str | ByteChannel | Wire
"""A command to start, the URL of an endpoint, a channel of bytes that carries lines, or a wire of any other kind.

URLs are `http` and `https` (Streamable HTTP), `ws` and `wss` (WebSocket), `sse+http` and `sse+https` (the HTTP with SSE
of 2024-11-05).
"""

_LAST_WORDS = 0.5
"""Seconds that a process which closed its output gets to exit, so that its status can be told."""
_QUOTED = 300


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach the server.

    `again` gives a fresh wire after the server died of the probe, or is None where it is no longer to be had. `older`
    looks for an older transport at the same address, after the given wire was refused; it returns None where there is
    none. `mirrors` says that arguments travel in headers, `era` the only one that the transport knows.
    """

    open: Callable[[], Awaitable[Wire]]
    again: Callable[[], Awaitable[Wire]] | None = None
    older: Callable[[Wire], Awaitable[Wire | None]] | None = None
    mirrors: bool = False
    era: Era | None = None


def way_to(target: Target, settings: ClientSettings) -> Way:
    """Find the way to a target. Raises `ValueError` where the settings ask to seal what cannot be sealed."""
    if isinstance(target, str):
        scheme, _, rest = target.partition(":")
        make = _BY_SCHEME.get(scheme.lower(), _http)
        if settings.seal is not None and make is not _websocket:
            raise ValueError("sealed messages travel over stdio, WebSocket and memory, not over HTTP: use TLS there")
        return make(f"{scheme.lower()}:{rest}" if rest else target, settings)
    if isinstance(target, StdioCommand):

        async def start() -> Wire:
            return await _started(target, settings)

        return Way(start, again=start)

    async def given() -> Wire:
        return target if isinstance(target, Wire) else await sealed(LineChannel(target), settings, _nothing_known)

    return Way(given)


async def _nothing_known() -> str:
    return "the server closed the connection"


def _require(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise ConnectionClosed(f"{what} needs {package}: install mcp-touchstone[servers]")


def _http(url: str, settings: ClientSettings) -> Way:
    _require("httptools", "HTTP")
    from reference_impl.client.http_wire import HttpWire

    async def reach() -> Wire:
        return HttpWire(url, settings)

    async def older(refused: Wire) -> Wire | None:
        # `basic/transports#backwards-compatibility` of 2025-11-25: an `initialize` refused in one of these ways may
        # have met a server of the transport of 2024-11-05, which names its address on a stream to be had by GET.
        if not isinstance(refused, HttpWire) or refused.initialize_status not in FALLBACK_STATUSES:
            return None
        from reference_impl.client.legacy_sse_wire import open_legacy_sse

        try:
            return await open_legacy_sse(url, settings, settings.probe_timeout)
        except ClientError:
            return None

    return Way(reach, again=reach, older=older, mirrors=True)


def _legacy_sse(url: str, settings: ClientSettings) -> Way:
    async def reach() -> Wire:
        _require("httptools", "HTTP")
        from reference_impl.client.legacy_sse_wire import open_legacy_sse

        return await open_legacy_sse(url.partition("+")[2], settings, settings.timeout)

    return Way(reach, era=Era.LEGACY)


def _websocket(url: str, settings: ClientSettings) -> Way:
    async def reach() -> Wire:
        _require("websockets", "WebSocket")
        from reference_impl.client.websocket_wire import open_websocket_wire

        return await open_websocket_wire(url, settings)

    return Way(reach, again=reach)


_BY_SCHEME: dict[str, Callable[[str, ClientSettings], Way]] = {
    "sse+http": _legacy_sse,
    "sse+https": _legacy_sse,
    "ws": _websocket,
    "wss": _websocket,
}


async def _started(command: StdioCommand, settings: ClientSettings) -> Wire:
    try:
        process = await open_process(command)
    except TargetNotStarted as error:
        raise Unreachable(str(error)) from error

    async def explain() -> str:
        return await _last_words(process)

    return await sealed(LineChannel(_Process(process, settings.stop_grace)), settings, explain)


class _Process:
    """A process as a byte channel that is closed with the settings' own patience."""

    __slots__ = ("_grace", "_process", "close_sending", "receive", "send")

    def __init__(self, process: StdioProcess, grace: float) -> None:
        self._process, self._grace = process, grace
        self.send, self.receive, self.close_sending = process.send, process.receive, process.close_stdin

    async def aclose(self) -> None:
        await self._process.stop(self._grace)


async def _last_words(process: StdioProcess) -> str:
    """Say how the process ended, and quote the end of what it wrote to standard error."""
    with anyio.move_on_after(_LAST_WORDS):
        await process.wait()
    status = process.returncode
    how = "closed its output" if status is None else f"exited with status {status}"
    words = " ".join(process.stderr_tail.split())[-_QUOTED:]
    return f"the server {how}" + (f"; it last wrote: {words}" if words else "")
