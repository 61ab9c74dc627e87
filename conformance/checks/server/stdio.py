"""Checks of the stdio transport: framing, size, malformed lines, the end of the process."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from math import ceil
from typing import Any

import anyio
import psutil

from conformance.check import Sharing, check
from conformance.checks.fences import NOTE, all_answered, request_of, serves_after, serves_after_garbage
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.peer import Peer, encode, json_or_nothing
from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.stdio import StdioProcess

_KIB = 1024
_LONG = (64 * _KIB - 1, 64 * _KIB + 1, 1024 * _KIB)
"""Around the line limit of many scanners, and well above it."""
_VERY_LONG = 5 * 1024 * _KIB
_BACKLOG = HIGH_WATER + 512 * _KIB
"""Bytes of answers that neither we nor the pipe take while we do not read."""
_MOST_REQUESTS = 1500
_TIMED = 3
"""Answers by which it is told how long one takes: the first may wait for a machine that is busy."""
_SLACK = 4
"""How much longer than alone a request may take among many, on a machine that has other work too."""

_UNHURRIED = 3
"""How many times the patience with processes that end is had with one that is judged by it: the machine may be busy."""

_NO_MESSAGES: dict[str, bytes] = {
    "an empty array": b"[]",
    "null": b"null",
    "a number": b"42",
    "an empty object": b"{}",
    "a string": b'"hello"',
    "JSON-RPC 1.0": b'{"jsonrpc":"1.0","id":"touchstone-old","method":"ping"}',
    "a method that is a number": b'{"jsonrpc":"2.0","id":"touchstone-number","method":7}',
}
_NO_JSON: dict[str, bytes] = {
    "a line of text": b"GET / HTTP/1.1",
    "a truncated message": b'{"jsonrpc":"2.0","id":"touchstone-cut","method":"pi',
    "a bare brace": b"}",
}


@check("stdio.malformed.no-json", "stdio.malformed.survived", sharing=Sharing.ALONE)
async def no_json(peer: Peer) -> None:
    """A line that is no JSON does not keep the next request from its answer."""
    for name, line in _NO_JSON.items():
        await peer.stream.hold(line, defect=name)
        await serves_after(peer, name)


@check("stdio.malformed.no-message", "stdio.malformed.survived", sharing=Sharing.ALONE)
async def no_message(peer: Peer) -> None:
    """A line of JSON that is no message does not keep the next request from its answer."""
    await serves_after_garbage(peer)
    for name, line in _NO_MESSAGES.items():
        await peer.stream.hold(line, json_or_nothing(line), defect=name)
        await serves_after(peer, name)


@check("stdio.malformed.blank", "stdio.malformed.survived", sharing=Sharing.ALONE)
async def blank(peer: Peer) -> None:
    """Blank lines do not keep the next request from its answer."""
    await serves_after_garbage(peer)
    for line in (b"", b"   ", b"\r"):
        await peer.stream.hold(line, defect="a blank line")
    await serves_after(peer, "blank lines")


@check("stdio.malformed.no-utf-8", "stdio.malformed.survived", sharing=Sharing.ALONE)
async def no_utf_8(peer: Peer) -> None:
    """A line that is no UTF-8 does not keep the next request from its answer."""
    await serves_after_garbage(peer)
    message = peer.message(peer.cheap_method, meta={NOTE: "BYTES"})
    # Whoever replaces the bad bytes may answer: the transcript holds the id to answer with.
    await peer.stream.hold(encode(message).replace(b"BYTES", b"\xff\xc3("), message, defect="no UTF-8")
    await serves_after(peer, "a line that is no UTF-8")


@check("stdio.long-lines", "stdio.line.length", sharing=Sharing.ALONE)
async def long_lines(peer: Peer) -> None:
    """Requests of 64 KiB and a byte more or less, and of 1 MiB, are answered."""
    for size in _LONG:
        await _answered(peer, size)


@check("stdio.very-long-line", "stdio.line.very-long", sharing=Sharing.ALONE)
async def very_long_line(peer: Peer) -> None:
    """A request of 5 MiB is answered."""
    await _answered(peer, _VERY_LONG)


async def _answered(peer: Peer, size: int) -> None:
    """Send a request whose line has `size` bytes; any answer will do, a refusal without id too."""
    short = peer.message(peer.cheap_method, meta={NOTE: ""})
    message = short | {"params": _padded(short["params"], size - len(encode(short)))}
    await peer.call(message, defect=f"a line of {size:,} bytes")
    await serves_after(peer, f"a line of {size:,} bytes")


def _padded(params: dict[str, Any], filling: int) -> dict[str, Any]:
    return params | {"_meta": params["_meta"] | {NOTE: "a" * filling}}


@check("stdio.slow-reader", "stdio.back-pressure", sharing=Sharing.ALONE)
async def slow_reader(peer: Peer) -> None:
    """A client that is slow to read gets every answer in the end."""
    lists = [name for name in ("tools", "prompts", "resources") if name in peer.capabilities]
    method = f"{lists[0]}/list" if lists else peer.cheap_method
    answers = [await peer.request(method) for _ in range(_TIMED)]
    count = ceil(_BACKLOG / max(1, len(answers[0].entry.data)))
    if count > _MOST_REQUESTS:
        raise Blocked(f"the answers to {method} are too short to fill a pipe")
    timeouts = [
        peer.patience.answer + count * _SLACK * (answer.entry.at - request_of(peer, answer.id).at) for answer in answers
    ]
    if min(timeouts) > peer.patience.check:
        raise Blocked(f"{count} answers to {method} take too long")
    timeout = min(max(timeouts), peer.patience.check)

    async def read_late() -> None:
        with peer.stream.unread(), anyio.move_on_after(peer.patience.quiet):
            # Nothing tells when the target has filled the pipe: the one bounded wait.
            await peer.stream.silent.wait()

    await all_answered([read_late, *[partial(peer.request, method, timeout=timeout)] * count])


def _process(peer: Peer) -> StdioProcess:
    if peer.process is None:
        raise Inapplicable("the target runs in this process, not in one of its own")
    return peer.process


@check("stdio.end-of-input", "stdio.exit.end-of-input", "stdio.exit.end-of-input-legacy", sharing=Sharing.ENDING)
async def end_of_input(peer: Peer) -> None:
    """The server exits soon after its input has ended."""
    process = _process(peer)
    before = _processor_seconds(process.pid)
    process.close_stdin()
    patience = _unhurried(peer)
    with anyio.move_on_after(patience):
        await process.wait()
        return
    busy = (_processor_seconds(process.pid) - before) / patience
    spinning = f", keeping a processor {busy:.0%} busy" if busy > 0.5 else ""
    raise Mismatch(f"exit within {patience:g} s of the end of input", f"the process runs on{spinning}")


def _unhurried(peer: Peer) -> float:
    """How long a process gets to end, in seconds: short of the deadline of the check, which would leave no verdict."""
    return min(_UNHURRIED * peer.patience.stop, 0.75 * peer.patience.check)


def _processor_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


@check("stdio.terminated", "stdio.exit.sigterm", sharing=Sharing.ENDING)
async def terminated(peer: Peer) -> None:
    """The server exits soon after SIGTERM."""
    process = _process(peer)
    with suppress(ProcessLookupError):  # it has left by itself
        os.killpg(process.pid, signal.SIGTERM)  # it leads a group of its own, as `open_process` made it
    patience = _unhurried(peer)
    with anyio.move_on_after(patience):
        await process.wait()
        return
    raise Mismatch(f"exit within {patience:g} s of SIGTERM", "the process runs on")
